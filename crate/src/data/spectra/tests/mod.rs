//! Files as NumPy, MATLAB and ENVI write them, made by hand.

mod broken;
mod reading;
mod scene;

use std::io::Write;

use candle_core::Tensor;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

/// A file `.npy` of version 1, with the header given in full.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!("{header}\n");
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
fn npy_header(descr: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
}

fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// An element of a MATLAB file, padded to 8 bytes.
fn element(kind: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// A matrix of a class, with its sizes, and numbers of some type, column by column.
fn matrix(class: u32, dims: &[u32], name: &str, (kind, numbers): (u32, &[u8])) -> Vec<u8> {
    let of = |list: &[u32]| {
        list.iter()
            .flat_map(|n| n.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let parts = [
        element(6, &of(&[class, 0])),
        element(5, &of(dims)),
        element(1, name.as_bytes()),
        element(kind, numbers),
    ];
    element(14, &parts.concat())
}

/// The same, compressed.
fn compressed(element: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(element).unwrap();
    let packed = encoder.finish().unwrap();
    let mut bytes = [15u32.to_le_bytes(), (packed.len() as u32).to_le_bytes()].concat();
    bytes.extend(packed);
    bytes
}

fn mat(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".to_vec();
    bytes.resize(124, b' ');
    bytes.extend([0, 1, b'I', b'M']);
    bytes.extend(elements.concat());
    bytes
}

/// A header of ENVI's with these lines after the first.
fn envi(lines: &[&str]) -> String {
    format!("ENVI\n{}\n", lines.join("\n"))
}

fn values(spectra: &Spectra) -> Vec<Vec<f32>> {
    spectra.spectra.to_vec2().unwrap()
}

#[track_caller]
fn refused<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("it was read"),
        Err(error) => error.to_string(),
    }
}
