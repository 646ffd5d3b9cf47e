use candle_core::Tensor;

use super::*;
use crate::Rng;
use crate::data::Mnist;
use crate::nn::{Conv2d, Dense};
use crate::optim::RmsProp;
use crate::train::{Examples, TensorExamples, Trainer, evaluate};

fn model(latent: usize) -> Autoencoder {
    Autoencoder::basic(latent, Activation::Relu, 6202).unwrap()
}

/// Images of two random patterns, which a code of one number can tell apart.
fn patterns() -> TensorExamples {
    let mut rng = Rng::new(1);
    let patterns = rng
        .uniform(0.0, 1.0, &[2, 1, 28, 28])
        .unwrap()
        .round()
        .unwrap();
    let which: Vec<u32> = (0..64).map(|_| rng.below(2) as u32).collect();
    let which = Tensor::new(which, patterns.device()).unwrap();
    let images = patterns.index_select(&which, 0).unwrap();
    TensorExamples::new(images, which).unwrap()
}

#[test]
fn training_learns_to_reconstruct() {
    let (model, examples) = (model(2), patterns());
    let before = evaluate(&model, &examples).unwrap()[0].mean;
    let history = Trainer::new(RmsProp::new(1e-2))
        .epochs(80)
        .fit(&model, &examples, &examples)
        .unwrap();
    let after = history.last().unwrap().valid("loss").unwrap().mean;
    assert!(before > 0.6 && after < 0.1, "{before} {after}");
    let images = examples.batch(&[0, 1, 2]).unwrap().inputs;
    let error = (model.reconstruct(&images).unwrap() - images).unwrap();
    let error: f32 = error.abs().unwrap().max_all().unwrap().to_scalar().unwrap();
    assert!(error < 0.3, "{error}");
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let train = || {
        let model = model(3);
        let trainer = Trainer::new(RmsProp::new(1e-3)).epochs(2).seed(5);
        trainer.fit(&model, &patterns(), &patterns()).unwrap();
        let weights = model
            .parameters()
            .get("encoder.code.weight")
            .unwrap()
            .tensor()
            .flatten_all()
            .unwrap();
        weights.to_vec1::<f32>().unwrap()
    };
    assert_eq!(train(), train());
}

#[test]
fn started_at_the_mean_a_code_of_zeros_decodes_to_it() {
    let images = Rng::new(1).uniform(0.1, 0.9, &[50, 1, 28, 28]).unwrap();
    let model = model(4);
    model.start_at_mean(&images).unwrap();
    let zeros = Tensor::zeros((1, 4), images.dtype(), images.device()).unwrap();
    let error = (model.decode(&zeros).unwrap() - images.mean_keepdim(0).unwrap()).unwrap();
    let error: f32 = error.abs().unwrap().max_all().unwrap().to_scalar().unwrap();
    assert!(error < 1e-5, "{error}");
    let relu = model.with_output(Activation::Relu);
    let error = relu.start_at_mean(&images).unwrap_err().to_string();
    assert!(error.contains("is Relu"), "{error}");
}

#[test]
fn other_outputs_minimise_the_squared_error() {
    let (model, examples) = (model(2).with_output(Activation::Linear), patterns());
    let trainer = Trainer::new(RmsProp::new(1e-2)).epochs(60).quiet();
    let history = trainer.fit(&model, &examples, &examples).unwrap();
    let loss = history.final_valid("loss").unwrap();
    let images = examples.batch(&(0..64).collect::<Vec<_>>()).unwrap().inputs;
    let error = (model.reconstruct(&images).unwrap() - images).unwrap();
    let mse: f32 = error
        .sqr()
        .unwrap()
        .mean_all()
        .unwrap()
        .to_scalar()
        .unwrap();
    assert!(
        (f64::from(mse) - loss).abs() < 1e-5 && loss < 0.05,
        "{mse} {loss}"
    );
}

#[test]
fn encoding_keeps_no_graph() {
    let images = Rng::new(1).uniform(0.0, 1.0, &[2, 1, 28, 28]).unwrap();
    assert!(!model(2).reconstruct(&images).unwrap().track_op());
}

#[test]
fn the_summary_counts_the_course_s_parameters() {
    let summary = model(32).summary().unwrap();
    assert_eq!(summary.parameters(), 784 * 32 + 32 + 32 * 784 + 784);
}

fn deep(latent: usize, activation: Activation) -> Autoencoder {
    Autoencoder::deep(latent, activation, 6202).unwrap()
}

#[test]
fn the_summary_goes_down_to_the_code_and_up_to_the_pixels() {
    let summary = deep(8, Activation::Linear).summary().unwrap();
    let text = summary.to_string();
    for shape in ["[batch, 32, 7, 7]", "[batch, 8]", "[batch, 1, 28, 28]"] {
        assert!(text.contains(shape), "{text}");
    }
    let encoder = 16 * 9 + 16 + 32 * 16 * 9 + 32 + 1568 * 8 + 8;
    let decoder = 8 * 1568 + 1568 + 32 * 32 * 9 + 32 + 16 * 32 * 9 + 16 + 16 * 9 + 1;
    assert_eq!(summary.parameters(), encoder + decoder);
}

#[test]
fn it_starts_at_the_mean_grey_and_learns() {
    let mnist = Mnist::sample().unwrap();
    let model = deep(8, Activation::Sigmoid);
    model.start_at_mean(&mnist.train.images).unwrap();
    let start = evaluate(&model, &mnist.test).unwrap()[0].mean;
    assert!((0.35..0.45).contains(&start), "{start}");
    let trainer = Trainer::new(RmsProp::new(1e-3))
        .epochs(4)
        .seed(6202)
        .quiet();
    let history = trainer.fit(&model, &mnist.train, &mnist.test).unwrap();
    // The mean image of the sample has 0.264.
    assert!(history.final_valid("loss").unwrap() < 0.25);
}

#[test]
fn many_images_are_encoded_as_few_are() {
    let images = Rng::new(1).uniform(0.0, 1.0, &[1001, 1, 28, 28]).unwrap();
    let model = deep(2, Activation::Linear);
    let codes: Vec<Vec<f32>> = model.encode(&images).unwrap().to_vec2().unwrap();
    assert_eq!(codes.len(), 1001);
    let last = model.encode(&images.narrow(0, 1000, 1).unwrap()).unwrap();
    for (one, many) in last.to_vec2::<f32>().unwrap()[0].iter().zip(&codes[1000]) {
        assert!((one - many).abs() < 1e-5);
    }
    assert!(!model.encode(&images).unwrap().track_op());
}

#[test]
fn networks_that_do_not_fit_are_refused() {
    let mut rng = Rng::new(1);
    let mut network = |inputs: usize, outputs: usize| {
        let plan = Sequential::input(&[inputs]).then("only", Dense::units(outputs));
        plan.build(&mut rng).unwrap()
    };
    let mut error = |encoder: [usize; 2], decoder: [usize; 2]| {
        let encoder = network(encoder[0], encoder[1]);
        let decoder = network(decoder[0], decoder[1]);
        Autoencoder::new(encoder, decoder).unwrap_err().to_string()
    };
    assert_eq!(
        error([6, 2], [3, 6]),
        "Autoencoder: a code is [2], but the decoder takes [3]; give it the code's shape."
    );
    assert_eq!(
        error([6, 2], [2, 5]),
        "Autoencoder: the encoder takes [6], but the decoder gives [5]; it must end in the shape of an example."
    );
}

#[test]
fn a_decoder_that_ends_in_a_convolution_starts_at_the_mean_of_each_channel() {
    let mut rng = Rng::new(1);
    let encoder = Sequential::input(&[2, 4, 4]).then("conv", Conv2d::filters(1).padding(1));
    let decoder = Sequential::input(&[1, 4, 4]).then("conv", Conv2d::filters(2).padding(1));
    let model = Autoencoder::new(
        encoder.build(&mut rng).unwrap(),
        decoder.build(&mut rng).unwrap(),
    )
    .unwrap();
    let dark = rng.uniform(0.1, 0.2, &[3, 1, 4, 4]).unwrap();
    let bright = rng.uniform(0.7, 0.9, &[3, 1, 4, 4]).unwrap();
    let images = Tensor::cat(&[&dark, &bright], 1).unwrap();
    model.start_at_mean(&images).unwrap();
    let zeros = Tensor::zeros((1, 1, 4, 4), images.dtype(), images.device()).unwrap();
    let decoded = model.decode(&zeros).unwrap();
    let mean = |images: &Tensor| images.mean_all().unwrap().to_scalar::<f32>().unwrap();
    for (channel, images) in [&dark, &bright].into_iter().enumerate() {
        let decoded = mean(&decoded.narrow(1, channel, 1).unwrap());
        assert!(
            (decoded - mean(images)).abs() < 1e-5,
            "{channel}: {decoded}"
        );
    }
    let error = model.start_at_mean(&dark).unwrap_err().to_string();
    assert!(error.contains("[3, 1, 4, 4]"), "{error}");
}
