//! Lab 01: the network for wine, its gradients by hand, and what a softmax before the loss costs.

use cuaderno::Result;
use cuaderno::nn::SequentialPlan;
use cuaderno::ops::{CrossEntropy, cross_entropy, softmax};
use cuaderno::prelude::*;

use super::SEED;

/// All of UCI Wine, which is small: measurements `[178, 13]` and classes `[178]` from 0.
fn wine() -> Result<(Tensor, Tensor)> {
    let text = std::str::from_utf8(cuaderno_datasets::shipped("wine.csv").unwrap()).unwrap();
    let mut measured = Vec::new();
    let mut classes = Vec::new();
    for line in text.lines().skip(1) {
        let (class, rest) = line.split_once(',').unwrap();
        classes.push(class.parse::<u32>().unwrap() - 1);
        measured.extend(rest.split(',').map(|field| field.parse::<f32>().unwrap()));
    }
    let n = classes.len();
    let measured = Tensor::from_vec(measured, (n, 13), &Device::Cpu)?;
    Ok((measured, Tensor::from_vec(classes, n, &Device::Cpu)?))
}

/// Training and test set, standardised by the training set.
fn sets(seed: u64) -> Result<[TensorExamples; 2]> {
    let (x, y) = wine()?;
    let split = Split::stratified(&y, 0.0, 0.2, &mut Rng::new(seed))?;
    let take = |t: &Tensor, rows: &[u32]| t.index_select(&Tensor::new(rows, &Device::Cpu)?, 0);
    let scaler = StandardScaler::params().fit(&take(&x, &split.train)?)?;
    let set =
        |rows: &[u32]| TensorExamples::new(scaler.transform(&take(&x, rows)?)?, take(&y, rows)?);
    Ok([set(&split.train)?, set(&split.test)?])
}

fn plan() -> SequentialPlan {
    Sequential::input(&[13])
        .then("input", Dense::units(5))
        .then("relu", Activation::Relu)
        .then("hidden_0", Dense::units(5))
        .then("relu_0", Activation::Relu)
        .then("hidden_1", Dense::units(5))
        .then("relu_1", Activation::Relu)
        .then("output", Dense::units(3))
}

/// The course's loop, by the course's optimiser.
fn fit(model: &Classifier, [train, test]: [&TensorExamples; 2], seed: u64) -> Result<History> {
    let mut sgd = Sgd::new(0.05).momentum(0.1);
    let mut progress = Progress::of_epochs(60).quiet();
    for epoch in 0..60 {
        for step in ShuffledBatches::of(train, 8, seed, epoch)? {
            let mut step = step?;
            let losses = model.losses(&step.batch, &mut Pass::Train(&mut step.rng))?;
            sgd.step(&model.parameters(), &backward(losses.minimised())?)?;
            progress.step_done(&step, &losses)?;
        }
        progress.epoch_done(sgd.learning_rate(), evaluate(model, test)?);
    }
    Ok(progress.finish())
}

#[test]
fn the_network_tells_the_growers_of_wines_apart() -> Result<()> {
    let mut accuracies = Vec::new();
    for seed in SEED..SEED + 5 {
        let [train, test] = sets(seed)?;
        let history = fit(&Classifier::new(plan().build(seed)?), [&train, &test], seed)?;
        accuracies.push(history.final_valid("accuracy")?);
    }
    let mean = accuracies.iter().sum::<f64>() / 5.0;
    println!("test accuracy: mean {mean:.3} of {accuracies:.3?}");
    assert!(mean >= 0.94, "{accuracies:?}");
    Ok(())
}

#[test]
fn a_softmax_before_the_loss_keeps_it_above_its_floor() -> Result<()> {
    let [train, test] = sets(SEED)?;
    let twice = plan().then("softmax", Lambda::named("softmax", |x| softmax(x, 1)));
    let floor = -(1f64.exp() / (1f64.exp() + 2.0)).ln();
    let last = |plan: &SequentialPlan| -> Result<f64> {
        let history = fit(&Classifier::new(plan.build(SEED)?), [&train, &test], SEED)?;
        Ok(history.train("loss")?[59])
    };
    let (logits, squeezed) = (last(&plan())?, last(&twice)?);
    assert!(squeezed > floor && logits < 0.1, "{squeezed} {logits}");
    Ok(())
}

#[test]
fn gradients_by_hand_are_those_of_autograd() -> Result<()> {
    let [train, _] = sets(SEED)?;
    let all = train.all()?;
    let (x, y) = (all.inputs.to_dtype(DType::F64)?, all.targets);
    let network = plan().build(SEED)?;
    network.parameters().to_dtype(DType::F64)?;
    let values: Vec<Tensor> = (network.parameters().iter())
        .map(|(_, parameter)| parameter.tensor().detach())
        .collect();
    let dense = |x: &Tensor, layer: &[Tensor]| -> Result<Tensor> {
        Ok(x.matmul(&layer[0].t()?)?.broadcast_add(&layer[1])?)
    };
    let layers: Vec<&[Tensor]> = values.chunks(2).collect();
    let mut outputs = vec![x.clone()];
    for layer in &layers[..3] {
        outputs.push(dense(&outputs[outputs.len() - 1], layer)?.relu()?);
    }
    let targets = Tensor::eye(3, DType::F64, &Device::Cpu)?.index_select(&y, 0)?;
    let mut delta = ((softmax(&dense(&outputs[3], layers[3])?, 1)? - targets)? / x.dim(0)? as f64)?;
    let mut by_hand = Vec::new();
    for (layer, y) in layers.iter().zip(&outputs).rev() {
        by_hand.extend([delta.sum(0)?, delta.t()?.matmul(y)?]);
        delta = (delta.matmul(&layer[0])? * y.gt(0.0)?.to_dtype(DType::F64)?)?;
    }

    let loss = cross_entropy(&network.forward(&x)?, &y, &CrossEntropy::default())?;
    let gradients = backward(&loss)?;
    let parameters = network.parameters();
    assert_eq!(parameters.len(), by_hand.len());
    for ((name, parameter), by_hand) in parameters.iter().zip(by_hand.iter().rev()) {
        let automatic = gradients.get(&parameter.var()).unwrap();
        let apart: f64 = (automatic - by_hand)?.abs()?.max_all()?.to_scalar()?;
        let size: f64 = automatic.abs()?.max_all()?.to_scalar()?;
        assert!(size > 1e-4 && apart < 1e-12, "{name}: {apart} of {size}");
    }
    Ok(())
}
