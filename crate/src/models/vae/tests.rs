use candle_core::DType;

use super::*;
use crate::Rng;
use crate::data::Mnist;
use crate::metrics::reconstruction_bce;
use crate::nn::no_grad;
use crate::ops::check_variables;
use crate::optim::Adam;
use crate::train::{Trainer, evaluate};

/// The network of the Portuguese course.
fn lists() -> VaeArchitecture {
    VaeArchitecture::new(2)
        .encoder([32, 64, 64, 64], [3, 3, 3, 3], [1, 2, 2, 1])
        .decoder([64, 64, 32, 1], [3, 3, 3, 3], [1, 2, 2, 1])
        .r_loss(PixelLoss::Mse, 1000.0)
}

fn build(architecture: &VaeArchitecture) -> Vae {
    architecture.build(6202).unwrap()
}

fn images(n: usize) -> Tensor {
    Rng::new(1).uniform(0.0, 1.0, &[n, 1, 28, 28]).unwrap()
}

fn batch(n: usize) -> Batch {
    Batch::new(images(n), images(n))
}

/// The columns of a summary with the steps and the parameters.
fn parameters(vae: &Vae) -> Vec<(String, usize)> {
    let text = vae.summary().unwrap().to_string();
    let lines = text.lines().skip(2);
    let lines = lines.take_while(|line| !line.ends_with("trainable"));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let numbers = words
                .iter()
                .rev()
                .find(|word| word.parse::<f64>().is_ok() || word.contains(','));
            let count = numbers.unwrap().replace(',', "").parse().unwrap();
            (words[0].to_owned(), count)
        })
        .collect()
}

#[test]
fn the_summary_has_the_parameters_of_the_course_s() {
    let counts = |vae: &Vae| {
        let steps = parameters(vae).into_iter();
        steps.filter(|step| step.1 > 0).collect::<Vec<_>>()
    };
    let expected = [
        ("conv1", 320),
        ("conv2", 18496),
        ("conv3", 36928),
        ("conv4", 36928),
        ("code.mean", 6274),
        ("code.log_var", 6274),
        ("maps", 9408),
        ("conv_transpose1", 36928),
        ("conv_transpose2", 36928),
        ("conv_transpose3", 18464),
        ("conv_transpose4", 289),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counts(&build(&lists())), expected);

    let inf395 = counts(&build(&VaeArchitecture::inf395(2)));
    let hidden = inf395.iter().filter(|(name, _)| name == "hidden");
    let hidden: Vec<usize> = hidden.map(|(_, count)| *count).collect();
    assert_eq!(hidden, [14 * 14 * 64 * 128 + 128, 2 * 128 + 128]);
    let dense = Vae::dense(400, 20, 1).unwrap();
    let total = 784 * 400 + 400 + 2 * (400 * 20 + 20) + 20 * 400 + 400 + 400 * 784 + 784;
    assert_eq!(dense.summary().unwrap().parameters(), total);
}

#[test]
fn batch_norm_and_dropout_stand_after_each_convolution_but_the_last() {
    let vae = build(&lists().batch_norm().dropout(0.25));
    let names: Vec<String> = parameters(&vae).into_iter().map(|step| step.0).collect();
    let count = |kind: &str| names.iter().filter(|name| name.starts_with(kind)).count();
    assert_eq!(
        ["batch_norm", "activation", "dropout"].map(count),
        [7, 7, 7]
    );
    assert_eq!(names.last().unwrap(), "conv_transpose4");
    let place = |name: &str| names.iter().position(|other| other == name).unwrap();
    assert_eq!(place("batch_norm2"), place("conv2") + 1);
    assert_eq!(place("dropout2"), place("activation2") + 1);

    // In evaluation neither is random: a code is the same every time, and for a single image too.
    let (all, one) = (images(3), images(1));
    let code = |images| vae.encode(images).unwrap().mean.to_vec2::<f32>().unwrap();
    for (a, b) in code(&all)[0].iter().zip(&code(&one)[0]) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn the_losses_are_the_bound_written_out() {
    let batch = batch(4);
    for (vae, pixel_loss, factor) in [
        (Vae::dense(30, 3, 2).unwrap(), PixelLoss::Bce, 784.0),
        (build(&lists()), PixelLoss::Mse, 1000.0),
    ] {
        let losses = vae
            .losses(&batch, &mut Pass::Train(&mut Rng::new(9)))
            .unwrap();
        let found: Vec<f64> = losses.values().unwrap().iter().map(|part| part.1).collect();

        let code = vae.encode(&batch.inputs).unwrap();
        let restored = vae.decode(&code.sample(9).unwrap()).unwrap();
        let list = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let pairs = list(&batch.inputs).into_iter().zip(list(&restored));
        let pixels: f64 = pairs
            .map(|(x, p)| {
                let (x, p) = (f64::from(x), f64::from(p));
                match pixel_loss {
                    PixelLoss::Bce => -x * p.ln() - (1.0 - x) * (1.0 - p).ln(),
                    PixelLoss::Mse => (x - p).powi(2),
                }
            })
            .sum();
        let codes = list(&code.mean).into_iter().zip(list(&code.log_var));
        let kl: f64 = codes
            .map(|(m, v)| 0.5 * (f64::from(m).powi(2) + f64::from(v).exp() - 1.0 - f64::from(v)))
            .sum();
        let expected = [factor * pixels / (4.0 * 784.0), kl / 4.0];
        for (found, expected) in [found[1], found[2]].into_iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 1e-4, "{found} {expected}");
        }
        assert!((found[0] - found[1] - found[2]).abs() < 1e-3);
    }
}

#[test]
fn gradients_of_both_heads_are_slopes_of_the_loss() {
    let vae = Vae::dense(4, 2, 2).unwrap();
    let parameters = vae.parameters();
    parameters.to_dtype(DType::F64).unwrap();
    let inputs = images(3).to_dtype(DType::F64).unwrap();
    let batch = Batch::new(inputs.clone(), inputs);
    let names = [
        "encoder.code.mean.weight",
        "encoder.code.mean.bias",
        "encoder.code.log_var.weight",
        "encoder.code.log_var.bias",
        "decoder.hidden.weight",
    ];
    let variables = names.map(|name| (name.to_owned(), parameters.get(name).unwrap().var()));
    let report = check_variables(&variables, || {
        let losses = vae.losses(&batch, &mut Pass::Train(&mut Rng::new(5)))?;
        Ok(losses.minimised().clone())
    });
    let report = report.unwrap();
    assert!(report.is_right(), "{report}");
}

#[test]
fn evaluated_it_decodes_the_mean() {
    let vae = Vae::dense(30, 3, 2).unwrap();
    let batch = batch(6);
    let losses = no_grad(|| vae.losses(&batch, &mut Pass::Evaluate)).unwrap();
    let r_loss = losses.values().unwrap()[1].1;
    let restored = vae.reconstruct(&batch.inputs).unwrap();
    let expected = 784.0 * reconstruction_bce(&batch.inputs, &restored).unwrap();
    assert!(
        (r_loss / expected - 1.0).abs() < 1e-5,
        "{r_loss} {expected}"
    );
}

#[test]
fn a_sample_has_the_code_s_mean_and_variance() {
    let row = |values: &[f32]| {
        let row = Tensor::new(values, &candle_core::Device::Cpu).unwrap();
        row.reshape((1, 2))
            .unwrap()
            .broadcast_as((20_000, 2))
            .unwrap()
    };
    let code = GaussianCode {
        mean: row(&[1.0, -2.0]),
        log_var: row(&[0.25f32.ln(), 4f32.ln()]),
    };
    let z = code.sample(6202).unwrap();
    let means: Vec<f32> = z.mean(0).unwrap().to_vec1().unwrap();
    let variances: Vec<f32> = z.var(0).unwrap().to_vec1().unwrap();
    assert!(
        (means[0] - 1.0).abs() < 0.02 && (means[1] + 2.0).abs() < 0.06,
        "{means:?}"
    );
    assert!(
        (variances[0] / 0.25 - 1.0).abs() < 0.04 && (variances[1] / 4.0 - 1.0).abs() < 0.04,
        "{variances:?}"
    );
    let given: Vec<f32> = code.variance().unwrap().get(0).unwrap().to_vec1().unwrap();
    assert!((given[0] - 0.25).abs() < 1e-6 && (given[1] - 4.0).abs() < 1e-5);
}

#[test]
fn it_learns_digits() {
    let mnist = Mnist::sample().unwrap();
    let vae = Vae::dense(200, 8, 6202).unwrap();
    let trainer = Trainer::new(Adam::new(1e-3)).epochs(8).seed(6202).quiet();
    let history = trainer.fit(&vae, &mnist.train, &mnist.test).unwrap();
    // The mean image of the sample costs 784 * 0.264 = 207 nats.
    let (r_loss, kl) = (
        history.final_valid("r_loss").unwrap(),
        history.final_valid("kl").unwrap(),
    );
    assert!(r_loss < 150.0 && (5.0..30.0).contains(&kl), "{r_loss} {kl}");
    // Samples of the prior are images with about as much ink as digits have.
    let samples = vae.sample(200, 1).unwrap();
    let ink: f32 = samples.mean_all().unwrap().to_scalar().unwrap();
    assert!((0.09..0.18).contains(&ink), "{ink}");
}

#[test]
fn the_convolutional_one_learns_digits() {
    let mnist = Mnist::sample().unwrap();
    let vae = build(&lists());
    let before = evaluate(&vae, &mnist.test).unwrap()[0].mean;
    let trainer = Trainer::new(Adam::new(5e-4)).epochs(4).seed(6202).quiet();
    let history = trainer.fit(&vae, &mnist.train, &mnist.test).unwrap();
    let after = history.final_valid("loss").unwrap();
    // 1000 times the squared error of the sample's mean image is 67.7.
    assert!(before > 150.0 && after < 64.0, "{before} {after}");
}

#[test]
fn many_images_are_encoded_as_few_are() {
    let vae = build(&lists());
    let images = images(501);
    let many = vae.encode(&images).unwrap();
    assert_eq!(
        (many.mean.dims(), many.log_var.dims()),
        (&[501, 2][..], &[501, 2][..])
    );
    assert!(!many.mean.track_op());
    let one = vae.encode(&images.narrow(0, 500, 1).unwrap()).unwrap();
    for (one, many) in [(&one.mean, &many.mean), (&one.log_var, &many.log_var)] {
        let (one, many): (Vec<f32>, Vec<f32>) = (
            one.get(0).unwrap().to_vec1().unwrap(),
            many.get(500).unwrap().to_vec1().unwrap(),
        );
        assert!(
            one.iter().zip(&many).all(|(a, b)| (a - b).abs() < 1e-5),
            "{one:?} {many:?}"
        );
    }
}

#[test]
fn an_architecture_is_kept_as_json() {
    let architecture = lists().batch_norm().dropout(0.25).hidden(16);
    let json = serde_json::to_string(&architecture).unwrap();
    assert_eq!(
        serde_json::from_str::<VaeArchitecture>(&json).unwrap(),
        architecture
    );
    assert_ne!(serde_json::to_string(&lists()).unwrap(), json);
}

#[test]
fn what_cannot_be_built_is_one_sentence() {
    let error = |architecture: VaeArchitecture| {
        let built = architecture.build(1);
        built.unwrap_err().to_string()
    };
    assert!(error(VaeArchitecture::new(2)).contains("0 in the encoder and 0 in the decoder"));
    let even = error(lists().encoder([8], [4], [2]));
    assert!(
        even.contains("kernel: 4") && even.contains("an odd kernel"),
        "{even}"
    );
    let large = error(lists().decoder([8, 1], [3, 3], [2, 1]));
    assert!(
        large.contains("ends in [1, 14, 14], but images are [1, 28, 28]"),
        "{large}"
    );
    let channels = error(lists().decoder([8, 3], [3, 3], [2, 2]));
    assert!(channels.contains("ends in [3, 28, 28]"), "{channels}");
    assert!(error(lists().r_loss(PixelLoss::Mse, f64::NAN)).contains("factor of r_loss is NaN"));
    let empty = VaeArchitecture::new(0)
        .encoder([8], [3], [1])
        .decoder([1], [3], [1]);
    assert!(error(empty).contains("0 units"));
}

#[test]
fn an_encoder_that_gives_no_means_and_log_variances_is_refused() {
    let network = |inputs: usize, outputs: usize| {
        let plan = Sequential::input(&[inputs]).then("only", Dense::units(outputs));
        plan.build(&mut Rng::new(1)).unwrap()
    };
    let error = Vae::new(network(6, 3), network(3, 6))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "Vae: the encoder gives [3]; it must end in [2 * latent], the means and the log-variances of a code."
    );
    let error = Vae::new(network(6, 4), network(4, 6))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("Vae: a code is [2], but the decoder takes [4]"),
        "{error}"
    );
}
