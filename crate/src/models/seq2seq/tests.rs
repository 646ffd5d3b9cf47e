use super::*;
use crate::Rng;
use crate::nn::no_grad;
use crate::ops::check_variables;
use crate::optim::Adam;
use crate::train::{Examples, TensorExamples, Trainer};
use candle_core::{DType, Device, IndexOp};

const STEPS: usize = 8;

fn model(score: Score, seed: u64) -> Seq2Seq {
    let mut rng = Rng::new(seed);
    let encoder = Sequential::input(&[STEPS, 4])
        .then("read", Gru::units(12).return_sequences())
        .build(&mut rng)
        .unwrap();
    let characters = Characters::of(["abc"]);
    Seq2Seq::new(encoder, &characters, 16, score, &mut rng).unwrap()
}

/// Sequences of letters, each shown for two steps as one of three signals: what they spell.
fn spelled(count: usize, seed: u64) -> (TensorExamples, Vec<String>) {
    let (mut rng, characters) = (Rng::new(seed), Characters::of(["abc"]));
    let (mut inputs, mut targets, mut lengths, mut texts) = (vec![], vec![], vec![], vec![]);
    for _ in 0..count {
        let letters: Vec<usize> = (0..2 + rng.below(3)).map(|_| rng.below(3)).collect();
        let text: String = letters
            .iter()
            .map(|&letter| ['a', 'b', 'c'][letter])
            .collect();
        for step in 0..STEPS {
            let signal = letters.get(step / 2).copied().unwrap_or(3);
            inputs.extend((0..4).map(|place| f32::from(u8::from(place == signal))));
        }
        let mut ids = characters.encode(&text).unwrap();
        ids.resize(5, Characters::PADDING);
        targets.extend(ids);
        lengths.push(2 * letters.len());
        texts.push(text);
    }
    let inputs = Tensor::from_vec(inputs, (count, STEPS, 4), &Device::Cpu).unwrap();
    let targets = Tensor::from_vec(targets, (count, 5), &Device::Cpu).unwrap();
    let mask = ops::mask_of_lengths(&lengths, STEPS).unwrap();
    let examples = TensorExamples::new(inputs, targets).unwrap();
    (examples.masked(mask).unwrap(), texts)
}

#[test]
fn both_scores_learn_to_spell_and_their_attention_moves_forward() {
    let (train, _) = spelled(600, 1);
    let (test, texts) = spelled(100, 2);
    for score in [Score::Additive(12), Score::DotProduct(12)] {
        let model = model(score, 6202);
        let trainer = Trainer::new(Adam::new(5e-3)).epochs(16).seed(1).quiet();
        let history = trainer.fit(&model, &train, &test).unwrap();
        let batch = test.all().unwrap();
        let said = model
            .transcribe(&batch.inputs, batch.mask.as_ref())
            .unwrap();
        let right = said
            .iter()
            .zip(&texts)
            .filter(|(said, text)| said.text == **text)
            .count();
        assert!(right >= 95, "{score:?}: {right}\n{history}");
        for (said, text) in said.iter().zip(&texts) {
            // What is padding has no weight.
            let rest = said.weights.i((.., 2 * text.len()..)).unwrap();
            assert!(
                rest.elem_count() == 0
                    || rest.max_all().unwrap().to_scalar::<f32>().unwrap() == 0.0
            );
        }
    }
}

#[test]
fn gradients_reach_every_parameter() {
    let (examples, _) = spelled(3, 5);
    let batch = examples.all().unwrap();
    for score in [Score::Additive(3), Score::DotProduct(3)] {
        let model = model(score, 1);
        model.parameters().to_dtype(DType::F64).unwrap();
        // So far from zero that no gradient drowns in the rounding of the differences.
        for (_, parameter) in model.parameters().iter() {
            parameter
                .set(&(parameter.tensor().detach() * 3.0).unwrap())
                .unwrap();
        }
        let batch = Batch {
            inputs: batch.inputs.to_dtype(DType::F64).unwrap(),
            ..batch.clone()
        };
        let variables: Vec<_> = (model.parameters().trainable())
            .map(|(name, p)| (name.to_owned(), p.var()))
            .collect();
        let loss = || {
            Ok(model
                .losses(&batch, &mut Pass::Evaluate)?
                .minimised()
                .clone())
        };
        let report = check_variables(&variables, loss).unwrap();
        assert!(report.is_right(), "{score:?}: {report}");
    }
}

#[test]
fn a_text_is_as_likely_as_the_teacher_says() {
    let (examples, _) = spelled(4, 3);
    let model = model(Score::Additive(8), 2);
    let input = examples.batch(&[0]).unwrap().inputs;
    let said = &model.transcribe(&input, None).unwrap()[0];
    let mut ids = model.characters().encode(&said.text).unwrap();
    if said.weights.dims()[0] < ids.len() {
        ids.pop();
    }
    let targets = Tensor::new(ids.clone(), &Device::Cpu)
        .unwrap()
        .unsqueeze(0)
        .unwrap();
    let batch = Batch::new(input, targets);
    let losses = no_grad(|| model.losses(&batch, &mut Pass::Evaluate)).unwrap();
    let forced = -losses.value("loss").unwrap() * ids.len() as f64;
    assert!(
        (forced - said.log_probability).abs() < 1e-4,
        "{forced} {said:?}"
    );
}

#[test]
fn a_beam_of_one_is_greedy_and_a_wide_one_finds_the_likeliest() {
    let (examples, _) = spelled(300, 4);
    let model = model(Score::DotProduct(8), 3);
    // Hardly trained, so that the likeliest beginning is often not that of the likeliest text.
    let trainer = Trainer::new(Adam::new(5e-3)).epochs(2).quiet();
    trainer.fit(&model, &examples, &examples).unwrap();
    let mut better = 0;
    for number in 0..20 {
        let input = examples.batch(&[number]).unwrap().inputs;
        let greedy = &model.transcribe(&input, None).unwrap()[0];
        let one = &model.beam_search(&input, 1).unwrap()[0];
        assert_eq!(
            (&one.text, one.log_probability),
            (&greedy.text, greedy.log_probability)
        );
        let wide = model.beam_search(&input, 8).unwrap();
        assert!(
            wide.windows(2)
                .all(|pair| pair[0].log_probability >= pair[1].log_probability)
        );
        let mut texts: Vec<&String> = wide.iter().map(|said| &said.text).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), wide.len(), "a text is found once");
        assert!(wide[0].log_probability >= greedy.log_probability - 1e-6);
        better += usize::from(wide[0].log_probability > greedy.log_probability + 1e-6);
    }
    assert!(better > 0);
    assert!(
        model
            .beam_search(&examples.all().unwrap().inputs, 2)
            .is_err()
    );
}

#[test]
fn padding_makes_no_difference() {
    let (examples, _) = spelled(30, 6);
    let model = model(Score::Additive(8), 4);
    let batch = examples.all().unwrap();
    let together = model
        .transcribe(&batch.inputs, batch.mask.as_ref())
        .unwrap();
    let lengths = batch
        .mask
        .unwrap()
        .to_dtype(DType::U32)
        .unwrap()
        .sum(1)
        .unwrap();
    for (row, length) in lengths.to_vec1::<u32>().unwrap().into_iter().enumerate() {
        let alone = batch
            .inputs
            .narrow(0, row, 1)
            .unwrap()
            .narrow(1, 0, length as usize)
            .unwrap();
        let alone = &model
            .transcribe(&alone.contiguous().unwrap(), None)
            .unwrap()[0];
        // A text that has not ended is as long as there are steps.
        assert!(together[row].text.starts_with(&alone.text));
    }
}

#[test]
fn an_encoder_that_gives_no_sequence_is_refused() {
    let mut rng = Rng::new(1);
    let encoder = Sequential::input(&[STEPS, 4]).then("read", Gru::units(12));
    let encoder = encoder.build(&mut rng).unwrap();
    let made = Seq2Seq::new(
        encoder,
        &Characters::of(["a"]),
        4,
        Score::Additive(2),
        &mut rng,
    );
    let error = made.unwrap_err().to_string();
    assert!(
        error.contains("[12]") && error.contains("return_sequences"),
        "{error}"
    );
}

#[test]
fn a_word_has_the_mean_weights_of_its_characters() {
    let rows = [
        [1f32, 0.0],
        [0.0, 1.0],
        [9.0, 9.0],
        [0.25, 0.75],
        [8.0, 8.0],
    ];
    let mut said = Transcript {
        text: "ab c".into(),
        log_probability: 0.0,
        weights: Tensor::new(&rows, &Device::Cpu).unwrap(),
    };
    let words = said.words().unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(words, [[0.5, 0.5], [0.25, 0.75]]);
    said.text = " ".into();
    assert!(said.words().is_err());
}
