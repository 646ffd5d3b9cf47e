//! Networks of coming labs, built from public parts alone.

use cuaderno::Result;
use cuaderno::prelude::*;
use cuaderno::train::TensorExamples;

/// A residual network for digits: every block halves the side.
#[test]
fn a_residual_network_learns_digits() -> Result<()> {
    let mnist = Mnist::sample()?;
    let block = |filters: usize| {
        let main = Sequential::block()
            .then("conv1", Conv2d::filters(filters).stride(2).padding(1))
            .then("bn1", BatchNorm::of_channels())
            .then("relu", Activation::Relu)
            .then("conv2", Conv2d::filters(filters).padding(1))
            .then("bn2", BatchNorm::of_channels());
        Residual::around(main)
            .shortcut("downsample", Conv2d::filters(filters).kernel(1).stride(2))
            .activation(Activation::Relu)
    };
    let inception = Parallel::concat(1)
        .branch("one", Conv2d::filters(8).kernel(1))
        .branch("three", Conv2d::filters(8).kernel(3).padding(1));
    let network = Sequential::input(&[1, 28, 28])
        .then("centre", Lambda::named("x - 0.13", |x| x - 0.13))
        .then("block1", block(8))
        .then("block2", block(16))
        .then("inception", inception)
        .then("pool", AvgPool2d::window(7))
        .then("flatten", Flatten)
        .then("digits", Dense::units(10))
        .build(&mut Rng::new(6202))?;
    let summary = network.summary()?.to_string();
    for row in [
        "Residual + Relu",
        "[batch, 16, 7, 7]",
        "Parallel, joined",
        "Lambda",
    ] {
        assert!(summary.contains(row), "{summary}");
    }
    let model = Classifier::new(network);
    let trainer = Trainer::new(Adam::new(3e-3)).epochs(8).seed(6202).quiet();
    let history = trainer.fit(&model, &mnist.train, &mnist.test)?;
    let accuracy = history.final_valid("accuracy")?;
    assert!(accuracy > 0.85, "{accuracy}");
    Ok(())
}

/// An autoencoder for spectra of 156 numbers: a line whose place and height vary.
#[test]
fn an_autoencoder_learns_spectra() -> Result<()> {
    let mut rng = Rng::new(6202);
    let bands = Tensor::arange(0f32, 156.0, &Device::Cpu)?.reshape((1, 156))?;
    let place = rng.uniform(30.0, 120.0, &[400, 1])?;
    let height = rng.uniform(0.3, 0.9, &[400, 1])?;
    let lines = (bands.broadcast_sub(&place)? / 15.0)?.sqr()?.neg()?.exp()?;
    let spectra = lines.broadcast_mul(&height)?;
    let examples = TensorExamples::new(spectra.clone(), spectra.clone())?;

    let hidden = Dense::units(64).activation(Activation::Tanh);
    let encoder = Sequential::input(&[156])
        .then("hidden", hidden)
        .then("code", Dense::units(3))
        .build(&mut rng)?;
    let decoder = Sequential::input(&[3])
        .then("hidden", hidden)
        .then("spectrum", Dense::units(156))
        .build(&mut rng)?;
    let model = Autoencoder::new(encoder, decoder)?.with_output(Activation::Linear);
    let trainer = Trainer::new(Adam::new(1e-2)).epochs(60).seed(6202).quiet();
    let history = trainer.fit(&model, &examples, &examples)?;
    let variance = (spectra.broadcast_sub(&spectra.mean_keepdim(0)?)?).sqr()?;
    let variance = f64::from(variance.mean_all()?.to_scalar::<f32>()?);
    let error = history.final_valid("loss")?;
    assert!(error < 0.3 * variance, "{error} of {variance}");
    assert_eq!(model.reconstruct(&spectra)?.dims(), [400, 156]);
    Ok(())
}

/// A convolutional autoencoder for images of 32 x 32 in three colours: a bright square on a plain
/// ground.
#[test]
fn an_autoencoder_learns_colour_images() -> Result<()> {
    let mut rng = Rng::new(6202);
    let ground = rng.uniform(0.1, 0.9, &[200, 3, 1, 1])?;
    let images = ground.broadcast_as((200, 3, 32, 32))?.contiguous()?;
    let square = (rng.uniform(0.1, 0.9, &[200, 3, 1, 1])?).broadcast_as((200, 3, 8, 8))?;
    let mut squares = Vec::new();
    for image in 0..200 {
        let (row, column) = (8 * rng.below(4), 8 * rng.below(4));
        let rows = images.i(image)?.narrow(1, row, 8)?;
        let rows = rows.slice_scatter(&square.i(image)?.contiguous()?, 2, column)?;
        squares.push(images.i(image)?.slice_scatter(&rows, 1, row)?);
    }
    let images = Tensor::stack(&squares, 0)?;
    let examples = TensorExamples::new(images.clone(), images.clone())?;

    let conv = |filters: usize| Conv2d::filters(filters).padding(1);
    let relu = |filters: usize| conv(filters).activation(Activation::Relu);
    let encoder = Sequential::input(&[3, 32, 32])
        .then("conv1", relu(16).stride(2))
        .then("conv2", relu(16).stride(2))
        .then("flatten", Flatten)
        .then("code", Dense::units(24))
        .build(&mut rng)?;
    let decoder = Sequential::input(&[24])
        .then(
            "maps",
            Dense::units(16 * 8 * 8).activation(Activation::Relu),
        )
        .then("reshape", Reshape::to(&[16, 8, 8]))
        .then("up1", Upsample::nearest(2))
        .then("conv1", relu(16))
        .then("up2", Upsample::nearest(2))
        .then("pixels", conv(3))
        .build(&mut rng)?;
    let model = Autoencoder::new(encoder, decoder)?;
    model.start_at_mean(&images)?;
    let trainer = Trainer::new(Adam::new(3e-3)).epochs(12).seed(6202).quiet();
    trainer.fit(&model, &examples, &examples)?;
    let variance = images.broadcast_sub(&images.mean_keepdim(0)?)?.sqr()?;
    let variance = f64::from(variance.mean_all()?.to_scalar::<f32>()?);
    let error = reconstruction_mse(&images, &model.reconstruct(&images)?)?;
    assert!(error < 0.5 * variance, "{error} of {variance}");
    Ok(())
}
