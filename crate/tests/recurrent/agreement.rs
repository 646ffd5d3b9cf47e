//! The SIMD levels, numbers of threads, composed versions and repeated passes against each other.

use cuaderno::ops::Level;
use cuaderno::ops::{self, Sweep, backward, fallback};
use cuaderno::prelude::*;

use crate::{KINDS, Kind, difference, fused_and_composed, joined, numbers, random_mask, values};

/// Outputs and gradients in f32 of a recurrent layer whose sizes fill no register, over a batch
/// of several chunks and jobs.
fn recurrent(kind: Kind, batch: usize, sweep: &Sweep) -> Vec<Tensor> {
    let single = |tensor: &Tensor| Var::from_tensor(&tensor.to_dtype(DType::F32).unwrap()).unwrap();
    let input = single(&numbers(&mut Rng::new(1), 1.0, &[batch, 6, 7]));
    let parameters: Vec<Var> = kind
        .parameters(2, batch, 7, 21)
        .iter()
        .map(single)
        .collect();
    let tensors: Vec<Tensor> = parameters.iter().map(|p| p.as_tensor().clone()).collect();
    let mut outputs = kind.run(&input, &tensors, sweep).unwrap();
    let gradients = backward(&joined(&outputs).unwrap().sqr().unwrap().sum_all().unwrap()).unwrap();
    for variable in [&input].into_iter().chain(&parameters) {
        outputs.push(gradients.get(variable).unwrap().clone());
    }
    outputs
}

/// The same of everything else.
fn others(batch: usize) -> Vec<Tensor> {
    let mut rng = Rng::new(1);
    let mut var =
        |shape: &[usize]| Var::from_tensor(&rng.normal(0.5, 1.0, shape).unwrap()).unwrap();
    let (images, rows) = (var(&[batch, 6, 5, 7]), var(&[batch, 37]));
    let parameters = [var(&[6]), var(&[6]), var(&[37]), var(&[37])];
    let [weight, bias, row_weight, row_bias] = &parameters;
    let (images_out, batch_statistics) =
        ops::batch_norm_training(&images, weight, bias, 1e-5).unwrap();
    let evaluated = ops::batch_norm(&images, weight, bias, &batch_statistics, 1e-5).unwrap();
    let (features_out, _) = ops::batch_norm_training(&rows, row_weight, row_bias, 1e-5).unwrap();
    let rows_out = ops::layer_norm(&rows, row_weight, row_bias, 1e-5).unwrap();
    let dropped = ops::dropout(&rows, 0.3, &mut Rng::new(2)).unwrap();
    let mut outputs = vec![
        images_out,
        evaluated,
        features_out,
        rows_out,
        dropped,
        batch_statistics.mean,
        batch_statistics.variance,
    ];
    // Of normalised numbers the squares hardly have a gradient, their cubes do.
    let cubes = joined(&outputs).unwrap().powf(3.0).unwrap();
    let gradients = backward(&cubes.mean_all().unwrap()).unwrap();
    for variable in [&images, &rows].into_iter().chain(&parameters) {
        outputs.push(gradients.get(variable).unwrap().clone());
    }
    outputs
}

fn assert_close(found: &[Tensor], right: &[Tensor], tolerance: f64, what: &str) {
    assert_eq!(found.len(), right.len());
    for (index, (found, right)) in found.iter().zip(right).enumerate() {
        let error = difference(found, right);
        assert!(error <= tolerance, "{what}, tensor {index}: {error}");
    }
}

fn sweeps(batch: usize) -> [Sweep; 2] {
    [
        Sweep::default(),
        Sweep::masked(random_mask(5, batch, 6)).reversed(),
    ]
}

#[test]
fn the_simd_levels_agree() {
    let on = |level: Level, run: &dyn Fn() -> Vec<Tensor>| {
        let _forced = level.force().unwrap();
        run()
    };
    let check = |what: &str, run: &dyn Fn() -> Vec<Tensor>| {
        let best = on(Level::detected(), run);
        for level in Level::available() {
            assert_close(&on(level, run), &best, 4e-6, &format!("{what} on {level}"));
        }
    };
    for kind in KINDS {
        for sweep in &sweeps(37) {
            check(&format!("{kind:?}"), &|| recurrent(kind, 37, sweep));
        }
    }
    check("the others", &|| others(37));
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            // More chunks than jobs, on every level.
            let mut outputs = others(700);
            for kind in KINDS {
                outputs.extend(recurrent(kind, 300, &sweeps(300)[1]));
            }
            outputs
                .iter()
                .flat_map(crate::values)
                .map(f64::to_bits)
                .collect::<Vec<_>>()
        })
    };
    assert!(with(1) == with(2));
}

#[test]
fn fused_and_composed_agree() {
    for kind in KINDS {
        for sweep in &sweeps(37) {
            let fused = recurrent(kind, 37, sweep);
            let _forced = fallback::force();
            let composed = recurrent(kind, 37, sweep);
            assert_close(&fused, &composed, 1e-5, &format!("{kind:?}"));
        }
    }
    let fused = others(37);
    let _forced = fallback::force();
    assert_close(&fused, &others(37), 1e-5, "the others");
}

#[test]
fn a_second_backward_pass_finds_nothing_left_over_from_the_first() {
    for kind in KINDS {
        let parameters = kind.parameters(1, 3, 4, 5);
        let input = Var::from_tensor(&numbers(&mut Rng::new(1), 1.0, &[3, 6, 4])).unwrap();
        let outputs = kind.run(&input, &parameters, &Sweep::default()).unwrap();
        let of = |loss: Tensor| {
            let gradients = backward(&loss.sum_all().unwrap()).unwrap();
            gradients.get(&input).unwrap().clone()
        };
        let everything = || joined(&outputs).unwrap().sqr().unwrap();
        let first = of(everything());
        let sequence_only = of(outputs[0].sqr().unwrap());
        let states_only = of(joined(&outputs[1..]).unwrap().sqr().unwrap());
        assert_eq!(crate::values(&of(everything())), crate::values(&first));
        let sum = (sequence_only + states_only).unwrap();
        assert!(difference(&sum, &first) < 1e-14, "{kind:?}");
    }
}

#[test]
fn an_input_in_any_layout_is_taken() {
    for kind in KINDS {
        let parameters = kind.parameters(1, 3, 4, 5);
        let time_first = numbers(&mut Rng::new(1), 1.0, &[6, 3, 4]);
        let view = time_first.transpose(0, 1).unwrap();
        let found = kind.run(&view, &parameters, &Sweep::default()).unwrap();
        let right = view.contiguous().unwrap();
        let right = kind.run(&right, &parameters, &Sweep::default()).unwrap();
        assert_eq!(crate::values(&found[0]), crate::values(&right[0]));
    }
}

#[test]
fn embedding_takes_any_layout_of_ids_and_table() {
    fused_and_composed(|| {
        let table = numbers(&mut Rng::new(1), 1.0, &[4, 5]).t().unwrap();
        let ids = Tensor::new(&[[0u32, 4, 2], [1, 1, 3]], &Device::Cpu).unwrap();
        let ids = ids.t().unwrap();
        let found = ops::embedding(&ids, &table, None).unwrap();
        let (ids, table) = (ids.contiguous().unwrap(), table.contiguous().unwrap());
        let expected = ops::embedding(&ids, &table, None).unwrap();
        assert_eq!(values(&found), values(&expected));
        assert_eq!(
            values(&found.i((2, 1)).unwrap()),
            values(&table.i(3).unwrap())
        );
    });
}
