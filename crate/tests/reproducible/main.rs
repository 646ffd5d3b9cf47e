//! The same seed gives the same bits: each workload is trained for fifty steps in two processes, one
//! with one thread and one with two, and every parameter must come out identical.

#[path = "../../benches/workloads/dense.rs"]
mod dense;
#[path = "../../benches/workloads/images.rs"]
mod images;
#[path = "../../benches/workloads/resnet.rs"]
mod resnet;
#[path = "../../benches/workloads/text.rs"]
mod text;
#[path = "../../benches/workloads/workload.rs"]
#[allow(dead_code, reason = "only the benchmark exports workloads")]
mod workload;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

/// Which workload the process that runs [`fingerprints`] is to train.
const WORKLOAD: &str = "CUADERNO_TEST_WORKLOAD";
const STEPS: usize = 50;
/// Fewer where a step takes half a second.
const FINETUNING_STEPS: usize = 3;

/// A test for each workload, so that they run side by side and fail by name.
macro_rules! same_bits {
    ($($name:ident)*) => {
        mod same_bits {
            $(#[test]
            fn $name() {
                super::same_bits(stringify!($name));
            })*
        }

        #[test]
        fn every_workload_is_here() {
            assert_eq!(workload::NAMES, [$(stringify!($name)),*]);
        }
    };
}
same_bits! { mlp_autoencoder vae conv_vae mnist_cnn lstm gru bilstm fcn resnet18 finetune_resnet18 depthwise }

fn same_bits(workload: &str) {
    let [one, two] = ["1", "2"].map(|threads| in_a_process(workload, threads));
    assert!(!one.is_empty());
    assert_eq!(one, two, "left: with 1 thread, right: with 2");
}

/// The lines that [`fingerprints`] prints in a process of its own.
fn in_a_process(workload: &str, threads: &str) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["fingerprints", "--exact", "--ignored", "--nocapture"])
        .env(WORKLOAD, workload)
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let fingerprints = text.lines().filter_map(|line| line.split_once("bits of "));
    fingerprints.map(|(_, line)| line.to_owned()).collect()
}

/// Trains, and prints the losses and a hash of each parameter's bits.
#[test]
#[ignore = "the other tests run it in processes of its own"]
fn fingerprints() {
    let name = std::env::var(WORKLOAD).expect("the other tests say what to train");
    let mut workload = workload::build(&name).unwrap();
    let steps = match name.as_str() {
        "finetune_resnet18" => FINETUNING_STEPS,
        _ => STEPS,
    };
    let losses: Vec<f64> = (0..steps).map(|_| workload.step().unwrap()).collect();
    assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
    println!("bits of the losses: {losses:?}");
    for (name, parameter) in workload.model.parameters().iter() {
        let values = parameter.tensor().flatten_all().unwrap();
        let mut hasher = DefaultHasher::new();
        for value in values.to_vec1::<f32>().unwrap() {
            value.to_bits().hash(&mut hasher);
        }
        println!("bits of {name}: {:016x}", hasher.finish());
    }
}
