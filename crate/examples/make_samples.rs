//! Makes the samples in `datasets/` from the full data sets:
//! `cargo run -p cuaderno --example make_samples [SET…]`. The same files come out each time.

use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use cuaderno::Rng;
use cuaderno::data::idx::Idx;
use cuaderno::data::{Cifar10, LabelledImages};
use cuaderno_datasets::{Cache, FetchOptions, catalogue, fetch};
use flate2::{Compression, GzBuilder};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let sets: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |set: &str| sets.is_empty() || sets.iter().any(|wanted| wanted == set);
    if wanted("mnist") {
        let (full, shipped) = folders("mnist")?;
        for (part, of_each_digit) in [("train", 150), ("t10k", 50)] {
            sample(&full, &shipped, part, of_each_digit)?;
        }
    }
    if wanted("chelsea") {
        let (full, shipped) = folders("chelsea")?;
        halve(&full.join("chelsea.png"), &shipped.join("chelsea.png"))?;
    }
    if wanted("cifar10") {
        let (full, shipped) = folders("cifar10")?;
        let cifar = Cifar10::from_folder(&full)?;
        photographs(&cifar.train, 80, &shipped.join("train"))?;
        photographs(&cifar.test, 40, &shipped.join("test"))?;
    }
    Ok(())
}

/// Where all of a data set is, and where what is shipped of it goes.
fn folders(set: &str) -> Result<(PathBuf, PathBuf)> {
    let full = fetch(
        catalogue().get(set)?,
        &Cache::of_user()?,
        &FetchOptions::from_environment(),
        &mut |_| {},
    )?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets");
    fs::create_dir_all(shipped.join(set))?;
    Ok((full, shipped.join(set)))
}

/// Writes a colour picture at half its width and height: each pixel is the mean of four. An odd
/// last row or column is left out.
fn halve(full: &Path, shipped: &Path) -> Result<()> {
    let mut reader = png::Decoder::new(BufReader::new(File::open(full)?)).read_info()?;
    let [width, height] = [reader.info().width, reader.info().height];
    let mut levels = vec![0; 3 * width as usize * height as usize];
    reader.next_frame(&mut levels)?;
    let mut means = Vec::new();
    for (row, column) in (0..height / 2).flat_map(|y| (0..width / 2).map(move |x| (2 * y, 2 * x))) {
        for channel in 0..3 {
            let level = |y, x| levels[((row + y) * width + column + x) as usize * 3 + channel];
            let four = [level(0, 0), level(0, 1), level(1, 0), level(1, 1)];
            let sum: u16 = four.into_iter().map(u16::from).sum();
            means.push(((sum + 2) / 4) as u8);
        }
    }
    let mut encoder = png::Encoder::new(File::create(shipped)?, width / 2, height / 2);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Best);
    encoder.set_adaptive_filter(png::AdaptiveFilterType::Adaptive);
    encoder.write_header()?.write_image_data(&means)?;
    println!("{} values to {}", means.len(), shipped.display());
    Ok(())
}

/// Writes the first `of_each_class` images of each class in a random order, in their original order:
/// one below the other in a PNG, and their labels as a JSON list.
fn photographs(all: &LabelledImages, of_each_class: usize, shipped: &Path) -> Result<()> {
    let labels: Vec<u32> = all.labels.to_vec1()?;
    let mut counts = [0; 10];
    let mut chosen = Rng::new(6202).permutation(labels.len());
    chosen.retain(|&index| {
        let count = &mut counts[labels[index as usize] as usize];
        *count += 1;
        *count <= of_each_class
    });
    chosen.sort_unstable();
    let chosen = all.select(&chosen)?;
    let pixels = chosen.images.permute((0, 2, 3, 1))?.flatten_all()?;
    let levels: Vec<u8> = (pixels.to_vec1::<f32>()?.iter())
        .map(|&number| (255.0 * number).round() as u8)
        .collect();
    let picture = File::create(shipped.with_extension("png"))?;
    let mut encoder = png::Encoder::new(picture, 32, 32 * chosen.len() as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Best);
    encoder.set_adaptive_filter(png::AdaptiveFilterType::Adaptive);
    encoder.write_header()?.write_image_data(&levels)?;
    let labels: Vec<u32> = chosen.labels.to_vec1()?;
    fs::write(shipped.with_extension("json"), format!("{labels:?}\n"))?;
    println!("{} images to {}.png", chosen.len(), shipped.display());
    Ok(())
}

/// Keeps the first `of_each_digit` images of each digit in a random order, in their original order.
fn sample(full: &Path, shipped: &Path, part: &str, of_each_digit: usize) -> Result<()> {
    let images_name = format!("{part}-images-idx3-ubyte");
    let labels_name = format!("{part}-labels-idx1-ubyte");
    let images = Idx::read(&full.join(&images_name))?;
    let labels = Idx::read(&full.join(&labels_name))?;

    let mut counts = [0; 10];
    let mut chosen: Vec<usize> = Rng::new(6202)
        .permutation(labels.values().len())
        .into_iter()
        .map(|index| index as usize)
        .filter(|&index| {
            let count = &mut counts[usize::from(labels.values()[index])];
            *count += 1;
            *count <= of_each_digit
        })
        .collect();
    chosen.sort_unstable();

    let pixels: Vec<u8> = chosen
        .iter()
        .flat_map(|&index| &images.values()[index * 784..(index + 1) * 784])
        .copied()
        .collect();
    let digits: Vec<u8> = chosen.iter().map(|&index| labels.values()[index]).collect();
    write(&shipped.join(images_name), &[chosen.len(), 28, 28], &pixels)?;
    write(&shipped.join(labels_name), &[chosen.len()], &digits)
}

/// Writes a gzipped IDX file without a time stamp.
fn write(path: &Path, dims: &[usize], values: &[u8]) -> Result<()> {
    let file = File::create(path.with_added_extension("gz"))?;
    let mut gzip = GzBuilder::new().mtime(0).write(file, Compression::best());
    gzip.write_all(&[0, 0, 0x08, dims.len() as u8])?;
    for &size in dims {
        gzip.write_all(&u32::try_from(size)?.to_be_bytes())?;
    }
    gzip.write_all(values)?;
    gzip.finish()?;
    println!("{} values to {}.gz", values.len(), path.display());
    Ok(())
}
