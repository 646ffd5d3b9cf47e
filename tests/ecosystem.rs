//! Crates of candle's ecosystem in cells, on the real engine and without network.

#[path = "common/mod.rs"]
mod common;

use std::fs;

use common::{Desk, path};

/// A package beside the notebook.
fn package(desk: &Desk, name: &str, version: &str, dependencies: &str, source: &str) {
    let folder = desk.0.path().join(name);
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n\
         [dependencies]\n{dependencies}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/lib.rs"), source).unwrap();
}

/// What each of the cells puts out, as JSON.
fn run(desk: &Desk, cells: &[&str]) -> Vec<String> {
    let notebook = desk.notebook("cells.ipynb", cells);
    let mut command = desk.command(&[path(&notebook), "--keep-going"]);
    command.env("CARGO_NET_OFFLINE", "true").output().unwrap();
    let executed = desk.executed("cells.ipynb");
    let cells = executed["cells"].as_array().unwrap().iter();
    cells.map(|cell| cell["outputs"].to_string()).collect()
}

#[track_caller]
fn says(output: &str, words: &str) {
    assert!(output.contains(words), "no {words:?} in {output}");
}

#[test]
fn a_crate_that_depends_on_candle_gets_the_workbooks() {
    let desk = Desk::new();
    package(
        &desk,
        "layers",
        "0.1.0",
        "candle-core = \"0.11\"\ncandle-nn = \"0.11\"",
        "use candle_core::{Device, Result, Tensor, Var};\n\
         pub fn variable(value: f32) -> Result<Var> { Var::new(value, &Device::Cpu) }\n\
         pub fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> { a * b }\n\
         pub fn relu(x: &Tensor) -> Result<Tensor> { \
             candle_core::Module::forward(&candle_nn::Activation::Relu, x) }\n",
    );
    let outputs = run(
        &desk,
        &[
            ":dep candle-core\n:dep candle-nn\n:dep layers = { path = \"layers\" }\n\
         use cuaderno::prelude::*;\nlet w = layers::variable(2.0)?;",
            "let x = Var::new(3f32, &Device::Cpu)?;",
            "let z = candle_core::Var::new(5f32, &candle_core::Device::Cpu)?;",
            "let loss = layers::relu(&layers::product(&w, &(x.as_tensor() * z.as_tensor())?)?)?;\n\
         let gradients = loss.backward()?;",
            // With a counter of ids in each crate, the variables would be taken for one another.
            "for var in [&w, &x, &z] {\n    \
             print!(\"{} \", gradients.get(var).unwrap().to_scalar::<f32>()?);\n\
         }",
            "use candle_nn::Optimizer;\n\
         let mut sgd = candle_nn::SGD::new(vec![w.clone(), x.clone()], 0.5)?;\n\
         sgd.step(&gradients)?;\n\
         println!(\"{} {}\", w.to_scalar::<f32>()?, x.to_scalar::<f32>()?);",
        ],
    );
    says(&outputs[4], "15 10 6");
    says(&outputs[5], "-5.5 -2");
}

#[test]
fn another_version_of_candle_is_refused_by_both_names() {
    let desk = Desk::new();
    package(&desk, "candle-core", "0.9.2", "", "");
    package(
        &desk,
        "old-layers",
        "0.1.0",
        "candle-core = { path = \"../candle-core\" }",
        "",
    );
    let outputs = run(
        &desk,
        &[
            ":dep old-layers = { path = \"old-layers\" }",
            ":dep candle-core = { path = \"candle-core\" }",
            "1 + 1",
        ],
    );
    let why = "candle-core 0.9.2, and the workbook is built with candle-core 0.11.1";
    says(&outputs[0], &format!("old-layers 0.1.0 needs {why}"));
    says(&outputs[1], &format!("The notebook asks for {why}"));
    says(&outputs[2], "\"2\"");
}

#[test]
fn a_network_written_for_candle_trains_with_trainer_and_by_hand_to_the_same_bits_twice() {
    const NETWORK: &str = "use cuaderno::candle_nn::{self, Optimizer, VarBuilder};\n\
        use cuaderno::{nn::{candle_layer, SeededVarMap}, optim::CandleOptimiser, prelude::*};\n\
        pub struct Cnn { conv: candle_nn::Conv2d, digits: candle_nn::Linear }\n\
        impl Cnn {\n    pub fn new(vb: VarBuilder) -> candle_core::Result<Self> {\n        \
            let conv = candle_nn::conv2d(1, 4, 5, Default::default(), vb.pp(\"conv\"))?;\n        \
            let digits = candle_nn::linear(4 * 24 * 24, 10, vb.pp(\"digits\"))?;\n        \
            Ok(Self { conv, digits })\n    }\n}\n\
        impl Module for Cnn {\n    \
            fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {\n        \
            self.conv.forward(x)?.relu()?.flatten_from(1)?.apply(&self.digits)\n    }\n}";
    const TRAINED: &str = "let network = Sequential::input(&[1, 28, 28])\n    \
            .then(\"cnn\", candle_layer(|vb| Cnn::new(vb))).build(&mut Rng::new(6202))?;\n\
        let model = Classifier::new(network);\n\
        let history = Trainer::new(Adam::new(1e-3)).epochs(2).batch_size(50).seed(6202)\n    \
            .quiet().fit(&model, &mnist.train, &mnist.test)?;\n\
        println!(\"{:?} {}\", history.final_valid(\"loss\")?, \
            history.final_valid(\"accuracy\")? > 0.7);";
    const BY_HAND: &str = "let variables = SeededVarMap::new(Rng::new(6202));\n\
        let network = Cnn::new(variables.builder(DType::F32, &Device::Cpu))?;\n\
        let mut adam = CandleOptimiser::new(variables.all_vars(), Adam::new(1e-3))?;\n\
        let x = mnist.train.images.narrow(0, 0, 100)?;\n\
        let y = mnist.train.labels.narrow(0, 0, 100)?;\n\
        let mut losses: Vec<f32> = Vec::new();\n\
        for _ in 0..40 {\n    \
            let loss = candle_nn::loss::cross_entropy(&network.forward(&x)?, &y)?;\n    \
            adam.backward_step(&loss)?;\n    \
            losses.push(loss.to_scalar::<f32>()?);\n\
        }\n\
        println!(\"{losses:?} {}\", losses[39] < 0.2 * losses[0]);";
    let outputs = run(
        &Desk::new(),
        &[
            &format!(":dep candle-core\n{NETWORK}"),
            "let mnist = Mnist::sample()?;",
            TRAINED,
            TRAINED,
            BY_HAND,
            BY_HAND,
        ],
    );
    for (first, second) in [(2, 3), (4, 5)] {
        says(&outputs[first], " true");
        assert_eq!(outputs[first], outputs[second]);
    }
}

#[test]
fn an_operation_of_candle_with_a_wrong_gradient_is_warned_of_at_its_line() {
    let outputs = run(
        &Desk::new(),
        &[
            "use cuaderno::{ops, ops::Pool2d, prelude::*};\n\
         let x = Tensor::ones((1, 1, 4, 4), DType::F32, &Device::Cpu)?;",
            "let theirs = 1;\nx.max_pool2d(2)?.sum_all()?.to_scalar::<f32>()?",
            "ops::max_pool2d(&x, Pool2d::square(2))?.sum_all()?.to_scalar::<f32>()?",
        ],
    );
    says(&outputs[1], "warning: line 2: candle's `max_pool2d`");
    says(&outputs[1], "\"4.0\"");
    assert!(!outputs[2].contains("warning"), "{}", outputs[2]);
    says(&outputs[2], "\"4.0\"");
}

#[test]
fn a_pipeline_of_ours_and_linfas_gets_from_pixels_to_a_confusion_matrix() {
    let outputs = run(
        &Desk::new(),
        &[
            ":dep linfa\n:dep linfa-nn\n:dep linfa-reduction\n:dep ndarray\n\
             use cuaderno::prelude::*;\n\
             use linfa::prelude::{Fit, ToConfusionMatrix, Transformer};\n\
             use ndarray::{Array1, Axis};",
            "let mnist = Mnist::sample()?;\n\
             let train = mnist.train.to_linfa::<f64>()?;\n\
             let test = mnist.test.to_linfa::<f64>()?;",
            // A pixel that is always white has no scale.
            "let inked: Vec<usize> = (0..784)\n    \
                 .filter(|&pixel| train.records.column(pixel).std(0.0) > 0.1).collect();\n\
             let (of_train, of_test) = (train.records.select(Axis(1), &inked), \
                 test.records.select(Axis(1), &inked));\n\
             let train = train.with_records(of_train);\n\
             let test = test.with_records(of_test);",
            "let scaler = StandardScaler::params().fit(&train)?;\n\
             let (train, test) = (scaler.transform(train), scaler.transform(test));",
            "let pca = linfa_reduction::Pca::params(20).fit(&train)?;\n\
             let codes = pca.transform(train.clone());\n\
             let queries = pca.transform(test.clone());",
            "let predicted: Array1<usize> = Knn::params(5).nn_algo(linfa_nn::BallTree)\n    \
                 .fit(&codes)?.predict(&queries);\n\
             let matrix = predicted.confusion_matrix(&queries)?;\n\
             println!(\"{:.3} linfa's PCA, {}\", matrix.accuracy(), matrix.accuracy() > 0.85);",
            // The same with ours, from the same data set, and linfa's metric against ours.
            "let pca = Pca::params(20).fit(&train)?;\n\
             let knn = Knn::params(5).fit(&pca.transform(train))?;\n\
             let ours = knn.predict(pca.transform(test));\n\
             let (_, classes) = cuaderno::arrays::from_dataset(ours)?;\n\
             let agreeing = accuracy(&mnist.test.labels, &classes)?;\n\
             println!(\"{}\", (agreeing - matrix.accuracy() as f64).abs() < 0.01);",
        ],
    );
    says(&outputs[5], "linfa's PCA, true");
    says(&outputs[6], "true");
}

#[test]
fn what_depends_on_linfa_gets_the_workbooks_and_classifies_and_clusters_its_data() {
    let outputs = run(
        &Desk::new(),
        &[
            ":dep linfa\n:dep linfa-logistic\n:dep linfa-clustering\n\
             use cuaderno::prelude::*;\n\
             use linfa::prelude::{Fit, Predict, ToConfusionMatrix};",
            "let mnist = Mnist::sample()?;\n\
             let pca = Pca::params(20).fit(&mnist.train.images.flatten_from(1)?)?;",
            "let to_codes = |part: &LabelledImages| -> cuaderno::Result<_> {\n    \
                 Ok(pca.transform(part.to_linfa::<f64>()?))\n};\n\
             let (train, test) = (to_codes(&mnist.train)?, to_codes(&mnist.test)?);\n\
             let model = linfa_logistic::MultiLogisticRegression::default()\n    \
                 .max_iterations(50).fit(&train)?;\n\
             let matrix = model.predict(&test).confusion_matrix(&test)?;\n\
             println!(\"regression {}\", matrix.accuracy() > 0.8);\n\
             let clusters = linfa_clustering::KMeans::params(10).max_n_iterations(50).fit(&train)?;\n\
             let found: Vec<u32> = clusters.predict(&test).iter().map(|&c| c as u32).collect();\n\
             let found = Tensor::new(found, &Device::Cpu)?;\n\
             let report = clustering_report(&mnist.test.labels, &found)?;\n\
             println!(\"clusters {}\", report.nmi > 0.35);",
        ],
    );
    says(&outputs[2], "regression true");
    says(&outputs[2], "clusters true");
}
