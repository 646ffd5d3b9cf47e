//! Lab 06: taggers against each word's most frequent tag, the masked loss against the sentences one
//! by one, and word vectors.

use std::collections::HashMap;

use cuaderno::Result;
use cuaderno::nn::{BlockPlan, RecurrentPlan};
use cuaderno::prelude::*;

use super::{SEED, trainer};

/// Sentences in numbers, `[sentences, time, 3]`: lemmas, last letters of words, shapes of words.
struct Lab {
    train: TaggedText,
    test: TaggedText,
    tags: Vocabulary,
    sizes: [usize; 3],
    sets: [TensorExamples; 2],
}

fn lab(sentences: usize) -> Result<Lab> {
    let text = TaggedText::generated(sentences, SEED)?;
    let split = Split::at_random(text.len(), 0.3, &mut Rng::new(22))?;
    let [train, test] = [text.select(&split.train)?, text.select(&split.test)?];
    let tags = Vocabulary::of_tags(&text.tags)?;
    let features = |text: &TaggedText| [text.lemmas.clone(), text.ends(3), text.shapes()];
    let vocabularies = features(&train)
        .iter()
        .map(|feature| Vocabulary::of_words(feature, 2))
        .collect::<Result<Vec<_>>>()?;
    let set = |part: &TaggedText| -> Result<TensorExamples> {
        let pad = |ids: &[Vec<u32>]| pad_sequences(ids, text.longest(), Padding::After);
        let columns = (vocabularies.iter().zip(features(part)))
            .map(|(vocabulary, feature)| pad(&vocabulary.encode(&feature)?))
            .collect::<Result<Vec<_>>>()?;
        let mask = columns[0].ne(0u32)?;
        let y = pad(&tags.encode(&part.tags)?)?;
        TensorExamples::new(Tensor::stack(&columns, 2)?, y)?.masked(mask)
    };
    let sets = [set(&train)?, set(&test)?];
    let sizes = [0, 1, 2].map(|place| vocabularies[place].len());
    Ok(Lab {
        train,
        test,
        tags,
        sizes,
        sets,
    })
}

impl Lab {
    fn column(&self, place: usize, size: usize) -> BlockPlan {
        let take = Lambda::named("column", move |x| x.i((.., .., place))?.contiguous());
        Sequential::block()
            .then("column", take)
            .then("vectors", Embedding::table(self.sizes[place], size))
    }

    /// F1 over the names of the test sentences.
    fn f1(&self, model: &Tagger) -> Result<f64> {
        let test = self.sets[1].all()?;
        let mask = test.mask.unwrap();
        let predicted = model.predict_with_mask(&test.inputs, &mask)?;
        let found = self.tags.decode(&predicted, &mask)?;
        Ok(entity_report(&self.test.tags, &found)?.micro_average.f1)
    }

    fn fit(&self, model: &Tagger, epochs: usize) -> Result<f64> {
        let [train, test] = &self.sets;
        trainer(Adam::new(5e-3), epochs, SEED)
            .batch_size(8)
            .fit(model, train, test)?;
        self.f1(model)
    }

    /// F1 of the tag that each word has most often.
    fn baseline(&self) -> Result<f64> {
        let mut counts: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
        for (words, tags) in self.train.lemmas.iter().zip(&self.train.tags) {
            for (word, tag) in words.iter().zip(tags) {
                *counts.entry(word).or_default().entry(tag).or_default() += 1;
            }
        }
        let most_frequent = |word: &str| {
            let counts = counts.get(word)?;
            let best = counts.iter().max_by_key(|&(tag, count)| (count, *tag));
            best.map(|(tag, _)| *tag)
        };
        let of_sentence = |words: &Vec<std::sync::Arc<str>>| -> Vec<&str> {
            words
                .iter()
                .map(|word| most_frequent(word).unwrap_or("O"))
                .collect()
        };
        let predicted: Vec<Vec<&str>> = self.test.lemmas.iter().map(of_sentence).collect();
        Ok(entity_report(&self.test.tags, &predicted)?.micro_average.f1)
    }
}

#[test]
fn context_on_both_sides_and_the_look_of_words_find_names() -> Result<()> {
    let lab = lab(1000)?;
    let longest = lab.sets[0].all()?.inputs.dims()[1];
    let tags = lab.tags.len();
    let units = |plan: RecurrentPlan| plan.return_sequences();
    let lstm = Sequential::input(&[longest, 3])
        .then("words", lab.column(0, 24))
        .then("lstm", units(Lstm::units(32)))
        .then("tags", Dense::units(tags));
    let both = Sequential::input(&[longest, 3])
        .then("words", lab.column(0, 24))
        .then("lstm", Bidirectional::of(units(Lstm::units(32))))
        .then("tags", Dense::units(tags));
    let looks = Parallel::concat(2)
        .branch("word", lab.column(0, 24))
        .branch("end", lab.column(1, 12))
        .branch("shape", lab.column(2, 6));
    let improved = Sequential::input(&[longest, 3])
        .then("words", looks)
        .then("lstm", Bidirectional::of(units(Lstm::units(32))))
        .then("tags", Dense::units(tags));
    let baseline = lab.baseline()?;
    let lstm = lab.fit(&Tagger::new(lstm.build(SEED)?)?, 8)?;
    let both = lab.fit(&Tagger::new(both.build(SEED)?)?, 8)?;
    let improved = lab.fit(&Tagger::new(improved.build(SEED)?)?.with_transitions()?, 8)?;
    println!(
        "F1: most frequent tag {baseline:.3}, LSTM {lstm:.3}, BiLSTM {both:.3}, improved {improved:.3}"
    );
    assert!(
        both > baseline + 0.05 && both > lstm + 0.05,
        "{baseline} {lstm} {both}"
    );
    assert!(improved > lstm + 0.05, "{lstm} {improved}");
    Ok(())
}

/// The mean over a padded batch is that over its words, whichever side is padded.
#[test]
fn a_masked_loss_is_that_of_the_sentences_one_by_one() -> Result<()> {
    let text = TaggedText::generated(6, SEED)?;
    let words = Vocabulary::of_words(&text.lemmas, 1)?;
    let tags = Vocabulary::of_tags(&text.tags)?;
    let (x, y) = (words.encode(&text.lemmas)?, tags.encode(&text.tags)?);
    let longest = text.longest();
    let network = Sequential::input(&[longest])
        .then("vectors", Embedding::table(words.len(), 8))
        .then("lstm", Bidirectional::of(Lstm::units(6).return_sequences()))
        .then("tags", Dense::units(tags.len()))
        .build(SEED)?;
    for model in [
        Tagger::new(network.clone())?,
        Tagger::new(network)?.with_transitions()?,
    ] {
        let loss = |x: &[Vec<u32>], y: &[Vec<u32>], length: usize, padding: Padding| {
            let (x, y) = (
                pad_sequences(x, length, padding)?,
                pad_sequences(y, length, padding)?,
            );
            let mask = x.ne(0u32)?;
            let batch = TensorExamples::new(x, y)?.masked(mask)?.all()?;
            model.losses(&batch, &mut Pass::Evaluate)?.value("loss")
        };
        let mut sum = 0.0;
        for (x, y) in x.iter().zip(&y) {
            let alone = loss(
                std::slice::from_ref(x),
                std::slice::from_ref(y),
                x.len(),
                Padding::After,
            )?;
            sum += alone * x.len() as f64;
        }
        let expected = sum / text.word_count() as f64;
        for padding in [Padding::Before, Padding::After] {
            let found = loss(&x, &y, longest + 3, padding)?;
            assert!(
                (found - expected).abs() < 1e-5,
                "{padding:?}: {found} for {expected}"
            );
        }
    }
    Ok(())
}

/// Weekdays stand in the same places, and so do months: each one's neighbours are of its kind.
#[test]
fn words_that_are_used_alike_have_similar_vectors() -> Result<()> {
    let text = TaggedText::generated(4000, SEED)?;
    let skip_gram = SkipGram::dimensions(32)
        .window(5)
        .min_count(3)
        .epochs(10)
        .seed(SEED);
    let vectors = skip_gram.fit(&text.lemmas)?;
    assert_eq!(
        skip_gram.fit(&text.lemmas)?.get("monday"),
        vectors.get("monday")
    );
    let weekdays = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    for day in weekdays {
        let nearest = vectors.nearest(day, 6)?;
        let days = nearest
            .iter()
            .filter(|(word, _)| weekdays.contains(&&**word))
            .count();
        assert!(days >= 5, "{day}: {nearest:?}");
    }
    let (matrix, coverage) = vectors.matrix(&Vocabulary::of_words(&text.lemmas, 1)?)?;
    assert_eq!(matrix.dims()[1], 32);
    assert!((0.5..1.0).contains(&coverage), "{coverage}");
    Ok(())
}

#[test]
fn a_tagger_without_sequences_is_refused() -> Result<()> {
    let network = Sequential::input(&[9])
        .then("vectors", Embedding::table(5, 4))
        .then("lstm", Lstm::units(3))
        .then("tags", Dense::units(2))
        .build(SEED)?;
    let error = Tagger::new(network).unwrap_err().to_string();
    assert!(
        error.contains("[2]") && error.contains(".return_sequences()"),
        "{error}"
    );
    Ok(())
}
