//! Networks of coming labs, built from public parts alone.

use cuaderno::Result;
use cuaderno::prelude::*;

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
