//! PyTorch's own samples of the operators that we have too: inputs that nobody here chose. Every
//! sample runs on every SIMD level and composed, in both element types, contiguous and not, and its
//! outputs and gradients are compared with PyTorch's.
//!
//! `make_samples.py` writes the samples and says how.

mod operation;
mod run;
mod sample;

use run::Run;

/// Why samples have no form here, and how many.
const LEFT_OUT: [(&str, usize); 23] = [
    ("LSTM with projections", 16),
    ("a loss with a weight for each element", 8),
    ("a negative epsilon", 5),
    ("batch norm of one dimension, or of more than four", 2),
    ("ceil_mode in pooling", 405),
    ("class weights with a negative sum", 1),
    ("cross-entropy with probabilities as targets", 10),
    ("dilation in pooling", 360),
    ("divisor_override in pooling", 1),
    ("embedding with max_norm", 3),
    ("embedding with scale_grad_by_freq", 1),
    ("large", 62),
    ("linear with one output and no dimension for it", 5),
    ("padding 'same' with more zeros on one side", 2),
    ("pooling that returns indices", 1152),
    ("pos_weight", 4),
    ("positions by a fractional scale factor", 22),
    ("reduction none", 10),
    ("resizing of volumes", 13),
    ("resizing with antialias", 2),
    ("softmax into another element type", 14),
    ("softmax of one number without dimension", 2),
    ("softplus with beta and threshold", 39),
];

/// Known faults that are not mended yet: the operation, and what the message says.
const AWAITING: [(&str, &str); 5] = [
    ("activation", "output: found 0e0 instead of NaN"),
    (
        "avg_pool2d",
        "index-select only supports contiguous tensors",
    ),
    ("embedding", "index-select only supports contiguous tensors"),
    ("linear", "got buffer of size 0"),
    (
        "max_pool2d",
        "index-select only supports contiguous tensors",
    ),
];

#[test]
fn none_of_pytorchs_samples_is_wrong() {
    let (samples, left_out) = sample::load();
    let (mut runs, mut wrong, mut awaiting) = (0, Vec::new(), [0; AWAITING.len()]);
    let mut check_all = || {
        for sample in &samples {
            for run in Run::all() {
                runs += 1;
                let Err(message) = run.check(sample) else {
                    continue;
                };
                let known = AWAITING.iter().position(|(operation, part)| {
                    *operation == sample.operation && message.contains(part)
                });
                match known {
                    Some(fault) => awaiting[fault] += 1,
                    None => wrong.push(format!("{}, {run}: {message}", sample.name)),
                }
            }
        }
    };
    // The samples are too small to share out; waking threads for them takes most of the time.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1);
    alone.build().unwrap().install(&mut check_all);
    println!(
        "{} samples in {runs} runs: {} wrong, {} by known faults; {} samples left out.",
        samples.len(),
        wrong.len(),
        awaiting.iter().sum::<usize>(),
        left_out.values().sum::<usize>(),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (fault, count) in AWAITING.iter().zip(awaiting) {
        assert!(count > 0, "{fault:?} is mended: take it out of AWAITING");
    }
    assert_eq!(samples.len(), 1018);
    let reasons = left_out
        .iter()
        .map(|(reason, count)| (reason.as_str(), *count));
    assert_eq!(reasons.collect::<Vec<_>>(), LEFT_OUT);
}
