//! Networks of coming labs, built from public parts alone.

use cuaderno::prelude::*;
use cuaderno::{Result, ops};

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
        .build(6202)?;
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
    // It is 0.01; a code that is not used leaves the whole variance.
    assert!(error < 0.1 * variance, "{error} of {variance}");
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
    // It is 0.35; images without their colours would leave two thirds of the variance.
    assert!(error < 0.5 * variance, "{error} of {variance}");
    Ok(())
}

/// A tagger of sentences that are padded to 6 words.
fn tagger(seed: u64) -> Result<Classifier> {
    let network = Sequential::input(&[6])
        .then("words", Embedding::table(10, 5))
        .then("lstm", Bidirectional::of(Lstm::units(4).return_sequences()))
        .then("tags", Dense::units(3))
        .then(
            "tags_first",
            Lambda::named("transpose", |x| x.transpose(1, 2)),
        )
        .build(seed)?;
    Ok(Classifier::new(network))
}

/// Sentences of those lengths, with tags that depend on the word before: `[n, 6]` each.
fn sentences(lengths: &[usize], seed: u64) -> Result<[Tensor; 3]> {
    let mut rng = Rng::new(seed);
    let (mut words, mut tags) = (Vec::new(), Vec::new());
    for &length in lengths {
        let mut before = 0;
        for place in 0..6 {
            let word = if place < length {
                1 + rng.below(9) as u32
            } else {
                0
            };
            words.push(word);
            tags.push(if place < length {
                (word + before) % 3
            } else {
                0
            });
            before = word;
        }
    }
    let shape = (lengths.len(), 6);
    let words = Tensor::from_vec(words, shape, &Device::Cpu)?;
    let tags = Tensor::from_vec(tags, shape, &Device::Cpu)?;
    let mask = ops::mask_of_lengths(lengths, 6)?;
    Ok([words, tags, mask])
}

#[test]
fn a_masked_tagger_sees_each_sentence_as_if_it_were_alone() -> Result<()> {
    let model = tagger(1)?;
    let lengths = [6, 2, 4];
    let [words, tags, mask] = sentences(&lengths, 2)?;
    let examples = TensorExamples::new(words.clone(), tags.clone())?.masked(mask)?;
    let losses = model.losses(&examples.batch(&[0, 1, 2])?, &mut Pass::Evaluate)?;
    let together = ops::backward(losses.minimised())?;
    let values = losses.values()?;

    let mut alone = [0.0; 2];
    let mut gradients: Vec<Option<Tensor>> = vec![None; model.parameters().len()];
    for (row, &length) in lengths.iter().enumerate() {
        let cut = |x: &Tensor| x.narrow(0, row, 1)?.narrow(1, 0, length)?.contiguous();
        let batch = Batch::new(cut(&words)?, cut(&tags)?);
        let losses = model.losses(&batch, &mut Pass::Evaluate)?;
        // The loss of the batch is the mean over its words.
        let share = length as f64 / 12.0;
        for (sum, (_, value)) in alone.iter_mut().zip(losses.values()?) {
            *sum += share * value;
        }
        let store = ops::backward(losses.minimised())?;
        for (sum, (_, parameter)) in gradients.iter_mut().zip(model.parameters().iter()) {
            let gradient = (store.get(&parameter.var()).expect("a gradient") * share)?;
            *sum = Some(match sum.take() {
                Some(sum) => (sum + gradient)?,
                None => gradient,
            });
        }
    }
    for (alone, (name, value)) in alone.iter().zip(&values) {
        assert!(
            (alone - value).abs() < 1e-6,
            "{name}: {value}, alone {alone}"
        );
    }
    for (sum, (name, parameter)) in gradients.iter().zip(model.parameters().iter()) {
        let gradient = together.get(&parameter.var()).expect("a gradient");
        let error = (sum.as_ref().expect("a sum") - gradient)?.abs()?;
        let error = error.flatten_all()?.max(0)?.to_scalar::<f32>()?;
        assert!(error < 1e-6, "{name}: {error}");
    }
    Ok(())
}

#[test]
fn a_masked_tagger_learns_tags_that_depend_on_the_word_before() -> Result<()> {
    let lengths: Vec<usize> = (0..300).map(|i| 1 + i % 6).collect();
    let [words, tags, mask] = sentences(&lengths, 3)?;
    let examples = TensorExamples::new(words, tags)?.masked(mask)?;
    let model = tagger(1)?;
    let trainer = Trainer::new(Adam::new(2e-2)).epochs(30).seed(6202).quiet();
    let history = trainer.fit(&model, &examples, &examples)?;
    let accuracy = history.final_valid("accuracy")?;
    assert!(accuracy > 0.8, "{accuracy}");
    Ok(())
}

#[test]
fn the_mean_of_an_epoch_is_the_one_over_all_words() -> Result<()> {
    let model = tagger(1)?;
    // Two batches of evaluation: a thousand long sentences, and the rest of one word.
    let lengths: Vec<usize> = (0..1200).map(|i| if i < 1000 { 6 } else { 1 }).collect();
    let [words, tags, mask] = sentences(&lengths, 2)?;
    let examples = TensorExamples::new(words.clone(), tags.clone())?.masked(mask.clone())?;
    let all: Vec<u32> = (0..1200).collect();
    let together = model.losses(&examples.batch(&all)?, &mut Pass::Evaluate)?;
    let means = model.evaluate(&examples)?;
    for (mean, (name, expected)) in means.iter().zip(together.values()?) {
        assert!(
            (mean.mean - expected).abs() < 1e-6,
            "{name}: {mean:?}, not {expected}"
        );
    }
    let predicted = model.predict_with_mask(&words, &mask)?;
    let of_words = |tags: &Tensor| masked_select(tags, &mask);
    let found = accuracy(&of_words(&tags)?, &of_words(&predicted)?)?;
    assert!(
        (found - means[1].mean).abs() < 1e-6,
        "{found}, not {}",
        means[1].mean
    );
    // The last sentence has one word, which the layer that reads backwards meets after the padding.
    let last = |probabilities: Tensor| probabilities.i((1199, .., 0))?.to_vec1::<f32>();
    let masked = last(model.probabilities_with_mask(&words, &mask)?)?;
    assert_ne!(last(model.probabilities(&words)?)?, masked);
    Ok(())
}

/// A fully convolutional network with a class for each pixel: bright or dark.
#[test]
fn a_segmenter_learns_masks_of_pixels() -> Result<()> {
    let mut rng = Rng::new(6202);
    let images = rng.uniform(0.0, 1.0, &[60, 1, 2, 2])?;
    let classes = images.squeeze(1)?.gt(0.5)?.to_dtype(DType::U32)?;
    let images = ops::upsample_nearest2d(&images, ops::Resize::By(4))?;
    let classes = ops::upsample_nearest2d(
        &classes.to_dtype(DType::F32)?.unsqueeze(1)?,
        ops::Resize::By(4),
    )?;
    let classes = classes.squeeze(1)?.to_dtype(DType::U32)?;
    let examples = TensorExamples::new(images.clone(), classes)?;
    let network = Sequential::input(&[1, 8, 8])
        .then(
            "conv",
            Conv2d::filters(8).padding(1).activation(Activation::Relu),
        )
        .then("pool", MaxPool2d::window(2))
        .then("up", Upsample::nearest(2))
        .then("classes", Conv2d::filters(2).kernel(1))
        .build(&mut rng)?;
    let model = Classifier::new(network);
    let trainer = Trainer::new(Adam::new(2e-2)).epochs(20).seed(6202).quiet();
    let history = trainer.fit(&model, &examples, &examples)?;
    let accuracy = history.final_valid("accuracy")?;
    assert!(accuracy > 0.9, "{accuracy}");
    assert_eq!(model.predict(&images)?.dims(), [60, 8, 8]);
    Ok(())
}

/// A loop as a course's code has it gives the weights that the trainer gives, dropout included.
#[test]
fn a_loop_of_one_s_own_gives_the_trainer_s_bits() -> Result<()> {
    let mut rng = Rng::new(1);
    let points = rng.uniform(-1.0, 1.0, &[50, 2])?;
    let inside = points.sqr()?.sum(1)?.lt(0.6)?.to_dtype(DType::U32)?;
    let examples = TensorExamples::new(points, inside)?;
    let network = || {
        Sequential::input(&[2])
            .then("hidden", Dense::units(16).activation(Activation::Tanh))
            .then("dropout", Dropout::rate(0.3))
            .then("sides", Dense::units(2))
            .build(2)
    };
    let weights = |network: &Sequential| -> Result<Vec<Vec<f32>>> {
        let parameters = network.parameters();
        let values = parameters
            .iter()
            .map(|(_, p)| p.tensor().flatten_all()?.to_vec1());
        Ok(values.collect::<cuaderno::candle_core::Result<_>>()?)
    };

    let trained = network()?;
    let trainer = Trainer::new(Adam::new(1e-2))
        .epochs(3)
        .batch_size(8)
        .seed(6202);
    let model = Classifier::new(trained.clone());
    let expected = trainer.quiet().fit(&model, &examples, &examples)?;

    let network = network()?;
    let start = weights(&network)?;
    let mut adam = Adam::new(1e-2);
    let mut progress = Progress::of_epochs(3).quiet();
    for epoch in 0..3 {
        for step in ShuffledBatches::of(&examples, 8, 6202, epoch)? {
            let mut step = step?;
            let mut pass = Pass::Train(&mut step.rng);
            let logits = network.apply(&step.batch.inputs, &mut pass)?;
            let loss = ops::cross_entropy(&logits, &step.batch.targets, &Default::default())?;
            adam.step(&network.parameters(), &ops::backward(&loss)?)?;
            assert!(progress.step_done(&step, &Losses::new("loss", loss))?);
        }
        let valid = evaluate(&Classifier::new(network.clone()), &examples)?;
        progress.epoch_done(adam.learning_rate(), valid);
    }
    assert_eq!(weights(&network)?, weights(&trained)?);
    assert_ne!(weights(&network)?, start);
    let history = progress.finish();
    for (found, expected) in history.epochs.iter().zip(&expected.epochs) {
        assert_eq!(found.number, expected.number);
        assert_eq!(found.train[0], expected.train[0]);
        assert_eq!(found.valid, expected.valid);
    }
    Ok(())
}

#[test]
fn a_loss_that_is_no_number_stops_a_loop_of_one_s_own() -> Result<()> {
    let x = Tensor::zeros((4, 1), DType::F32, &Device::Cpu)?;
    let examples = TensorExamples::new(x.clone(), x)?;
    let mut progress = Progress::of_epochs(1).quiet();
    let step = ShuffledBatches::of(&examples, 2, 0, 0)?
        .nth(1)
        .expect("two batches")?;
    let losses = Losses::new("loss", Tensor::new(f32::NAN, &Device::Cpu)?);
    let error = progress.step_done(&step, &losses).unwrap_err().to_string();
    assert!(
        error.starts_with("epoch 1, batch 2 of 2: loss is NaN"),
        "{error}"
    );
    assert!(ShuffledBatches::of(&examples, 0, 0, 0).is_err());
    Ok(())
}
