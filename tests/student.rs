//! What a student who knows Keras tries first with the workbook's own types, and what is answered: the
//! rows of `hints/` are about the language. All cells run in one session.

#[path = "common/mod.rs"]
mod common;

use common::answer::Answer;
use common::{Desk, outputs, path};

/// A cell, what its answer or its output holds, and the lines to be pasted if there are any.
struct Row {
    cell: &'static str,
    says: &'static [&'static str],
    writes: Option<&'static str>,
}

const fn row(cell: &'static str, says: &'static [&'static str]) -> Row {
    Row {
        cell,
        says,
        writes: None,
    }
}

const fn pasted(cell: &'static str, says: &'static [&'static str], writes: &'static str) -> Row {
    Row {
        cell,
        says,
        writes: Some(writes),
    }
}

const ROWS: &[Row] = &[
    row(
        "use cuaderno::prelude::*;\n\
         let mnist = Mnist::sample()?;\n\
         let some = mnist.train.take(64)?;\n\
         let model = Autoencoder::basic(2, Activation::Relu, 6202)?;\n\
         let labels = mnist.train.labels.clone();",
        &[],
    ),
    // Trainings that do nothing, or break down.
    row(
        "let none = Trainer::new(Adam::new(1e-3)).epochs(0).fit(&model, &some, &some)?;\n\
         none.final_valid(\"loss\")?",
        &[
            "history: no epoch ran, so it has no \"loss\"",
            "line 2: none.final_valid",
        ],
    ),
    row(
        "Trainer::new(Adam::new(0.0)).fit(&model, &some, &some)?",
        &["the learning rate is 0, but it must be a finite number above 0"],
    ),
    row(
        "Trainer::new(Sgd::new(-0.1)).fit(&model, &some, &some)?",
        &["the learning rate is -0.1, but it must be a finite number above 0"],
    ),
    row(
        "let wild = Autoencoder::basic(2, Activation::Relu, 1)?;\n\
         Trainer::new(Sgd::new(1e300)).epochs(3).batch_size(8).fit(&wild, &some, &some)?",
        &["epoch 1, batch", "lower the learning rate", "line 2: "],
    ),
    // Models by the words of Keras.
    row(
        "model.predict(&some.images)?.dims().to_vec()",
        &["[64, 1, 28, 28]"],
    ),
    row("model.evaluate(&some)?[0].name.clone()", &["loss"]),
    row(
        "model.save(\"model.safetensors\")?;\nmodel.load(\"model.safetensors\")?;\n\
         Autoencoder::basic(3, Activation::Relu, 1)?.load(\"model.safetensors\")?;",
        &[
            "model.safetensors",
            "in the file, but",
            "in the model",
            "line 3: ",
        ],
    ),
    row(
        "model.load(\"weights.safetensors\")?;",
        &["weights.safetensors: No such file or directory"],
    ),
    row(
        "let history = Trainer::new(Adam::new(1e-3)).epochs(2).fit(&model, &some, &some)?;\n\
         (history.valid(\"loss\")?.len(), history.train(\"loss\")?.len())",
        &["(2, 2)"],
    ),
    row(
        "history.valid(\"accuracy\")?",
        &["the part of the history is accuracy, but it must be one of: loss"],
    ),
    row(
        "let net = Sequential::input(&[1, 28, 28]).then(\"flatten\", Flatten)\
         .then(\"hidden\", Dense::units(4)).then(\"grid\", Reshape::to(&[5])).build(&mut Rng::new(1))?;",
        &["grid"],
    ),
    // Names in place of values.
    pasted(
        "let net = Autoencoder::basic(2, \"relu\", 1)?;",
        &["expected `Activation`, found `&str`", "`Tanh`", "line 1: "],
        "let net = Autoencoder::basic(2, Activation::Relu, 1)?;",
    ),
    pasted(
        "let net = Autoencoder::basic(2, Activation::ReLU, 1)?;",
        &["an activation is one of `Activation::…`: `Linear`, `Relu`"],
        "let net = Autoencoder::basic(2, Activation::Relu, 1)?;",
    ),
    row(
        "let net = Autoencoder::basic(2, Activation::Softmax, 1)?;",
        &["an activation is one of `Activation::…`: `Linear`, `Relu`"],
    ),
    pasted(
        "let own = LabelledImages { images: some.images.clone(), labels: labels.clone() };",
        &[
            "`LabelledImages` is not put together from its fields",
            "as many labels as images",
        ],
        "let own = LabelledImages::new(some.images.clone(), labels.clone())?;",
    ),
    row(
        "let own = LabelledImages::new(some.images.clone(), labels.clone())?;",
        &["there are 64 images but 1500 labels; each image needs one"],
    ),
    // Values that mislead.
    row(
        "let mean = labels.mean_all()?;",
        &[
            "warning: line 1: the mean of whole numbers is a whole number, too: 0",
            "`.to_dtype(DType::F32)?.mean_all()?`",
        ],
    ),
    row(
        "let scores = some.images.flatten_from(1)?;\n\
         println!(\"{}\", scores.argmax(1)?.eq(&some.labels)?.mean_all()?);",
        &["warning: line 2: the mean of whole numbers is a whole number, too: 0"],
    ),
    row(
        "let half = (Tensor::arange(0, 10, &Device::Cpu)? * 0.5)?;",
        &["warning: line 1: a tensor of whole numbers stays one, so that 0.5 counts as 0 here."],
    ),
    row(
        "let all = vec![labels.clone()];\nall[0].mean_all()?.to_scalar::<f32>()?",
        &["a mean of whole numbers is cut to 0", "line 2: "],
    ),
    row(
        "labels.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()? > 4.0",
        &["\"true\""],
    ),
    row(
        "fn area(side: usize) -> usize { side^2 * 4 }\narea(3)",
        &["warning: line 1: `side ^ 2` compares bits. The power is `side.pow(2)`."],
    ),
    // A definition that fails leaves the one from before.
    row(
        "fn area(side: usize) -> usize { side ** 2 }",
        &["`**` is no operator"],
    ),
    row(
        "println!(\"{}\", area(3));",
        &[
            "warning: the last cell that makes `area` failed, in line 1 of cell",
            "This cell used the `area` from before",
        ],
    ),
    // Figures of one's own numbers.
    row(
        "let losses = vec![0.5, 0.25, 0.125];\nline_chart(\"epoch\", \"loss\", &losses)?",
        &["image/png"],
    ),
    row(
        "line_chart(\"epoch\", \"loss\", &history.valid(\"loss\")?)?",
        &["image/png"],
    ),
    row(
        "line_chart(\"rate\", \"loss\", &[(\"Adam\", vec![(0.1, 0.5), (0.2, 0.3)])])?",
        &["image/png"],
    ),
    row("histogram(\"errors\", &[0, 2, 1, 0], 3)?", &["image/png"]),
    row(
        "scatter(&[(0.5, 1.0), (2.0, 0.0)], &[0, 1])?",
        &["image/png"],
    ),
    row(
        "line_chart(\"epoch\", \"loss\", &vec![\"low\", \"high\"])?",
        &["a line chart cannot draw a list of `&str`", "line 1: "],
    ),
    // What the prelude has.
    row(
        "let start = Instant::now();\n\
         let mut names: HashMap<&str, f64> = HashMap::new();\n\
         names.insert(\"loss\", 0.5);\n\
         fn halve(x: f64) -> Result<f64> { Ok(x / 2.0) }\n\
         fn rate(optimiser: &dyn Optimiser) -> f64 { optimiser.learning_rate() }\n\
         let rows = some.images.flatten_from(1)?;\n\
         let examples = TensorExamples::new(rows.clone(), rows.sum_keepdim(D::Minus1)?)?;\n\
         let layer = Dense::units(1).build(&[784], &mut Rng::new(1))?;\n\
         let mut adam = Adam::new(1e-3);\n\
         for step in ShuffledBatches::of(&examples, 32, 6202, 0)? {\n    \
             let step = step?;\n    \
             let error = (layer.forward(&step.batch.inputs)? - &step.batch.targets)?;\n    \
             adam.step(&layer.parameters(), &backward(&error.sqr()?.mean_all()?)?)?;\n\
         }\n\
         (names[\"loss\"], halve(1.0)?, rate(&adam), start.elapsed().as_secs() < 600)",
        &["(0.5, 0.5, 0.001, true)"],
    ),
    // Files.
    row(
        "let text = std::fs::read_to_string(\"grades.csv\")?;",
        &[
            "`grades.csv` is not there",
            "the notebook's folder",
            "line 1: ",
        ],
    ),
    row("!ls", &["student.ipynb"]),
    // Values that are given away.
    row("let best = model;", &[]),
    row(
        "model.predict(&some.images)?",
        &["an earlier cell gave `model` away"],
    ),
    // A function that is defined again is what its callers call.
    row(
        "fn rate() -> f64 { 0.1 }\nfn twice() -> f64 { 2.0 * rate() }",
        &[],
    ),
    row("fn rate() -> f64 { 0.5 }", &[]),
    row("twice()", &["\"1.0\""]),
    row(
        "fn rate(of: f64) -> f64 { of }",
        &["in `twice`, line 2 of cell", "this cell changes `rate`"],
    ),
];

#[test]
fn each_cell_of_a_student_is_answered() {
    let desk = Desk::new();
    let cells: Vec<&str> = ROWS.iter().map(|row| row.cell).collect();
    let notebook = desk.notebook("student.ipynb", &cells);
    desk.run(&[path(&notebook), "--keep-going"]);
    let executed = desk.executed("student.ipynb");
    let mut wrong = Vec::new();
    for (place, row) in ROWS.iter().enumerate() {
        let answer = Answer::of(&executed, place);
        let text = match &answer {
            Some(answer) => format!("{}\n{}", answer.sentence, answer.text),
            None => outputs(&executed, place),
        };
        println!(
            "{}\n-> {}\n",
            row.cell,
            text.chars().take(600).collect::<String>()
        );
        for words in row.says.iter().filter(|words| !text.contains(**words)) {
            wrong.push(format!("no {words:?} in\n{}\n{text}", row.cell));
        }
        if row.says.is_empty() && answer.is_some() {
            wrong.push(format!("{}\nfails:\n{text}", row.cell));
        }
        let writes = answer.and_then(|answer| answer.lines);
        if row.writes.is_some() && row.writes != writes.as_deref() {
            let expected = row.writes;
            wrong.push(format!("{}\nwrites {writes:?}, not {expected:?}", row.cell));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
