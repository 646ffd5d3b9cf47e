//! Lab 04 on the shipped sample: four classes that the shipped network has never seen.

use cuaderno::prelude::*;

use crate::{SEED, trainer};

/// The classes of CIFAR-10 that are new to the shipped network.
const NEW: [u32; 4] = [1, 3, 7, 8];

/// Two dense layers, trained on features.
pub fn head(features: &TensorExamples, classes: usize, epochs: usize) -> Result<Classifier> {
    let width = features.batch(&[0])?.inputs.dim(1)?;
    let network = Sequential::input(&[width])
        .then("hidden", Dense::units(200).activation(Activation::Relu))
        .then("classes", Dense::units(classes))
        .build(SEED)?;
    let head = Classifier::new(network);
    trainer(Adam::new(1e-3), epochs, SEED)
        .batch_size(10)
        .fit(&head, features, features)?;
    Ok(head)
}

#[test]
fn the_shipped_network_knows_its_classes_and_its_features_serve_new_ones() -> Result<()> {
    let cifar = Cifar10::sample()?;
    let trained = Backbone::small()?;
    let home = cifar.test.of_classes(&Backbone::SMALL_CLASSES)?;
    let at_home = accuracy(&home.labels, &trained.logits(&home.images)?.argmax(1)?)?;

    let train = cifar.train.of_classes(&NEW)?.take_of_each(10)?;
    let test = cifar.test.of_classes(&NEW)?;
    let with_features_of = |backbone: &Backbone| -> Result<f64> {
        let features = backbone.features(&train.images)?;
        let head = head(&TensorExamples::new(features, train.labels.clone())?, 4, 60)?;
        accuracy(
            &test.labels,
            &head.predict(&backbone.features(&test.images)?)?,
        )
    };
    let learned = with_features_of(&trained)?;
    let random = with_features_of(&Backbone::small_untrained(SEED)?)?;
    println!("at home {at_home:.3}, new classes {learned:.3}, on random features {random:.3}");
    assert!(at_home > 0.6, "{at_home}");
    assert!(
        learned > random + 0.05 && learned > 0.5,
        "{learned} {random}"
    );
    Ok(())
}
