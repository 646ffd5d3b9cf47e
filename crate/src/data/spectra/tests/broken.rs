//! Files with changed bytes.

use proptest::prelude::*;

use super::super::{envi::Header, mat as matlab, npy as numpy, table};
use super::*;
use crate::Rng;

/// A small file of each format. An ENVI header has its numbers behind a zero byte.
fn files() -> [Vec<u8>; 6] {
    let numbers = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let plain = matrix(7, &[2, 3], "spectra", (7, &numbers));
    let header = envi(&[
        "samples = 3",
        "lines = 1",
        "bands = 2",
        "data type = 4",
        "interleave = bil",
        "wavelength = {400, 410}",
    ]);
    [
        b"label,400,410\nsoil,1,2\n,3,4.5\n\"a,b\",5,6\n".to_vec(),
        npy(&npy_header("<f4", "(2, 3)"), &numbers),
        npy(&npy_header(">f8", "(1, 3)"), &numbers),
        mat(&[plain.clone(), compressed(&plain)]),
        mat(&[compressed(&plain), plain]),
        [header.as_bytes(), b"\0", &numbers].concat(),
    ]
}

/// Reads a file with wrong bytes in it, or a part of it missing or twice: it is read or refused.
fn mutilate(seed: u64) {
    let mut rng = Rng::new(seed);
    let which = rng.below(6);
    let mut bytes = files()[which].clone();
    for _ in 0..rng.below(6) {
        let place = rng.below(bytes.len());
        // Half of them in the sizes and types, where a wrong one does most.
        bytes[place] = match rng.below(4) {
            0 => 0xff,
            1 => b'9',
            _ => rng.below(256) as u8,
        };
    }
    if rng.below(3) == 0 {
        bytes.truncate(rng.below(bytes.len()));
    }
    if rng.below(4) == 0 && !bytes.is_empty() {
        let from = rng.below(bytes.len());
        let part = bytes[from..].to_vec();
        bytes.extend(part);
    }
    let checked = |spectra: Result<Spectra>| {
        if let Ok(spectra) = spectra {
            assert_eq!(spectra.labels.len(), spectra.len());
            let sum = spectra.spectra.abs().unwrap().max_all().unwrap();
            assert!(sum.to_scalar::<f32>().unwrap().is_finite());
        }
    };
    match which {
        0 => {
            checked(table::parse("a", &bytes));
            let _ = table::parse_labels("a", &bytes);
        }
        1 | 2 => {
            checked(numpy::parse("a", &bytes).and_then(|array| array.into_spectra("a")));
            let _ = numpy::parse("a", &bytes).and_then(|array| array.into_labels("a", None));
        }
        3 | 4 => {
            for variable in matlab::parse("a", &bytes).unwrap_or_default().matrices {
                checked(variable.array.into_spectra("a"));
            }
        }
        _ => {
            let mut halves = bytes.splitn(2, |&byte| byte == 0);
            let header = String::from_utf8_lossy(halves.next().unwrap_or_default()).into_owned();
            let data = halves.next().unwrap_or_default();
            checked(Header::parse("a", &header).and_then(|header| header.scene("a", data)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn broken_spectra_never_panic(seed in any::<u64>()) {
        mutilate(seed);
    }
}

/// `cargo test --lib broken_spectra_for_minutes -- --ignored`, for ten minutes.
#[test]
#[ignore = "takes ten minutes"]
fn broken_spectra_for_minutes() {
    let start = std::time::Instant::now();
    let mut seed = 0;
    while start.elapsed().as_secs() < 600 {
        mutilate(seed);
        seed += 1;
    }
    println!("{seed} broken files");
}
