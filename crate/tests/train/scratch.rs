use std::hash::{DefaultHasher, Hash, Hasher};

use cuaderno::models::{CategoricalVae, JointVae};
use cuaderno::optim::RmsProp;
use cuaderno::train::{Model, TensorExamples, Trainer};
use cuaderno::{Result, Rng};

fn bits(name: &str, model: &dyn Model) -> Result<()> {
    let images = Rng::new(1).uniform(0.0, 1.0, &[70, 1, 28, 28])?.powf(3.0)?;
    let examples = TensorExamples::new(images.clone(), images)?;
    let mut start = 0.0;
    for (_, parameter) in model.parameters().iter() {
        let values: Vec<f32> = parameter.tensor().flatten_all()?.to_vec1()?;
        start += values.iter().map(|w| f64::from(w.abs())).sum::<f64>();
    }
    let trainer = Trainer::new(RmsProp::new(1e-3)).epochs(2).seed(6202);
    let history = trainer.quiet().fit(model, &examples, &examples)?;
    let mut hasher = DefaultHasher::new();
    for (_, parameter) in model.parameters().iter() {
        for value in parameter.tensor().flatten_all()?.to_vec1::<f32>()? {
            value.to_bits().hash(&mut hasher);
        }
    }
    println!(
        "BITS {name} {start:.6} {:.10} {:.10} {:016x}",
        history.epochs[0].train[0].mean,
        history.final_valid("loss")?,
        hasher.finish()
    );
    Ok(())
}

#[test]
fn scratch_bits() -> Result<()> {
    bits(
        "categorical",
        &CategoricalVae::inf395(10, &mut Rng::new(6202))?,
    )?;
    bits(
        "joint",
        &JointVae::convolutional(10, 8, &mut Rng::new(6202))?,
    )?;
    bits(
        "informed",
        &JointVae::convolutional(10, 8, &mut Rng::new(6202))?.information_weight(300.0)?,
    )
}
