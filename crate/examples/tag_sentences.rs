//! The taggers of lab 06 on a table of tagged words, such as the Groningen Meaning Bank as Kaggle
//! serves it, with three seeds each:
//!
//! ```text
//! cargo run --example tag_sentences -- ner.csv [SENTENCES]
//! ```
//! The first three are the course's: 70 percent of the sentences for training, vectors of 32 numbers
//! that start at random, 100 units, dropout 0.2, batches of 128, 15 epochs, and a loss in which the
//! padding is a tag like the others. `masked LSTM` leaves the padding out and takes batches of
//! 32. `improved` is, beyond that, bidirectional, reads how words look, and ends in a conditional
//! random field. Printed are macro F1 over tags with and without the padding, accuracy, and F1 over
//! names, all on the sentences for testing.

use std::error::Error;

use cuaderno::Result;
use cuaderno::nn::{BlockPlan, SequentialPlan};
use cuaderno::prelude::*;

const SEEDS: [u64; 3] = [6202, 6203, 6204];
const EPOCHS: usize = 15;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, most) = match &arguments[..] {
        [path] => (path, u32::MAX),
        [path, most] => (path, most.parse()?),
        _ => return Err("usage: tag_sentences TABLE [SENTENCES]".into()),
    };
    let start = Instant::now();
    let text = TaggedText::from_table(path)?;
    println!("read in {:.2} s", start.elapsed().as_secs_f64());
    let kept: Vec<u32> = (0..most.min(text.len() as u32)).collect();
    let data = Data::new(text.select(&kept)?)?;
    println!("network          seed  F1 all  F1 words  accuracy  F1 names  seconds");
    for name in ["LSTM", "BiLSTM", "GRU", "masked LSTM", "improved"] {
        for seed in SEEDS {
            data.train(name, seed)?;
        }
    }
    Ok(())
}

/// Sentences in numbers: `[sentences, time, 3]` with words, their last letters and their shapes.
struct Data {
    text: TaggedText,
    split: Split,
    tags: Vocabulary,
    sizes: [usize; 3],
    x: Tensor,
    y: Tensor,
}

impl Data {
    fn new(text: TaggedText) -> Result<Self> {
        let split = Split::at_random(text.len(), 0.3, &mut Rng::new(22))?;
        let tags = Vocabulary::of_tags(&text.tags)?;
        let longest = text.longest();
        let mut sizes = [0; 3];
        let mut columns = Vec::new();
        let features = [text.lemmas.clone(), text.ends(3), text.shapes()];
        for (size, feature) in sizes.iter_mut().zip(features) {
            let vocabulary = Vocabulary::of_words(&feature, 1)?;
            *size = vocabulary.len();
            columns.push(pad_sequences(
                &vocabulary.encode(&feature)?,
                longest,
                Padding::After,
            )?);
        }
        let y = pad_sequences(&tags.encode(&text.tags)?, longest, Padding::After)?;
        let x = Tensor::stack(&columns, 2)?;
        println!("{text}; the longest sentence has {longest} words; sizes {sizes:?}");
        Ok(Self {
            text,
            split,
            tags,
            sizes,
            x,
            y,
        })
    }

    fn plan(&self, name: &str) -> SequentialPlan {
        let column = |place: usize, size: usize| -> BlockPlan {
            let take = Lambda::named("column", move |x| x.i((.., .., place))?.contiguous());
            let vectors = Embedding::table(self.sizes[place], size);
            let vectors = vectors.initialiser(Initialiser::Normal(1.0)); // as PyTorch's
            Sequential::block()
                .then("column", take)
                .then("vectors", vectors)
        };
        let plan = Sequential::input(&[self.text.longest(), 3]);
        let plan = match name {
            "improved" => plan.then(
                "vectors",
                Parallel::concat(2)
                    .branch("word", column(0, 32))
                    .branch("end", column(1, 16))
                    .branch("shape", column(2, 8)),
            ),
            _ => plan.then("vectors", column(0, 32)),
        };
        let lstm = Lstm::units(100).return_sequences();
        let plan = match name {
            "GRU" => plan.then("gru", Gru::units(100).return_sequences()),
            "BiLSTM" => plan.then("lstm", Bidirectional::of(lstm)),
            "improved" => plan
                .then("dropout_in", Dropout::rate(0.3))
                .then("lstm", Bidirectional::of(lstm)),
            _ => plan.then("lstm", lstm),
        };
        plan.then("dropout", Dropout::rate(0.2))
            .then("tags", Dense::units(self.tags.len()))
    }

    fn train(&self, name: &str, seed: u64) -> Result<()> {
        let as_the_course = ["LSTM", "BiLSTM", "GRU"].contains(&name);
        let model = Tagger::new(self.plan(name).build(seed)?)?;
        let model = if name == "improved" {
            model.with_transitions()?
        } else {
            model
        };
        let mask = self.y.ne(0u32)?;
        let part = |rows: &[u32]| -> Result<TensorExamples> {
            let rows = Tensor::new(rows, &Device::Cpu)?;
            let take = |tensor: &Tensor| tensor.index_select(&rows, 0);
            let examples = TensorExamples::new(take(&self.x)?, take(&self.y)?)?;
            if as_the_course {
                Ok(examples)
            } else {
                examples.masked(take(&mask)?)
            }
        };
        let (train, test) = (part(&self.split.train)?, part(&self.split.test)?);
        let start = Instant::now();
        Trainer::new(Adam::new(1e-3))
            .epochs(EPOCHS)
            .batch_size(if as_the_course { 128 } else { 32 })
            .seed(seed)
            .quiet()
            .fit(&model, &train, &test)?;
        let seconds = start.elapsed().as_secs_f64();

        let test = test.all()?;
        let mask = test.targets.ne(0u32)?;
        let predicted = match as_the_course {
            true => model.predict(&test.inputs)?,
            false => model.predict_with_mask(&test.inputs, &mask)?,
        };
        let of_words = |tags: &Tensor| masked_select(tags, &mask);
        let (found, there) = (of_words(&predicted)?, of_words(&test.targets)?);
        // What a network with a mask says of padding means nothing.
        let all = if as_the_course {
            format!(
                "{:.4}",
                classification_report(&test.targets, &predicted)?
                    .macro_average
                    .f1
            )
        } else {
            "-".into()
        };
        let names = entity_report(
            &self.text.select(&self.split.test)?.tags,
            &self.tags.decode(&predicted, &mask)?,
        )?;
        println!(
            "{name:14} {seed:6}  {all:>6}  {:8.4}  {:8.4}  {:8.4}  {seconds:7.0}",
            classification_report(&there, &found)?.macro_average.f1,
            accuracy(&there, &found)?,
            names.micro_average.f1
        );
        Ok(())
    }
}
