use std::fs;

use super::*;

fn idx(dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// A folder with a tiny MNIST: two training images and one test image.
fn tiny() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..2 * 784).map(|i| (i % 256) as u8).collect();
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    write("train-images-idx3-ubyte", idx(&[2, 28, 28], &pixels));
    write("train-labels-idx1-ubyte", idx(&[2], &[3, 9]));
    write("t10k-images-idx3-ubyte", idx(&[1, 28, 28], &pixels[..784]));
    write("t10k-labels-idx1-ubyte", idx(&[1], &[0]));
    folder
}

/// The error after the file `name` was replaced by `bytes`.
fn error_with(name: &str, bytes: &[u8]) -> String {
    let folder = tiny();
    fs::write(folder.path().join(name), bytes).unwrap();
    Mnist::from_folder(folder.path()).unwrap_err().to_string()
}

#[test]
fn pixels_and_labels_are_those_of_the_files() {
    let mnist = Mnist::from_folder(tiny().path()).unwrap();
    assert_eq!(mnist.train.images.dims(), [2, 1, 28, 28]);
    let pixels: Vec<f32> = mnist.train.images.flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(pixels[51], 0.2);
    assert_eq!(pixels[255], 1.0);
    assert_eq!(pixels[256], 0.0);
    assert_eq!(mnist.train.labels.to_vec1::<u32>().unwrap(), [3, 9]);
    assert_eq!(mnist.test.len(), 1);
}

#[test]
fn each_defect_of_a_file_is_one_sentence() {
    let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    for (name, bytes, expected) in [
        (images, vec![0, 0, 8, 3, 0], "inside its header"),
        (images, idx(&[2, 28, 28], &[0; 100]), "only 100 follow"),
        (images, vec![0x50; 1000], "two zero bytes"),
        (
            images,
            idx(&[2, 784], &[0; 2 * 784]),
            "[n, 28, 28], but these are [2, 784]",
        ),
        (
            images,
            idx(&[3, 28, 28], &[0; 3 * 784]),
            "3 images but 2 labels",
        ),
        (
            labels,
            idx(&[2, 1], &[1, 2]),
            "labels of MNIST are [n], but these are [2, 1]",
        ),
        (
            labels,
            idx(&[2], &[1, 10]),
            "label 1 is 10, but a digit is 0 to 9",
        ),
    ] {
        let error = error_with(name, &bytes);
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn the_sample_is_real_and_balanced() {
    let mnist = Mnist::sample().unwrap();
    for (part, each) in [(&mnist.train, 150), (&mnist.test, 50)] {
        assert_eq!(part.images.dims(), [10 * each, 1, 28, 28]);
        let mut counts = [0; 10];
        for label in part.labels.to_vec1::<u32>().unwrap() {
            counts[label as usize] += 1;
        }
        assert_eq!(counts, [each; 10]);
        // All of MNIST has a mean of 0.1307 and a standard deviation of 0.3081.
        let pixels: Vec<f32> = part.images.flatten_all().unwrap().to_vec1().unwrap();
        let mean = pixels.iter().sum::<f32>() / pixels.len() as f32;
        let variance = pixels.iter().map(|p| (p - mean).powi(2)).sum::<f32>() / pixels.len() as f32;
        assert!((mean - 0.1307).abs() < 0.006, "{mean}");
        assert!((variance.sqrt() - 0.3081).abs() < 0.006, "{variance}");
        assert!(pixels.iter().all(|p| (0.0..=1.0).contains(p)));
    }
}

#[test]
fn images_of_the_sample_have_their_own_labels() {
    // The nearest mean image classifies 82 % of all of MNIST correctly; with shuffled labels it
    // would be 10 %.
    let mnist = Mnist::sample().unwrap();
    let pixels =
        |set: &LabelledImages| -> Vec<f32> { set.images.flatten_all().unwrap().to_vec1().unwrap() };
    let labels = |set: &LabelledImages| -> Vec<u32> { set.labels.to_vec1().unwrap() };
    let mut means = vec![[0f32; 784]; 10];
    for (image, label) in pixels(&mnist.train).chunks(784).zip(labels(&mnist.train)) {
        for (mean, pixel) in means[label as usize].iter_mut().zip(image) {
            *mean += pixel / 150.0;
        }
    }
    let distance = |mean: &[f32; 784], image: &[f32]| -> f32 {
        mean.iter().zip(image).map(|(m, p)| (m - p).powi(2)).sum()
    };
    let right = pixels(&mnist.test)
        .chunks(784)
        .zip(labels(&mnist.test))
        .filter(|(image, label)| {
            let nearest = (0..10)
                .min_by(|&a, &b| distance(&means[a], image).total_cmp(&distance(&means[b], image)));
            nearest == Some(*label as usize)
        })
        .count();
    assert!(right > 370, "{right} of 500");
}
