//! Lab 12: the game in one dimension, and what the measures say of it.

use cuaderno::Result;
use cuaderno::prelude::*;

use super::SEED;

/// Points on two hills.
fn hills() -> Result<Tensor> {
    let mut rng = Rng::new(SEED);
    let hills = [
        rng.normal(-2.0, 0.6, &[2000, 1])?,
        rng.normal(1.0, 0.8, &[2000, 1])?,
    ];
    Ok(Tensor::cat(&hills, 0)?)
}

#[test]
fn lab_12_in_one_dimension() -> Result<()> {
    let leaky = Activation::LeakyRelu {
        negative_slope: 0.2,
    };
    let hidden = |activation| Dense::units(32).activation(activation);
    let generator = Sequential::input(&[4])
        .then("hidden1", hidden(leaky))
        .then("hidden2", hidden(leaky))
        .then("points", Dense::units(1))
        .build(SEED)?;
    let discriminator = Sequential::input(&[1])
        .then("hidden1", hidden(Activation::Tanh))
        .then("hidden2", hidden(Activation::Tanh))
        .then("real", Dense::units(1))
        .build(SEED + 1)?;
    let gan = Gan::new(generator, discriminator)?.with_output(Activation::Linear);
    let hills = hills()?;
    let points = TensorExamples::new(hills.clone(), hills.clone())?;
    let untrained = frechet_distance(&hills, &gan.sample(4000, SEED)?)?;
    let history = Trainer::adversarial(Adam::new(2e-3), Adam::new(1e-3))
        .epochs(60)
        .batch_size(100)
        .seed(SEED)
        .quiet()
        .fit(&gan, &points, &points)?;
    let made = gan.sample(4000, SEED)?;
    let trained = frechet_distance(&hills, &made)?;
    let answer: f32 = gan.discriminate(&hills)?.mean_all()?.to_scalar()?;
    let share = |of: Tensor| of.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>();
    let left = share(made.lt(-0.6)?)?;
    let valley = share((made.gt(-1.0)? * made.lt(-0.2)?)?)?;

    let mut bands = Bands::new();
    bands.at_least("untrained: distance", untrained, 1.0);
    bands.at_most("trained: distance", trained, 0.5);
    bands.between("D where the data are", answer.into(), 0.4, 0.6);
    bands.between("points on the left hill", left.into(), 0.35, 0.65);
    // 0.05 of the data lie there, and 0.23 of one hill over both.
    bands.at_most("points in the valley", valley.into(), 0.12);
    let loss = history.final_valid("discriminator.loss")?;
    bands.between("D's loss, ln 2 at the equilibrium", loss, 0.55, 0.75);
    println!("{}", bands.check()?);
    Ok(())
}
