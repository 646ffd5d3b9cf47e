//! Layer and batch normalisation.

use cuaderno::ops::{self, ChannelStatistics};

use crate::dense::on_every_case;

#[test]
fn layer_norm() {
    on_every_case("norm/layer_norm", |case| {
        let (weight, bias) = (case.var("weight"), case.var("bias"));
        let output = ops::layer_norm(&case.var("input"), &weight, &bias, case.get("epsilon"));
        if case.name == "single" {
            // One number a row: all gradients but the bias's are zero, and PyTorch's are rounding
            // errors, which nothing can be compared with.
            case.compare("output", &output.unwrap());
        } else {
            case.check(&[("output", &output.unwrap())]);
        }
    });
}

#[test]
fn batch_norm() {
    on_every_case("norm/batch_norm", |case| {
        let input = case.var("input");
        let channels = case.tensor("running_mean");
        let [weight, bias] = match case.get("affine") {
            true => ["weight", "bias"].map(|name| case.var(name).as_tensor().clone()),
            false => [
                channels.ones_like().unwrap(),
                channels.zeros_like().unwrap(),
            ],
        };
        let running = ChannelStatistics {
            mean: case.tensor("running_mean"),
            variance: case.tensor("running_variance"),
        };
        let epsilon = case.get("epsilon");
        let (output, after) = if case.get("training") {
            let (output, batch) =
                ops::batch_norm_training(&input, &weight, &bias, epsilon).unwrap();
            let after = running.moved_towards(&batch, case.get("momentum"));
            (output, after.unwrap())
        } else {
            let output = ops::batch_norm(&input, &weight, &bias, &running, epsilon);
            (output.unwrap(), running)
        };
        case.check(&[("output", &output)]);
        case.compare("running_mean_after", &after.mean);
        case.compare("running_variance_after", &after.variance);
    });
}
