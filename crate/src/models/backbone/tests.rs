use candle_core::DType;

use super::*;
use crate::data::{Cifar10, LabelledImages};
use crate::train::{Examples, TensorExamples};

fn photos(n: usize) -> LabelledImages {
    Cifar10::sample().unwrap().train.take(n).unwrap()
}

fn inputs(examples: &TensorExamples) -> Vec<f32> {
    let inputs = examples.all().unwrap().inputs;
    inputs.flatten_all().unwrap().to_vec1().unwrap()
}

fn files(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path()).unwrap().count()
}

#[test]
fn features_are_read_where_nothing_has_changed_and_computed_where_something_has() {
    let folder = tempfile::tempdir().unwrap();
    let kept = FeaturesFolder::at(folder.path());
    let backbone = Backbone::small_untrained(1).unwrap();
    let photos = photos(6);
    let computed = inputs(&kept.features(&backbone, &photos).unwrap());
    let direct = backbone.features(&photos.images).unwrap();
    assert_eq!(
        computed,
        direct.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    );
    let read = kept.features(&backbone, &photos).unwrap();
    assert_eq!((files(&folder), inputs(&read)), (1, computed.clone()));
    let labels = photos.labels.to_vec1::<u32>().unwrap();
    assert_eq!(
        read.all().unwrap().targets.to_vec1::<u32>().unwrap(),
        labels
    );

    // Other weights, one other number of them, other images, another size.
    let other = Backbone::small_untrained(2).unwrap();
    assert_ne!(inputs(&kept.features(&other, &photos).unwrap()), computed);
    let parameters = backbone.network().parameters();
    let bias = parameters.get("layer3.0.bn2.bias").unwrap();
    bias.set(&bias.tensor().affine(1.0, 0.5).unwrap()).unwrap();
    assert_ne!(
        inputs(&kept.features(&backbone, &photos).unwrap()),
        computed
    );
    kept.features(&backbone, &photos.take(5).unwrap()).unwrap();
    let larger = small_resnet(Backbone::SMALL_BLOCKS, 6).build(1).unwrap();
    let larger = Backbone::new("larger", larger, "fc", IMAGENET).unwrap();
    kept.features(&larger, &photos).unwrap();
    assert_eq!(files(&folder), 5);
}

#[test]
fn a_damaged_file_is_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let kept = FeaturesFolder::at(folder.path());
    let (backbone, photos) = (Backbone::small_untrained(1).unwrap(), photos(3));
    let computed = inputs(&kept.features(&backbone, &photos).unwrap());
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
    let path = file.unwrap().path();
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(
        inputs(&kept.features(&backbone, &photos).unwrap()),
        computed
    );
    assert!(tensor_file::read(&path).is_ok(), "written again");
}

#[test]
fn images_are_resized_and_normalised() {
    let network = resnet18([3, 64, 48], 2).build(1).unwrap();
    let backbone = Backbone::new("b", network, "fc", [[0.5, 0.25, 0.0], [0.5, 1.0, 2.0]]).unwrap();
    let grey = Tensor::full(0.75f32, (2, 3, 32, 32), &Device::Cpu).unwrap();
    let prepared = backbone.prepare(&grey).unwrap();
    assert_eq!(prepared.dims(), [2, 3, 64, 48]);
    let means = prepared.mean((0, 2, 3)).unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(means, [0.5, 0.5, 0.375]);
    assert_eq!(backbone.features(&grey).unwrap().dims(), [2, 512]);
    assert_eq!(backbone.logits(&grey).unwrap().dims(), [2, 2]);
    let flat = Tensor::zeros((2, 1, 28, 28), DType::F32, &Device::Cpu).unwrap();
    let error = backbone.features(&flat).unwrap_err().to_string();
    assert!(error.contains("[2, 1, 28, 28]"), "{error}");
}

/// A state dict as PyTorch's, with the counts of batches that its normalisations keep.
fn state_dict(network: &Sequential, path: &Path) {
    let mut tensors = std::collections::HashMap::new();
    for (name, parameter) in network.parameters().iter() {
        if let Some(norm) = name.strip_suffix("running_mean") {
            let count = Tensor::new(7i64, &Device::Cpu).unwrap();
            tensors.insert(format!("{norm}num_batches_tracked"), count);
        }
        tensors.insert(name.to_owned(), parameter.tensor());
    }
    candle_core::safetensors::save(&tensors, path).unwrap();
}

#[test]
fn a_network_from_a_file_answers_as_the_one_that_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let photos = photos(2).images;
    type Load = fn(&Path) -> Result<Backbone>;
    let networks: [(Sequential, Colours, Load); 2] = [
        (
            resnet18([3, 32, 32], 1000).build(3).unwrap(),
            IMAGENET,
            |file| Backbone::resnet18(file, 32),
        ),
        (
            efficientnet_lite0([3, 32, 32], 1000).build(3).unwrap(),
            EFFICIENTNET_LITE,
            |file| Backbone::efficientnet_lite0(file, 32),
        ),
    ];
    let files = ["resnet", "efficientnet"].map(|name| folder.path().join(name));
    let files = files.map(|file| file.with_extension("safetensors"));
    for ((network, [mean, deviation], load), file) in networks.iter().zip(&files) {
        state_dict(network, file);
        let colours = |values: &[f32; 3]| {
            let values = Tensor::new(values, &Device::Cpu).unwrap();
            values.reshape((1, 3, 1, 1)).unwrap()
        };
        let centred = photos.broadcast_sub(&colours(mean)).unwrap();
        let prepared = centred.broadcast_div(&colours(deviation)).unwrap();
        let expected = network.apply(&prepared, &mut Pass::Evaluate).unwrap();
        let found = load(file).unwrap().logits(&photos).unwrap();
        let [found, expected] =
            [found, expected].map(|logits| logits.to_vec2::<f32>().unwrap().concat());
        assert_eq!(found, expected);
    }
    // The weights of the other network.
    for ((.., load), file) in networks.iter().zip(files.iter().rev()) {
        let error = load(file).unwrap_err().to_string();
        assert!(error.contains(file.to_str().unwrap()), "{error}");
    }
}
