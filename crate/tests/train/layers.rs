//! Layers against PyTorch: parameters where its state dicts have them, the same outputs and
//! gradients, and the output shape that was promised.

use candle_core::{DType, Tensor, Var};
use cuaderno::candle_core;
use cuaderno::nn::{
    Activation, AvgPool1d, AvgPool2d, BatchNorm, Bidirectional, Conv1d, Conv2d, ConvTranspose1d,
    ConvTranspose2d, Dense, Dropout, Dropout2d, Embedding, Flatten, GlobalAvgPool, GlobalMaxPool,
    Gru, Layer, LayerNorm, Lstm, MaxPool1d, MaxPool2d, Merge, PRelu, Pass, Plan, Reshape,
    Sequential, SimpleRnn, Upsample, check_gradients,
};
use cuaderno::{Result, Rng};

use crate::fixture::{Case, Fixture};

/// Gives a built layer the case's weights, and compares the output of `run` and the gradients of
/// the input and of every parameter.
fn check(case: &Case, layer: &dyn Layer, run: impl Fn(&Tensor) -> Result<Tensor>) {
    set_weights(case, layer, str::to_owned);
    let input = Var::from_tensor(&case.tensor("input")).unwrap();
    let output = run(&input).unwrap();
    case.compare("output", &output);
    let weighted = (output * case.tensor("output_weighting")).unwrap();
    let gradients = weighted.sum_all().unwrap().backward().unwrap();
    case.compare("grad_input", gradients.get(&input).unwrap());
    for (name, parameter) in layer.parameters().iter() {
        let gradient = gradients.get(&parameter.var()).unwrap();
        case.compare(&format!("grad_{name}"), gradient);
    }
}

/// The same for layers that take nothing but their input.
fn check_plan<P: Plan>(case: &Case, plan: &P) {
    let input = case.tensor("input");
    let layer = plan.build(&input.dims()[1..], &mut Rng::new(1)).unwrap();
    let promised = layer.output_shape(&input.dims()[1..]).unwrap();
    let run = |x: &Tensor| {
        let output = layer.apply(x, &mut Pass::Evaluate)?;
        assert_eq!(output.dims()[1..], promised, "{case}");
        Ok(output)
    };
    check(case, &layer, run);
}

/// Gives a layer the case's weights, PyTorch's names of which `name_of` makes of ours.
pub fn set_weights(case: &Case, layer: &dyn Layer, name_of: impl Fn(&str) -> String) {
    layer.parameters().to_dtype(case.dtype).unwrap();
    for (name, parameter) in layer.parameters().iter() {
        parameter.set(&case.tensor(&name_of(name))).unwrap();
    }
}

/// The same for a plan with a bias, which not every case has.
macro_rules! check_biased {
    ($case:expr, $plan:expr) => {
        match $case.optional("bias") {
            Some(_) => check_plan($case, &$plan),
            None => check_plan($case, &$plan.without_bias()),
        }
    };
}

#[test]
fn dense() {
    let fixture = Fixture::load("dense/linear");
    let linear = fixture
        .cases()
        .filter(|c| c.get::<String>("activation") == "none");
    for case in linear {
        let plan = Dense::units(case.tensor("weight").dims()[0]);
        check_biased!(&case, plan);
    }
}

#[test]
fn conv1d() {
    for case in Fixture::load("conv/conv1d").cases() {
        let weight = case.tensor("weight");
        let plan = Conv1d::filters(weight.dims()[0])
            .kernel(weight.dims()[2])
            .stride(case.get("stride"))
            .padding(case.get("padding"))
            .dilation(case.get("dilation"))
            .groups(case.get("groups"));
        check_biased!(&case, plan);
    }
}

#[test]
fn conv2d() {
    for case in Fixture::load("conv/conv2d").cases() {
        let weight = case.tensor("weight");
        let plan = Conv2d::filters(weight.dims()[0])
            .kernel([weight.dims()[2], weight.dims()[3]])
            .stride(case.get::<usize>("stride"))
            .padding(case.get::<usize>("padding"))
            .dilation(case.get::<usize>("dilation"))
            .groups(case.get("groups"));
        check_biased!(&case, plan);
    }
}

#[test]
fn padding_same() {
    for case in Fixture::load("conv/conv1d_same").cases() {
        let weight = case.tensor("weight");
        let plan = Conv1d::filters(weight.dims()[0])
            .kernel(weight.dims()[2])
            .stride(case.get("stride"))
            .padding_same()
            .dilation(case.get("dilation"))
            .groups(case.get("groups"));
        check_biased!(&case, plan);
    }
    for case in Fixture::load("conv/conv2d_same").cases() {
        let weight = case.tensor("weight");
        let plan = Conv2d::filters(weight.dims()[0])
            .kernel([weight.dims()[2], weight.dims()[3]])
            .stride(case.get::<usize>("stride"))
            .padding_same()
            .dilation(case.get::<usize>("dilation"))
            .groups(case.get("groups"));
        check_biased!(&case, plan);
    }
}

#[test]
fn padding_same_keeps_the_size_in_a_summary() {
    let network = Sequential::input(&[1, 7, 10])
        .then("even", Conv2d::filters(2).kernel([2, 4]).padding_same())
        .then(
            "halved",
            Conv2d::filters(3).kernel(5).stride(2).padding_same(),
        )
        .build(1)
        .unwrap();
    let summary = network.summary().unwrap().to_string();
    assert!(summary.contains("[batch, 2, 7, 10]"), "{summary}");
    assert!(summary.contains("[batch, 3, 4, 5]"), "{summary}");
}

#[test]
fn conv_transpose1d() {
    for case in Fixture::load("conv/conv_transpose1d").cases() {
        let weight = case.tensor("weight");
        let groups: usize = case.get("groups");
        let plan = ConvTranspose1d::filters(weight.dims()[1] * groups)
            .kernel(weight.dims()[2])
            .stride(case.get("stride"))
            .padding(case.get("padding"))
            .output_padding(case.get("output_padding"))
            .dilation(case.get("dilation"))
            .groups(groups);
        check_biased!(&case, plan);
    }
}

#[test]
fn conv_transpose2d() {
    for case in Fixture::load("conv/conv_transpose2d").cases() {
        let weight = case.tensor("weight");
        let groups: usize = case.get("groups");
        let plan = ConvTranspose2d::filters(weight.dims()[1] * groups)
            .kernel([weight.dims()[2], weight.dims()[3]])
            .stride(case.get::<usize>("stride"))
            .padding(case.get::<usize>("padding"))
            .output_padding(case.get::<usize>("output_padding"))
            .dilation(case.get::<usize>("dilation"))
            .groups(groups);
        check_biased!(&case, plan);
    }
}

#[test]
fn prelu() {
    for case in Fixture::load("dense/activations").cases() {
        match case.name {
            "prelu_one_weight" => check_plan(&case, &PRelu::shared()),
            "prelu_per_channel" => check_plan(&case, &PRelu::per_channel()),
            _ => (),
        }
    }
}

#[test]
fn layer_norm() {
    for case in Fixture::load("norm/layer_norm").cases() {
        // The gradients of a single normalised number are zero but for PyTorch's rounding.
        if case.name != "single" {
            let plan = LayerNorm::of_last(case.get("normalised_dims"));
            check_plan(&case, &plan.epsilon(case.get("epsilon")));
        }
    }
}

#[test]
fn batch_norm() {
    for case in Fixture::load("norm/batch_norm").cases() {
        let plan = BatchNorm::of_channels()
            .momentum(case.get("momentum"))
            .epsilon(case.get("epsilon"));
        let plan = match case.get("affine") {
            true => plan,
            false => plan.without_affine(),
        };
        let input = Var::from_tensor(&case.tensor("input")).unwrap();
        let layer = plan.build(&input.dims()[1..], &mut Rng::new(1)).unwrap();
        set_weights(&case, &layer, |name| {
            name.replace("running_var", "running_variance")
        });
        let rng = &mut Rng::new(1);
        let mut pass = if case.get("training") {
            Pass::Train(rng)
        } else {
            Pass::Evaluate
        };
        let output = layer.apply(&input, &mut pass).unwrap();
        case.compare("output", &output);
        let weighted = (output * case.tensor("output_weighting")).unwrap();
        let gradients = weighted.sum_all().unwrap().backward().unwrap();
        case.compare("grad_input", gradients.get(&input).unwrap());
        let parameters = layer.parameters();
        for (name, parameter) in parameters.trainable() {
            let gradient = gradients.get(&parameter.var()).unwrap();
            case.compare(&format!("grad_{name}"), gradient);
        }
        let buffer = |name| parameters.get(name).unwrap().tensor();
        case.compare("running_mean_after", &buffer("running_mean"));
        case.compare("running_variance_after", &buffer("running_var"));
    }
}

#[test]
fn a_frozen_batch_norm_keeps_its_statistics() {
    let layer = BatchNorm::of_channels()
        .build(&[3], &mut Rng::new(1))
        .unwrap();
    let x = Rng::new(2).normal(5.0, 2.0, &[8, 3]).unwrap();
    layer.parameters().freeze();
    let trained = layer.apply(&x, &mut Pass::Train(&mut Rng::new(1))).unwrap();
    let used = layer.apply(&x, &mut Pass::Evaluate).unwrap();
    assert_eq!(
        trained.to_vec2::<f32>().unwrap(),
        used.to_vec2::<f32>().unwrap()
    );
    let mean = layer.parameters().get("running_mean").unwrap().tensor();
    assert_eq!(mean.to_vec1::<f32>().unwrap(), [0.0; 3]);
}

#[test]
fn embedding() {
    for case in Fixture::load("dense/embedding").cases() {
        let &[vocabulary, dimensions] = case.tensor("weight").dims() else {
            panic!("{case}: the table is a matrix")
        };
        let plan = Embedding::table(vocabulary, dimensions);
        let plan = match case.get::<Option<u32>>("padding_index") {
            Some(id) => plan.padding(id),
            None => plan,
        };
        let ids = case.tensor("indices");
        let layer = plan.build(&ids.dims()[1..], &mut Rng::new(1)).unwrap();
        set_weights(&case, &layer, str::to_owned);
        let output = layer.apply(&ids, &mut Pass::Evaluate).unwrap();
        case.compare("output", &output);
        let weighted = (output * case.tensor("output_weighting")).unwrap();
        let gradients = weighted.sum_all().unwrap().backward().unwrap();
        case.compare("grad_weight", gradients.get(&layer.weight().var()).unwrap());
    }
}

#[test]
fn the_vector_of_padding_starts_at_zero_and_pretrained_ones_are_kept() {
    let layer = Embedding::table(4, 2)
        .padding(1)
        .build(&[3], &mut Rng::new(1))
        .unwrap();
    let table = layer.weight().tensor().to_vec2::<f32>().unwrap();
    assert_eq!(table[1], [0.0, 0.0]);
    assert!(table[0][0] != 0.0 && table.iter().flatten().all(|v| v.abs() <= 0.05));
    let glove = Embedding::pretrained(&layer.weight().tensor()).unwrap();
    glove.parameters().freeze();
    let ids = Tensor::new(&[[0u32, 1]], &candle_core::Device::Cpu).unwrap();
    let vectors = glove.apply(&ids, &mut Pass::Evaluate).unwrap();
    assert!(!vectors.track_op(), "frozen vectors get no gradient");
    assert_eq!(vectors.to_vec3::<f32>().unwrap()[0], table[..2]);
}

#[test]
fn dropout_drops_in_training_only() {
    let x = Tensor::ones((40, 50), DType::F32, &candle_core::Device::Cpu).unwrap();
    let layer = Dropout::rate(0.2);
    let used = layer.apply(&x, &mut Pass::Evaluate).unwrap();
    assert_eq!(used.to_vec2::<f32>().unwrap(), x.to_vec2::<f32>().unwrap());
    let train = |seed| {
        let rng = &mut Rng::new(seed);
        layer
            .apply(&x, &mut Pass::Train(rng))
            .unwrap()
            .to_vec2::<f32>()
            .unwrap()
    };
    let dropped = train(1).iter().flatten().filter(|&&v| v == 0.0).count();
    assert!((300..500).contains(&dropped), "{dropped} of 2000");
    assert_eq!(train(1), train(1));
    assert_ne!(train(1), train(2));
}

/// Gives a pooling the case's options.
macro_rules! pooling {
    ($case:expr, $layer:ident) => {{
        let plan = $layer::window($case.get::<usize>("kernel"))
            .stride($case.get::<usize>("stride"))
            .padding($case.get::<usize>("padding"));
        match $case.get("ceil_mode") {
            true => plan.ceil_mode(),
            false => plan,
        }
    }};
}

#[test]
fn max_pool2d() {
    for case in Fixture::load("conv/max_pool2d").cases() {
        check_plan(&case, &pooling!(case, MaxPool2d));
    }
}

#[test]
fn avg_pool2d() {
    for case in Fixture::load("conv/avg_pool2d").cases() {
        let plan = pooling!(case, AvgPool2d);
        check_plan(&case, &plan.count_padding(case.get("count_padding")));
    }
}

#[test]
fn pool1d() {
    for case in Fixture::load("conv/pool1d").cases() {
        match case.get::<String>("kind").as_str() {
            "max" => check_plan(&case, &pooling!(case, MaxPool1d)),
            "average" => check_plan(&case, &pooling!(case, AvgPool1d)),
            _ => check_plan(&case, &pooling!(case, AvgPool1d).count_padding(false)),
        }
    }
}

#[test]
fn global_pooling_is_one_window_over_everything() {
    let values = |x: Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let run = |layer: &dyn Layer, x: &Tensor| {
        let y = layer.apply(x, &mut Pass::Evaluate).unwrap();
        let promised = layer.output_shape(&x.dims()[1..]).unwrap();
        assert_eq!(y.dims()[1..], promised);
        values(y)
    };
    let x = [[[[1f32, 2.0], [5.0, 0.0]], [[-1.0, -3.0], [-4.0, -4.0]]]];
    let images = Tensor::new(&x, &candle_core::Device::Cpu).unwrap();
    let sequences = images.flatten_from(2).unwrap();
    for x in [images, sequences] {
        assert_eq!(run(&GlobalAvgPool, &x), [2.0, -3.0]);
        assert_eq!(run(&GlobalMaxPool, &x), [5.0, -1.0]);
    }
    let error = GlobalMaxPool.output_shape(&[3]).unwrap_err().to_string();
    assert!(error.contains("[channels, height, width]"), "{error}");
}

#[test]
fn dropout2d_drops_whole_channels_in_training_only() {
    let x = Tensor::ones((20, 50, 2, 3), DType::F32, &candle_core::Device::Cpu).unwrap();
    let layer = Dropout2d::rate(0.2);
    let channels = |y: Tensor| y.reshape((1000, 6)).unwrap().to_vec2::<f32>().unwrap();
    let used = layer.apply(&x, &mut Pass::Evaluate).unwrap();
    assert_eq!(channels(used), vec![[1.0; 6]; 1000]);
    let trained = layer.apply(&x, &mut Pass::Train(&mut Rng::new(1))).unwrap();
    let trained = channels(trained);
    let dropped = trained
        .iter()
        .filter(|channel| **channel == [0.0; 6])
        .count();
    let kept = trained
        .iter()
        .filter(|channel| **channel == [1.25; 6])
        .count();
    assert_eq!(dropped + kept, 1000);
    assert!((150..250).contains(&dropped), "{dropped} of 1000");
}

#[test]
fn upsample() {
    for case in Fixture::load("conv/upsample_nearest2d").cases() {
        let size: [usize; 2] = case.get("size");
        check_plan(&case, &Upsample::nearest_to(size));
    }
    for case in Fixture::load("conv/upsample_bilinear2d").cases() {
        let size: [usize; 2] = case.get("size");
        let plan = Upsample::bilinear_to(size);
        match case.get("align_corners") {
            true => check_plan(&case, &plan.align_corners()),
            false => check_plan(&case, &plan),
        }
    }
    let x = Tensor::new(&[[[[1f32, 2.0]]]], &candle_core::Device::Cpu).unwrap();
    let y = Upsample::nearest(2).apply(&x, &mut Pass::Evaluate).unwrap();
    assert_eq!(
        y.flatten_to(2).unwrap().to_vec2::<f32>().unwrap(),
        [[1.0, 1.0, 2.0, 2.0]; 2]
    );
    assert_eq!(
        Upsample::bilinear(3).output_shape(&[4, 5, 6]).unwrap(),
        [4, 15, 18]
    );
}

#[test]
fn gradients_of_all_layers_are_their_finite_differences() {
    fn right<P: Plan>(plan: P, input: &[usize]) {
        let layer = plan.build(&input[1..], &mut Rng::new(3)).unwrap();
        let report = check_gradients(&layer, input).unwrap();
        assert!(report.is_right(), "{}\n{report}", layer.kind());
    }
    let tanh = Activation::Tanh;
    right(Dense::units(3).activation(tanh), &[2, 4]);
    right(Conv1d::filters(2).stride(2).activation(tanh), &[2, 3, 7]);
    right(Conv2d::filters(2).kernel([3, 2]).padding(1), &[1, 2, 5, 4]);
    right(Conv1d::filters(2).kernel(4).padding_same(), &[2, 3, 5]);
    right(
        Conv2d::filters(2).kernel(2).stride(2).padding_same(),
        &[1, 2, 5, 4],
    );
    right(
        ConvTranspose2d::filters(2).stride(2).output_padding(1),
        &[1, 2, 3, 2],
    );
    right(ConvTranspose1d::filters(2).stride(2), &[2, 2, 3]);
    right(PRelu::per_channel(), &[2, 3]);
    right(LayerNorm::of_last(2), &[2, 3, 4]);
    right(BatchNorm::of_channels().without_affine(), &[3, 2, 4]);
    right(Dropout2d::rate(0.3), &[2, 4, 2, 2]);
    right(MaxPool1d::window(3).stride(2).padding(1), &[1, 2, 7]);
    right(AvgPool1d::window(2).ceil_mode(), &[1, 2, 5]);
    right(
        AvgPool2d::window(3)
            .padding(1)
            .count_padding(false)
            .ceil_mode(),
        &[1, 2, 4, 5],
    );
    right(MaxPool2d::window(2).ceil_mode(), &[1, 2, 3, 5]);
    right(GlobalAvgPool, &[2, 3, 2, 4]);
    right(GlobalMaxPool, &[2, 3, 2, 4]);
    right(Upsample::bilinear(2).align_corners(), &[1, 2, 2, 3]);
    right(LayerNorm::of_features(), &[2, 4]);
    right(BatchNorm::of_channels(), &[3, 2, 4]);
    right(Dropout::rate(0.3), &[3, 5]);
    right(MaxPool2d::window(2).stride(1), &[1, 2, 4, 3]);
    right(AvgPool2d::window(3).padding(1), &[1, 2, 4, 5]);
    right(Upsample::nearest(2), &[1, 2, 2, 3]);
    right(Upsample::bilinear_to([5, 4]), &[1, 2, 2, 3]);
    right(Reshape::to(&[3, 2]), &[2, 6]);
    right(Flatten, &[2, 2, 2]);
    right(SimpleRnn::units(3), &[2, 3, 2]);
    right(Lstm::units(2).return_sequences().reversed(), &[2, 3, 2]);
    right(
        Bidirectional::of(Gru::units(2)).merge(Merge::Multiply),
        &[2, 3, 2],
    );
    right(Gru::units(2).num_layers(2).without_bias(), &[2, 3, 2]);
    right(
        Bidirectional::of(Lstm::units(2).num_layers(2).return_sequences()),
        &[2, 3, 2],
    );
}

#[test]
fn an_input_that_does_not_fit_is_one_sentence() {
    fn refused<P: Plan>(plan: P, input: &[usize], words: &[&str]) {
        let error = plan
            .build(input, &mut Rng::new(1))
            .err()
            .unwrap()
            .to_string();
        for word in words {
            assert!(error.contains(word), "{error:?} has no {word:?}");
        }
    }
    let rng = &mut Rng::new(1);
    refused(Dense::units(3), &[], &["Dense", "features"]);
    refused(Dense::units(0), &[4], &["0 units"]);
    refused(
        Conv2d::filters(4),
        &[28, 28],
        &["Conv2d", "[28, 28]", "[channels, height, width]"],
    );
    refused(
        Conv2d::filters(4).kernel(5),
        &[1, 4, 4],
        &["Conv2d", "5", "4"],
    );
    refused(
        Conv2d::filters(4).groups(3),
        &[3, 8, 8],
        &["3 input channels and 4 filters"],
    );
    refused(Conv2d::filters(4).stride(0), &[3, 8, 8], &["stride 0"]);
    refused(
        Conv1d::filters(4),
        &[1, 2, 3],
        &["Conv1d", "[channels, time]"],
    );
    refused(
        ConvTranspose2d::filters(4).padding(3),
        &[1, 2, 2],
        &["nothing is left", "3"],
    );
    refused(Lstm::units(4), &[3], &["Lstm", "[time, features]"]);
    refused(Gru::units(0), &[3, 2], &["0 units"]);
    refused(Gru::units(2).num_layers(0), &[3, 2], &["0 layer(s)"]);
    refused(
        LayerNorm::of_last(3),
        &[3, 2],
        &["LayerNorm", "[3, 2]", "3"],
    );
    refused(
        ConvTranspose1d::filters(4).padding(3),
        &[1, 2],
        &["ConvTranspose1d", "nothing is left", "3"],
    );
    refused(MaxPool1d::window(4), &[2, 3], &["MaxPool1d", "4", "3"]);
    let conv = Conv2d::filters(4).build(&[3, 8, 8], rng).unwrap();
    refused(
        conv,
        &[1, 8, 8],
        &["[1, 8, 8]", "[4, 3, 3, 3]", "3 channels"],
    );
    let lstm = Lstm::units(4).build(&[3, 2], rng).unwrap();
    refused(lstm, &[3, 5], &["[3, 5]", "2 features"]);
}
