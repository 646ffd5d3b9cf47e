//! PyTorch's own samples of the operators that we have too: inputs that nobody here chose. Every
//! sample runs on every SIMD level and composed, in both element types, contiguous and not, and its
//! outputs and gradients are compared with PyTorch's.
//!
//! `make_samples.py` writes the samples and says how.

mod operation;
mod run;
mod sample;

use std::collections::BTreeMap;

use cuaderno::prelude::*;

use run::Run;
use sample::Sample;

/// Why samples have no form here, and how many.
const LEFT_OUT: [(&str, usize); 20] = [
    ("LSTM with projections", 16),
    ("a loss with a weight for each element", 15),
    ("a negative epsilon", 5),
    ("batch norm of one dimension, or of more than four", 2),
    ("class weights with a negative sum", 1),
    ("cross-entropy with probabilities as targets", 10),
    ("dilation in pooling", 360),
    ("divisor_override in pooling", 5),
    ("embedding with max_norm", 3),
    ("embedding with scale_grad_by_freq", 1),
    ("large", 62),
    ("linear with one output and no dimension for it", 5),
    ("padding 'same' with more zeros on one side", 2),
    ("pooling that returns indices", 1152),
    ("positions by a fractional scale factor", 22),
    ("resizing of volumes", 13),
    ("resizing with antialias", 2),
    ("softmax into another element type", 14),
    ("softmax of one number without dimension", 2),
    ("softplus with beta and threshold", 39),
];

#[test]
fn none_of_pytorchs_samples_is_wrong() {
    let (samples, left_out) = sample::load();
    let (mut runs, mut wrong) = (0, Vec::new());
    let mut check_all = || {
        for sample in &samples {
            for run in Run::all() {
                runs += 1;
                if let Err(message) = run.check(sample) {
                    wrong.push(format!("{}, {run}: {message}", sample.name));
                }
            }
        }
    };
    // The samples are too small to share out; waking threads for them takes most of the time.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1);
    alone.build().unwrap().install(&mut check_all);
    println!(
        "{} samples in {runs} runs: {} wrong; {} samples left out.",
        samples.len(),
        wrong.len(),
        left_out.values().sum::<usize>(),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(samples.len(), 1426);
    let reasons = left_out
        .iter()
        .map(|(reason, count)| (reason.as_str(), *count));
    assert_eq!(reasons.collect::<Vec<_>>(), LEFT_OUT);
}

/// Of each operation one sample, all of whose results hold numbers.
fn one_of_each() -> BTreeMap<String, Sample> {
    let (samples, _) = sample::load();
    let samples = samples.into_iter().filter(|sample| {
        let outputs = sample.outputs.iter().map(|(_, output)| output);
        let mut results = outputs.chain(&sample.gradients);
        results.all(|result| result.elem_count() > 0)
    });
    let by_operation = samples.map(|sample| (sample.operation.clone(), sample));
    by_operation.collect()
}

#[test]
fn a_wrong_result_is_found() {
    let (one_of_each, in_f64) = (one_of_each(), Run::all().count() / 2);
    assert_eq!(one_of_each.len(), 23);
    let found = |sample: &Sample| Run::all().filter(|run| run.check(sample).is_err()).count();
    for (operation, sample) in one_of_each {
        let off = |result: &Tensor| result.affine(1.0, 1e-8).unwrap();
        for output in 0..sample.outputs.len() {
            let mut wrong = sample.clone();
            wrong.outputs[output].1 = off(&wrong.outputs[output].1);
            assert!(found(&wrong) >= in_f64, "{operation}, output {output}");
        }
        for gradient in 0..sample.gradients.len() {
            let mut wrong = sample.clone();
            wrong.gradients[gradient] = off(&wrong.gradients[gradient]);
            assert!(found(&wrong) >= in_f64, "{operation}, gradient {gradient}");
        }
    }
}
