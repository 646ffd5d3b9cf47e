//! Lab 10: Gaussian codes, convolutional and dense, and a run folder.

use cuaderno::Result;
use cuaderno::prelude::*;

use super::{SEED, course_vae, trainer};

fn largest(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.abs()?.max_all()?.to_scalar::<f32>()?.into())
}

#[test]
fn lab_10() -> Result<()> {
    let mnist = Mnist::sample()?;
    let mean_image = mnist.train.images.mean_keepdim(0)?;
    let mean_image = mean_image.broadcast_as(mnist.test.images.dims())?;
    let mean_image = mean_image.contiguous()?;
    let baseline = 784.0 * reconstruction_bce(&mnist.test.images, &mean_image)?;
    let mut bands = Bands::new();

    let inf395 = VaeArchitecture::inf395(2).build(&mut Rng::new(SEED))?;
    let history = trainer(RmsProp::new(1e-3), 5, SEED).fit(&inf395, &mnist.train, &mnist.test)?;
    let kl = history.final_valid("kl")?;
    bands.at_most("INF-395", history.final_valid("loss")?, baseline - 10.0);
    bands.between("INF-395: kl", kl, 1.5, 9.0);
    let mut comparison = CodeComparison::neighbours(10);
    comparison.add("VAE", &inf395, &mnist.train, &mnist.test)?;
    let accuracy = comparison.get("VAE", 2)?.accuracy;
    bands.at_least("INF-395: accuracy", accuracy, 0.35);

    let dense = Vae::dense(400, 20, SEED)?;
    let history = trainer(Adam::new(1e-3), 10, SEED).fit(&dense, &mnist.train, &mnist.test)?;
    bands.at_most("784-400-20", history.final_valid("loss")?, 150.0);
    let sampled = history.last().unwrap().train("loss").unwrap().mean;
    bands.at_least("784-400-20: at samples", sampled, 120.0);

    // With hardly any weight on the reconstruction the code says nothing.
    let collapsed = course_vae(20.0).build(&mut Rng::new(SEED))?;
    trainer(Adam::new(5e-4), 3, SEED).fit(&collapsed, &mnist.train, &mnist.test)?;
    let means = collapsed.encode(&mnist.test.images)?.mean;
    bands.at_most("factor 20: largest mean", largest(&means)?, 0.2);
    println!("{}\n{comparison}", bands.check()?);

    let code = inf395.encode(&mnist.test.images)?;
    let (first, others) = (mnist.test.take(3)?.images, mnist.test.select(&[3, 4, 7])?);
    latent_manifold(&inf395, 10, 0.05)?.png()?;
    latent_interpolation(&inf395, &first, &others.images, 4)?.png()?;
    latent_traversal(&dense, &dense.encode(&first)?.mean.narrow(0, 0, 1)?, 3.0, 5)?.png()?;
    latent_samples(&dense, 20, 10, SEED)?.png()?;
    histograms_against_normal("mean ", &code.mean)?.svg()?;
    histograms("variance ", &code.variance()?)?.svg()?;
    Ok(())
}

#[test]
fn lab_10_builds_a_run_and_loads_it() -> Result<()> {
    let mnist = Mnist::sample()?;
    let (train, test) = (mnist.train.take(128)?, mnist.test.take(32)?);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run/vae/0002_digits");
    let codes = Rng::new(SEED).normal(0.0, 1.0, &[10, 2])?;
    let mut vae = course_vae(1000.0).build(&mut Rng::new(SEED))?;
    for epochs in [1, 2] {
        let run = match RunFolder::exists(&path) {
            true => RunFolder::load(&path, &course_vae(1000.0))?,
            false => RunFolder::build(&path, &course_vae(1000.0))?,
        };
        vae = course_vae(1000.0).build(&mut Rng::new(SEED))?;
        let history = trainer(Adam::new(5e-4), epochs, SEED)
            .callback(run.checkpoint())
            .callback(SampleImages::every(3, &vae, &codes, run.images()))
            .resume(run.path())
            .fit(&vae, &train, &test)?;
        assert_eq!(history.epochs.len(), epochs);
    }
    assert!(path.join("images/step-000003.png").exists());
    assert!(path.join("images/step-000006.png").exists());

    // The weights are those of the model that was trained, in two halves.
    let replay = course_vae(1000.0).build(&mut Rng::new(1))?;
    replay
        .parameters()
        .load(path.join("weights/weights.safetensors"))?;
    let difference = (replay.decode(&codes)? - vae.decode(&codes)?)?;
    assert_eq!(largest(&difference)?, 0.0);

    let error = RunFolder::load(&path, &course_vae(500.0))
        .unwrap_err()
        .to_string();
    assert!(error.contains("r_loss_factor is 1000"), "{error}");
    Ok(())
}
