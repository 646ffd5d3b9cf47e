use cuaderno::prelude::*;
fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (filters, epochs, rate, drop): (usize, usize, f64, f64) = (
        args[1].parse().unwrap(),
        args[2].parse().unwrap(),
        args[3].parse().unwrap(),
        args[4].parse().unwrap(),
    );
    let kind = args[5].as_str();
    let mnist = Mnist::load()?;
    let relu = Activation::Relu;
    let conv = |f| Conv2d::filters(f).kernel(3);
    let input = Sequential::input(&[1, 28, 28]);
    let network = match kind {
        "before" => input
            .then("conv1", conv(32).activation(relu))
            .then("norm1", BatchNorm::of_channels())
            .then("conv2", conv(32).activation(relu))
            .then("pool", MaxPool2d::window(2))
            .then("conv3", conv(filters))
            .then("norm3", BatchNorm::of_channels())
            .then("relu3", relu)
            .then("flatten", Flatten)
            .then("drop", Dropout::rate(drop))
            .then("hidden", Dense::units(50).activation(relu))
            .then("digits", Dense::units(10)),
        _ => input
            .then("conv1", conv(32).activation(relu))
            .then("norm1", BatchNorm::of_channels())
            .then("conv2", conv(32).activation(relu))
            .then("pool", MaxPool2d::window(2))
            .then("conv3", conv(filters).activation(relu))
            .then("flatten", Flatten)
            .then("norm2", BatchNorm::of_channels())
            .then("drop", Dropout::rate(drop))
            .then("hidden", Dense::units(50).activation(relu))
            .then("digits", Dense::units(10)),
    }
    .build(6202)?;
    let model = Classifier::new(network);
    let aug = Augmentation::new()
        .zoom(0.9..=1.1)
        .rotate(-10.0..=10.0)
        .shift(-2.0..=2.0, -2.0..=2.0);
    let n = args[6].parse().unwrap();
    let train = mnist.train.take(n)?.augmented(&aug)?;
    let start = Instant::now();
    let history = Trainer::new(AdamW::new(rate).weight_decay(0.01))
        .epochs(epochs)
        .batch_size(100)
        .seed(6202)
        .schedule(Schedule::Cosine {
            epochs,
            minimum: 0.0,
        })
        .fit(&model, &train, &mnist.test)?;
    println!(
        "{kind} {filters} {:?} {:.4} {:?}",
        history.valid("accuracy")?,
        accuracy(&mnist.test.labels, &model.predict(&mnist.test.images)?)?,
        start.elapsed()
    );
    Ok(())
}
