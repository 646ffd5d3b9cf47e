//! Crates of candle's ecosystem in cells, on the real engine and, unless crates may be fetched,
//! without network.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use common::{Desk, path, tables_are_built};

/// The variable that lets tests fetch and build crates that the workbook does not come with.
const BUILD_CRATES: &str = "CUADERNO_BUILD_CRATES";

/// A package beside the notebook; `dependencies` may go on with other sections of its manifest.
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
    if std::env::var_os(BUILD_CRATES).is_none() {
        command.env("CARGO_NET_OFFLINE", "true");
    }
    command.output().unwrap();
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
    let support = concat!("{ path = \"", env!("CARGO_MANIFEST_DIR"), "/../crate\" }");
    package(&desk, "mine", "0.1.0", &format!("cuaderno = {support}"), "");
    let outputs = run(
        &desk,
        &[
            ":dep old-layers = { path = \"old-layers\" }",
            ":dep candle-core = { path = \"candle-core\" }",
            "1 + 1",
            &format!(":dep cuaderno = {support}"),
            ":dep mine = { path = \"mine\" }",
            ":dep cuaderno\n:dep never-heard-of = \"1\"",
            ":dep cuaderno\n1 + 2",
        ],
    );
    let why = "candle-core 0.9.2, and the workbook is built with candle-core 0.11.1";
    says(&outputs[0], &format!("old-layers 0.1.0 needs {why}"));
    says(&outputs[1], &format!("The notebook asks for {why}"));
    says(&outputs[2], "\"2\"");
    says(&outputs[3], "every cell has the workbook's own `cuaderno`");
    says(
        &outputs[4],
        "A crate of the notebook needs a cuaderno of its own, and cells have the workbook's",
    );
    says(&outputs[5], "never-heard-of");
    says(&outputs[5], "offline");
    says(&outputs[6], "\"3\"");
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
            .then(\"cnn\", candle_layer(|vb| Cnn::new(vb))).build(6202)?;\n\
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

/// What the cells of the three tests below put out, in one session: to begin one with tables takes
/// longer than all their cells. Nothing where polars is not built.
static TABLES: LazyLock<Option<[Vec<String>; 3]>> = LazyLock::new(|| {
    if !tables_are_built() {
        return None;
    }
    let wrong = |lines: &str| {
        format!(
            "std::fs::write(\"wrong.csv\", {lines:?})?;\n\
             println!(\"{{}}\", read_csv(\"wrong.csv\", &schema).unwrap_err());"
        )
    };
    let parts: [&[&str]; 3] = [
        &[
            ":dep cuaderno-tables\n\
             use cuaderno::prelude::*;\nuse cuaderno_tables::prelude::*;\nlet wine = wine()?;",
            "wine.clone()",
            "wine.group_by_stable([\"class\"])?.select([\"alcohol\"]).mean()?",
            "let names = [\"alcohol\", \"proline\"];\nlet x = wine.tensor(&names)?;\n\
             let y = wine.labels(\"class\")?;\n\
             println!(\"{:?} {:?} {}\", x.dims(), y.dims(), x.i((177, 0))?.to_scalar::<f32>()?);",
            "frame_from_tensor(&x, &names)?.tensor(&names)?.eq(&x)?\
             .to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()?",
            "let knn = Knn::params(1).fit((&x, &y))?;\naccuracy(&y, &knn.predict(&x)?)?",
            "wine.tensor(&[\"colour\"]).unwrap_err().to_string()",
        ],
        &[
            "let schema = vec![(\"name\", DataType::String), (\"size\", DataType::Float64)];",
            &wrong("name,size\na,1\nb,two\n"),
            &wrong("name,length\na,1\n"),
            &wrong("name\na\n"),
            &wrong("name,size\na,1\nb\n"),
            &wrong(""),
            &wrong("name;size\na;1\n"),
            &wrong("name,size\na,1\nb,\"2,5\"\n"),
            &wrong("name,size\na,1\nb,2,5\n"),
            "std::fs::write(\"right.csv\", \"name,size\\na,1\\n\\\"b, c\\\",\\n\")?;\n\
             let table = read_csv(\"right.csv\", &schema)?;\n\
             table.save_csv(\"again/right.csv\")?;\ntable.save_parquet(\"again/right.parquet\")?;\n\
             println!(\"{} {}\", table.column(\"size\")?.null_count(), \
             read_csv(\"again/right.csv\", &schema)?.equals_missing(&table));",
            "println!(\"{}\", read_parquet(\"again/right.parquet\", &schema)?.equals_missing(&table));\n\
             let other = [(\"name\", DataType::String), (\"size\", DataType::Int64)];\n\
             println!(\"{}\", read_parquet(\"again/right.parquet\", &other).unwrap_err());",
            "table.tensor(&[\"size\"]).unwrap_err().to_string()",
        ],
        &[
            "let mnist = Mnist::sample()?;",
            "let model = Autoencoder::basic(2, Activation::Relu, &mut Rng::new(6202))?;\n\
             let history = Trainer::new(RmsProp::new(1e-3)).epochs(2).seed(6202).quiet()\n    \
             .fit(&model, &mnist.train, &mnist.test)?;",
            "history.save_csv(\"history.csv\")?;\n\
             println!(\"{} {:?}\", history.frame()?.equals(&read_history(\"history.csv\")?), \
             history.frame()?.get_column_names());",
            "let pixels = mnist.train.images.flatten_from(1)?;\n\
             let pca = Pca::params(2).fit(&pixels)?;\n\
             let mut codes = CodeComparison::neighbours(3);\n\
             codes.add(\"PCA\", &pca, &mnist.train, &mnist.test)?;\ncodes.frame()?",
            "let labels = Tensor::new(&[0u32, 0, 1, 1], &Device::Cpu)?;\n\
             let found = Tensor::new(&[0u32, 1, 1, 1], &Device::Cpu)?;\n\
             println!(\"{}\", classification_report(&labels, &found)?.frame()?);\n\
             println!(\"{}\", clustering_report(&labels, &found)?.frame()?);",
        ],
    ];
    let mut outputs = run(&Desk::new(), &parts.concat()).into_iter();
    Some(parts.map(|cells| outputs.by_ref().take(cells.len()).collect()))
});

#[test]
fn wine_is_read_grouped_shown_and_a_tensor() {
    let Some([outputs, _, _]) = &*TABLES else {
        return;
    };
    says(&outputs[0], "UCI Wine: 178 wines");
    for words in [
        "text/html",
        "178 rows × 14 columns",
        ">od280_od315<",
        ">u32<",
        ">…<",
        "14.23",
    ] {
        says(&outputs[1], words);
    }
    // The text is polars' own.
    says(&outputs[1], "shape: (178, 14)");
    says(&outputs[2], "3 rows × 2 columns");
    says(&outputs[2], "13.744746");
    says(&outputs[3], "[178, 2] [178] 14.13");
    says(&outputs[4], "\"1.0\"");
    says(&outputs[5], "\"1.0\"");
    says(&outputs[6], "it must be one of: class, alcohol");
}

#[test]
fn a_table_is_checked_where_it_is_read_and_comes_back_as_it_was_saved() {
    let Some([_, outputs, _]) = &*TABLES else {
        return;
    };
    let expected = "wrong.csv: column `size`, row 2: expected is f64, but found is `two`.";
    says(&outputs[1], expected);
    says(
        &outputs[2],
        "wrong.csv: column 2 is `length`, but expected is `size`.",
    );
    says(
        &outputs[3],
        "wrong.csv: column 2 is missing, expected is `size`.",
    );
    says(
        &outputs[4],
        "wrong.csv: row 2 has 1 fields, but expected are 2.",
    );
    says(
        &outputs[5],
        "wrong.csv: row 0, that of the names, is missing: the file is empty, but expected is `name,size`.",
    );
    says(
        &outputs[6],
        "wrong.csv: column 1 is `name;size`, but expected is `name`: separate the columns by `,`, \
         not by ';'.",
    );
    let comma = "a number has a point, not a comma";
    let expected = "column `size`, row 2: expected is f64, but found is `2,5`";
    says(&outputs[7], &format!("wrong.csv: {expected}: {comma}."));
    let expected = "row 2 has 3 fields, but expected are 2";
    says(&outputs[8], &format!("wrong.csv: {expected}: {comma}"));
    says(&outputs[9], "1 true");
    says(&outputs[10], "true");
    says(
        &outputs[10],
        "right.parquet: column `size` is f64, but expected is i64.",
    );
    says(&outputs[11], "row 2 has no value");
}

#[test]
fn what_the_workbook_finds_out_is_a_frame() {
    let Some([_, _, outputs]) = &*TABLES else {
        return;
    };
    says(&outputs[2], "true");
    says(
        &outputs[2],
        "\\\"epoch\\\", \\\"seconds\\\", \\\"learning_rate\\\", \\\"train_loss\\\"",
    );
    says(&outputs[3], "1 rows × 7 columns");
    says(&outputs[4], "shape: (2, 5)");
    says(&outputs[4], "0.666667");
    says(&outputs[4], "v_measure");
}

fn crates_may_be_built() -> bool {
    let may = std::env::var_os(BUILD_CRATES).is_some();
    if !may {
        eprintln!("This test did not run: it fetches and builds crates, with {BUILD_CRATES}.");
    }
    may
}

#[test]
fn candle_transformers_resnet_gives_what_ours_gives() {
    if !crates_may_be_built() {
        return;
    }
    const BLOCKS: &str = "use cuaderno::nn::{BlockPlan, Conv2dPlan, ResidualPlan};\n\
        fn conv(filters: usize) -> Conv2dPlan { Conv2d::filters(filters).without_bias() }\n\
        fn block(filters: usize, stride: usize) -> ResidualPlan {\n    \
            let main = Sequential::block()\n        \
                .then(\"conv1\", conv(filters).padding(1).stride(stride))\n        \
                .then(\"bn1\", BatchNorm::of_channels()).then(\"relu\", Activation::Relu)\n        \
                .then(\"conv2\", conv(filters).padding(1)).then(\"bn2\", BatchNorm::of_channels());\n    \
            Residual::around(main).activation(Activation::Relu)\n}\n\
        fn blocks(filters: usize, stride: usize) -> BlockPlan {\n    \
            let mut first = block(filters, stride);\n    \
            if stride != 1 {\n        \
                let smaller = conv(filters).kernel(1).stride(stride);\n        \
                first = first.shortcut(\"downsample\", Sequential::block()\n            \
                    .then(\"0\", smaller).then(\"1\", BatchNorm::of_channels()));\n    }\n    \
            Sequential::block().then(\"0\", first).then(\"1\", block(filters, 1))\n}";
    const OURS: &str = "let ours = Sequential::input(&[3, 64, 64])\n    \
            .then(\"conv1\", conv(64).kernel(7).stride(2).padding(3))\n    \
            .then(\"bn1\", BatchNorm::of_channels()).then(\"relu\", Activation::Relu)\n    \
            .then(\"maxpool\", MaxPool2d::window(3).stride(2).padding(1))\n    \
            .then(\"layer1\", blocks(64, 1)).then(\"layer2\", blocks(128, 2))\n    \
            .then(\"layer3\", blocks(256, 2)).then(\"layer4\", blocks(512, 2))\n    \
            .then(\"avgpool\", GlobalAvgPool).then(\"fc\", Dense::units(10))\n    \
            .build(&mut Rng::new(6202))?;\n\
        let mut rng = Rng::new(1);\n\
        for (name, kept) in ours.parameters().iter() {\n    \
            let shape = kept.var().dims().to_vec();\n    \
            if name.ends_with(\"running_mean\") { kept.set(&rng.uniform(-0.2, 0.2, &shape)?)?; }\n    \
            if name.ends_with(\"running_var\") { kept.set(&rng.uniform(0.5, 1.5, &shape)?)?; }\n}";
    let outputs = run(
        &Desk::new(),
        &[
            &format!(":dep candle-transformers\nuse cuaderno::prelude::*;\n{BLOCKS}"),
            OURS,
            // In a block: what borrows, if only from nothing, cannot be kept.
            "{\n    \
             let weights: std::collections::HashMap<String, Tensor> = ours.parameters().iter()\n        \
                .map(|(name, kept)| (name.to_owned(), kept.var().as_tensor().clone())).collect();\n    \
             let vb = cuaderno::candle_nn::VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);\n    \
             let theirs = candle_transformers::models::resnet::resnet18(10, vb.clone())?;\n    \
             let x = rng.normal(0.0, 1.0, &[2, 3, 64, 64])?;\n    \
             let (a, b) = (theirs.forward(&x)?, ours.forward(&x)?);\n    \
             let apart = (&a - &b)?.abs()?.max_all()?.to_scalar::<f32>()?;\n    \
             let size = b.abs()?.max_all()?.to_scalar::<f32>()?;\n    \
             println!(\"{:?} {} {apart:e} of {size}\", a.dims(), size > 0.1 && apart < 1e-4 * size);\n    \
             let backbone = candle_transformers::models::resnet::resnet18_no_final_layer(vb)?;\n    \
             let labels = Tensor::new(&[0u32, 1], &Device::Cpu)?;\n    \
             let features = TensorExamples::new(backbone.forward(&x)?.detach(), labels.clone())?;\n    \
             let head = Sequential::input(&[512]).then(\"classes\", Dense::units(2)).build(6202)?;\n    \
             let head = Classifier::new(head);\n    \
             let trainer = Trainer::new(Adam::new(1e-2)).epochs(100).batch_size(2).seed(6202);\n    \
             trainer.fit(&head, &features, &features)?;\n    \
             let answers = head.predict(&features.all()?.inputs)?;\n    \
             println!(\"{:?} learned {}\", features.all()?.inputs.dims(), accuracy(&labels, &answers)?);\n\
             }",
        ],
    );
    says(&outputs[2], "[2, 10] true");
    says(&outputs[2], "[2, 512] learned 1");
}

#[test]
fn a_folder_that_candle_datasets_reads_is_trained_on() {
    if !crates_may_be_built() {
        return;
    }
    let outputs = run(
        &Desk::new(),
        &[
            ":dep candle-datasets\nuse cuaderno::prelude::*;\nlet mnist = Mnist::sample()?;",
            "fn idx(dims: &[usize], bytes: Vec<u8>) -> Vec<u8> {\n    \
                let head = [0, 0, 8, dims.len() as u8].into_iter();\n    \
                let sizes = dims.iter().flat_map(|&size| (size as u32).to_be_bytes());\n    \
                head.chain(sizes).chain(bytes).collect()\n}\n\
             for (name, part) in [(\"train\", &mnist.train), (\"t10k\", &mnist.test)] {\n    \
                let pixels = (&part.images * 255.0)?.round()?.to_dtype(DType::U8)?;\n    \
                let pixels: Vec<u8> = pixels.flatten_all()?.to_vec1()?;\n    \
                std::fs::write(format!(\"{name}-images-idx3-ubyte\"), idx(&[part.len(), 28, 28], pixels))?;\n    \
                let labels: Vec<u8> = part.labels.to_dtype(DType::U8)?.to_vec1()?;\n    \
                std::fs::write(format!(\"{name}-labels-idx1-ubyte\"), idx(&[part.len()], labels))?;\n}",
            "let theirs = candle_datasets::vision::mnist::load_dir(\".\")?;\n\
             let train = LabelledImages::from_tensors(&theirs.train_images, &theirs.train_labels, [1, 28, 28])?;\n\
             let test = LabelledImages::from_tensors(&theirs.test_images, &theirs.test_labels, [1, 28, 28])?;",
            "let network = Sequential::input(&[1, 28, 28]).then(\"flatten\", Flatten)\n    \
                .then(\"digits\", Dense::units(10)).build(&mut Rng::new(6202))?;\n\
             let model = Classifier::new(network);\n\
             let history = Trainer::new(Adam::new(1e-2)).epochs(5).seed(6202).quiet()\n    \
                .fit(&model, &train, &test)?;\n\
             let apart = (&train.images - &mnist.train.images)?.abs()?.max_all()?.to_scalar::<f32>()?;\n\
             println!(\"{} {}\", apart < 1e-6, history.final_valid(\"accuracy\")? > 0.8);",
            "let batch = vec![7u8; 10_000 * 3073];\n\
             for name in [\"test_batch\", \"data_batch_1\", \"data_batch_2\", \"data_batch_3\", \
                 \"data_batch_4\", \"data_batch_5\"] {\n    \
                std::fs::write(format!(\"{name}.bin\"), &batch)?;\n}\n\
             let cifar = candle_datasets::vision::cifar::load_dir(\".\")?;\n\
             let cifar = LabelledImages::from_tensors(&cifar.train_images, &cifar.train_labels, [3, 32, 32])?;\n\
             println!(\"{:?} {}\", cifar.images.dims(), cifar.labels.i(49_999)?.to_scalar::<u32>()?);",
        ],
    );
    says(&outputs[3], "true true");
    says(&outputs[4], "[50000, 3, 32, 32] 7");
}

#[test]
fn crates_come_in_the_middle_of_a_session_with_features_macros_and_build_scripts() {
    let desk = Desk::new();
    package(
        &desk,
        "counter",
        "0.1.0",
        "[features]\nby_ten = []",
        "use std::sync::atomic::{AtomicU32, Ordering};\n\
         static COUNT: AtomicU32 = AtomicU32::new(0);\n\
         #[derive(Debug)] pub struct Ticket(pub u32);\n\
         pub fn ticket() -> Ticket {\n    \
             let step = if cfg!(feature = \"by_ten\") { 10 } else { 1 };\n    \
             Ticket(COUNT.fetch_add(step, Ordering::Relaxed) + step)\n}",
    );
    package(
        &desk,
        "doubled",
        "0.1.0",
        "cuaderno = \"0.1\"",
        "use cuaderno::prelude::*;\n\
         pub fn doubled(x: &Tensor) -> cuaderno::Result<Tensor> { Ok((x * 2.0)?) }",
    );
    package(
        &desk,
        "stamped",
        "0.1.0",
        "",
        "pub const STAMP: &str = env!(\"STAMP\");",
    );
    let script = "fn main() { println!(\"cargo::rustc-env=STAMP=built\"); }";
    fs::write(desk.0.path().join("stamped/build.rs"), script).unwrap();
    package(
        &desk,
        "answers",
        "0.1.0",
        "[lib]\nproc-macro = true",
        "#[proc_macro] pub fn answer(_: proc_macro::TokenStream) -> proc_macro::TokenStream { \
         \"42\".parse().unwrap() }",
    );
    let outputs = run(
        &desk,
        &[
            "use cuaderno::prelude::*;\nlet x = Var::new(&[1f32, 2.0], &Device::Cpu)?;",
            ":dep counter = { path = \"counter\", features = [\"by_ten\"] }\n\
             let first = counter::ticket();",
            // The same again is nothing new, and others come beside it.
            ":dep counter = { path = \"counter\", features = [\"by_ten\"] }\n\
             :dep doubled = { path = \"doubled\" }\n:dep stamped = { path = \"stamped\" }\n\
             :dep answers = { path = \"answers\" }\n\
             println!(\"{first:?} {} {}\", stamped::STAMP, answers::answer!());",
            "let loss = doubled::doubled(&x)?.sum_all()?;\n\
             println!(\"{:?}\", loss.backward()?.get(&x).unwrap().to_vec1::<f32>()?);",
            ":dep nothing = { path = \"nothing\" }",
            "1 + 1",
            // Changed while its crate is loaded.
            "std::fs::write(\"stamped/src/lib.rs\", \"pub const STAMP: &str = \\\"new\\\";\")?;",
            ":dep stamped = { path = \"stamped\" }",
            "println!(\"{}\", stamped::STAMP);",
            ":clear",
            ":dep stamped = { path = \"stamped\" }\nprintln!(\"{}\", stamped::STAMP);",
        ],
    );
    says(&outputs[2], "Ticket(10) built 42");
    says(&outputs[3], "[2.0, 2.0]");
    says(&outputs[4], "nothing");
    says(&outputs[5], "\"2\"");
    says(
        &outputs[7],
        "stamped/src/lib.rs has changed since this session loaded",
    );
    says(&outputs[8], "built");
    says(&outputs[10], "new");
}

#[cfg(unix)]
#[test]
fn a_build_that_was_interrupted_goes_on_the_next_time() {
    let desk = Desk::new();
    package(&desk, "slow", "0.1.0", "", "pub fn answer() -> u32 { 42 }");
    // Waits forever until it is told to go on.
    let script = "fn main() {\n    std::fs::write(\"begun\", \"\").unwrap();\n    \
         while !std::path::Path::new(\"go\").exists() {\n        \
         std::thread::sleep(std::time::Duration::from_millis(50));\n    }\n}";
    let slow = desk.0.path().join("slow");
    fs::write(slow.join("build.rs"), script).unwrap();
    let cell = ":dep slow = { path = \"slow\" }\nprintln!(\"{}\", slow::answer());";
    let notebook = desk.notebook("cells.ipynb", &[cell]);
    let mut command = desk.command(&[path(&notebook)]);
    let mut child = command.env("CARGO_NET_OFFLINE", "true").spawn().unwrap();
    while !slow.join("begun").exists() {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    says(
        &desk.executed("cells.ipynb")["cells"][0]["outputs"].to_string(),
        "Interrupted",
    );
    fs::write(slow.join("go"), "").unwrap();
    says(&run(&desk, &[cell])[0], "42");
}

#[test]
fn notebooks_that_ask_for_different_versions_get_them() {
    for (version, source) in [
        ("0.1.0", "pub fn version() -> u32 { 1 }"),
        ("0.2.0", "pub fn version() -> u32 { 2 }"),
    ] {
        let desk = Desk::new();
        package(&desk, "dated", version, "", source);
        let outputs = run(
            &desk,
            &[":dep dated = { path = \"dated\" }\nprintln!(\"version {}\", dated::version());"],
        );
        says(&outputs[0], &format!("version {}", &version[2..3]));
    }
}

#[test]
fn a_pipeline_of_ours_and_linfas_gets_from_pixels_to_a_confusion_matrix() {
    let outputs = run(
        &Desk::new(),
        &[
            ":dep linfa\n:dep linfa-nn\n:dep linfa-reduction\n:dep linfa-tsne\n:dep ndarray\n\
             use cuaderno::prelude::*;\n\
             use linfa::prelude::{Fit, ToConfusionMatrix, Transformer};\n\
             use ndarray::{Array1, Array2, Axis, s};",
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
            "let few: Array2<f64> = codes.records.slice(s![..100, ..]).to_owned();\n\
             let map: Array2<f64> = linfa_tsne::TSneParams::embedding_size(2).perplexity(10.0)\n    \
                 .max_iter(50).transform(few)?;\n\
             let points = map.into_tensor()?.to_dtype(DType::F32)?;\n\
             scatter(&points, &mnist.train.labels.narrow(0, 0, 100)?)?",
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
    says(&outputs[6], "image/png");
    says(&outputs[7], "true");
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
            "let train = pca.transform(mnist.train.to_linfa::<f64>()?);\n\
             let test = pca.transform(mnist.test.to_linfa::<f64>()?);",
            // In a block: the analyser does not find the models' types.
            "{\n    let model = linfa_logistic::MultiLogisticRegression::default()\n        \
                 .max_iterations(50).fit(&train)?;\n    \
             let matrix = model.predict(&test).confusion_matrix(&test)?;\n    \
             println!(\"regression {}\", matrix.accuracy() > 0.8);\n\
             }",
            "{\n    let clusters = linfa_clustering::KMeans::params(10).max_n_iterations(50)\n        \
                 .fit(&train)?;\n    \
             let found: Vec<u32> = clusters.predict(&test).iter().map(|&c| c as u32).collect();\n    \
             let found = Tensor::new(found, &Device::Cpu)?;\n    \
             let report = clustering_report(&mnist.test.labels, &found)?;\n    \
             println!(\"clusters {}\", report.nmi > 0.35);\n\
             }",
        ],
    );
    says(&outputs[3], "regression true");
    says(&outputs[4], "clusters true");
}
