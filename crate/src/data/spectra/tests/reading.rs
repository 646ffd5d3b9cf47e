//! Each format, and what is refused in each.

use std::fs;

use proptest::prelude::*;

use super::super::{envi::Header, mat as matlab, npy as numpy, table};
use super::*;

const SIX: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

fn read_npy(bytes: &[u8]) -> Result<Spectra> {
    numpy::parse("a.npy", bytes)?.into_spectra("a.npy")
}

#[test]
fn a_table_has_wavelengths_and_some_labels() {
    let text = "\u{feff}label;400;410.5;420\r\nsoil;1;2;3\r\n;4;5e-1;6\r\nplants;7;8;9\r\n";
    let spectra = table::parse("a.csv", text.as_bytes()).unwrap();
    assert_eq!(
        values(&spectra),
        [[1.0, 2.0, 3.0], [4.0, 0.5, 6.0], [7.0, 8.0, 9.0]]
    );
    assert_eq!(spectra.wavelengths, Some(vec![400.0, 410.5, 420.0]));
    assert_eq!(spectra.labels, [Some(1), None, Some(0)]);
    assert_eq!(spectra.classes, ["plants", "soil"]);
    let batch = spectra.batch(&[1, 2]).unwrap();
    assert_eq!(batch.mask.unwrap().to_vec1::<u8>().unwrap(), [0, 1]);
    let (labelled, unlabelled) = spectra.parts().unwrap();
    assert_eq!(
        labelled
            .unwrap()
            .targets()
            .unwrap()
            .to_vec1::<u32>()
            .unwrap(),
        [1, 0]
    );
    assert_eq!(values(&unlabelled.unwrap()), [[4.0, 0.5, 6.0]]);
    assert!(refused(spectra.targets()).contains("is 1, but it must be 0 here"));
}

#[test]
fn tables_that_are_none_are_refused() {
    let error = |text: &str| refused(table::parse("a.csv", text.as_bytes()));
    assert_eq!(
        error("400,410\n1,2\n3,x\n"),
        "a.csv: row 2 has `x` in column `410`, but a number is expected."
    );
    assert_eq!(
        error("400,410\n1,2\n3\n"),
        "a.csv: row 2 has 1 fields, but line 1 names 2 columns."
    );
    assert!(error("400,410\n1,\n").contains("row 1 has `` in column `410`"));
    assert!(error("400,410\n1,nan\n").contains("NaN in band 2 of spectrum 1"));
    assert!(error("400,410\n1,inf\n").contains("inf in band 2"));
    assert!(error("410,400\n1,2\n").contains("unsorted: 410 in band 1 and 400 in band 2"));
    assert!(error("400,400\n1,2\n").contains("unsorted"));
    assert!(error("400,nan\n1,2\n").contains("a wavelength is NaN"));
    assert!(error("400,depth\n1,2\n").contains("names column 2 `depth`"));
    assert!(error("label\na\n").contains("names no band"));
    assert!(error("400,410\n").contains("no row below"));
    assert!(error("").contains("names no band"));
}

#[test]
fn numpy_s_arrays_are_read_in_each_type_and_order() {
    let shape = "(2, 3)";
    let expected = vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]];
    let check = |descr: &str, data: Vec<u8>| {
        let spectra = read_npy(&npy(&npy_header(descr, shape), &data)).unwrap();
        assert_eq!(values(&spectra), expected, "{descr}");
    };
    check("<f4", floats(&SIX));
    check(">f4", SIX.iter().flat_map(|n| n.to_be_bytes()).collect());
    check(
        "<f8",
        SIX.iter()
            .flat_map(|&n| f64::from(n).to_le_bytes())
            .collect(),
    );
    check("|u1", (1..=6).collect());
    check("|i1", (1..=6).collect());
    check(">i2", (1i16..=6).flat_map(i16::to_be_bytes).collect());
    check("<u2", (1u16..=6).flat_map(u16::to_le_bytes).collect());
    check("<i4", (1i32..=6).flat_map(i32::to_le_bytes).collect());
    check(">u4", (1u32..=6).flat_map(u32::to_be_bytes).collect());
    check("<i8", (1i64..=6).flat_map(i64::to_le_bytes).collect());
    check(">u8", (1u64..=6).flat_map(u64::to_be_bytes).collect());

    let fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }";
    let by_columns = read_npy(&npy(fortran, &floats(&SIX))).unwrap();
    assert_eq!(values(&by_columns), [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]);
    let scene = read_npy(&npy(&npy_header("<f4", "(3, 1, 2)"), &floats(&SIX))).unwrap();
    assert_eq!((scene.size, scene.bands()), (Some([3, 1]), 2));
}

#[test]
fn arrays_that_lie_are_refused() {
    let error = |descr: &str, shape: &str, data: &[u8]| {
        refused(read_npy(&npy(&npy_header(descr, shape), data)))
    };
    let six = floats(&SIX);
    let million = error("<f4", "(4, 1000000000000)", &six);
    assert!(
        million.contains(
            "announces 4 x 1000000000000, but an array of spectra has from 1 to 67108864"
        ),
        "{million}"
    );
    assert!(error("<f4", "(18446744073709551615, 2)", &six).contains("announces"));
    assert!(error("<f4", "(99999999999999999999, 2)", &six).contains("a shape is a list of sizes"));
    assert!(error("<f4", "(0, 3)", &[]).contains("announces 0 x 3"));
    assert_eq!(
        error("<f4", "(2, 3)", &six[..20]),
        "a.npy: 2 x 3 numbers of 4 bytes are promised, 24 bytes, but 20 follow: the file is \
         truncated or its header is wrong."
    );
    assert!(error("<f4", "(2, 2)", &six).contains("16 bytes, but 24 follow"));
    assert!(error("<c8", "(2, 3)", &six).contains("numbers are `'<c8'`"));
    assert!(error("|O", "(2, 3)", &six).contains("numbers are `'|O'`"));
    assert!(error("<f4", "(6,)", &six).contains("the array is 6, but spectra are"));
    assert!(error("<f4", "()", &six[..4]).contains("the array is a single number"));
    // Rearranging an array of so many dimensions would take time with their square.
    let dimensions = format!("({}1)", "1, ".repeat(4095));
    let many = error("<f4", &dimensions, &six[..4]);
    assert!(
        many.contains("4096 dimensions, but an array has at most 32"),
        "{many}"
    );
    let mut gap = SIX;
    gap[4] = f32::NAN;
    assert_eq!(
        error("<f4", "(2, 3)", &floats(&gap)),
        "a.npy: a spectrum is NaN in band 2 of spectrum 2, but it must be finite in every band; \
         leave spectra with gaps out, or fill the gaps."
    );
    let too_large = error("<f8", "(1, 1)", &1e300f64.to_le_bytes());
    assert!(too_large.contains("inf in band 1"), "{too_large}");
    assert!(refused(read_npy(b"PK\x03\x04")).contains("does not begin as a .npy file"));
    assert!(refused(read_npy(b"\x93NUMPY\x01")).contains("inside of its first 12 bytes"));
    assert!(refused(read_npy(b"\x93NUMPY\x09\x00\x01\x00 ")).contains("version is 9"));
    assert!(refused(read_npy(b"\x93NUMPY\x02\x00\xff\xff\xff\xff ")).contains("4294967295 bytes"));
}

#[test]
fn matlab_s_matrices_are_read_by_columns_packed_and_small() {
    // MATLAB stores whole numbers of a double matrix as bytes.
    let bytes = matrix(6, &[2, 3], "spectra", (2, &[1, 2, 3, 4, 5, 6]));
    for element in [bytes.clone(), compressed(&bytes)] {
        let variables = matlab::parse("a.mat", &mat(&[element])).unwrap().matrices;
        assert_eq!(variables[0].name, "spectra");
        let [variable] = <[_; 1]>::try_from(variables).unwrap();
        let spectra = variable.array.into_spectra("a.mat").unwrap();
        assert_eq!(values(&spectra), [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]);
    }
    // A name of up to four letters stands in the place of its size.
    let long = matrix(7, &[1, 2, 3], "x", (7, &floats(&SIX)));
    let place = long
        .windows(8)
        .position(|w| w == [1, 0, 0, 0, 1, 0, 0, 0])
        .unwrap();
    let mut small = long.clone();
    small.splice(place..place + 16, [1, 0, 1, 0, b'x', 0, 0, 0]);
    let size = (small.len() - 8) as u32;
    small[4..8].copy_from_slice(&size.to_le_bytes());
    for element in [long, small] {
        let variables = matlab::parse("a.mat", &mat(&[element])).unwrap().matrices;
        assert_eq!(
            (&variables[0].name[..], &variables[0].array.dims[..]),
            ("x", &[1, 2, 3][..])
        );
        assert_eq!(variables[0].array.values, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    }
}

#[test]
fn of_several_matrices_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mat");
    let two = [
        matrix(6, &[1, 2], "first", (2, &[1, 2])),
        matrix(4, &[1, 2], "text", (4, &[0, 65, 0, 66])),
        matrix(6, &[1, 3], "second", (2, &[1, 2, 3])),
        matrix(6, &[1, 1], "rows", (2, &[95])),
    ];
    fs::write(&path, mat(&two)).unwrap();
    let error = refused(Spectra::read(&path));
    assert!(
        error.contains(
            "there is `first`, `second`; `text` is a text, which is not read; name the one"
        ),
        "{error}"
    );
    assert_eq!(Spectra::read_variable(&path, "second").unwrap().bands(), 3);
    let error = refused(Spectra::read_variable(&path, "third"));
    assert!(
        error.contains("numbers `third` in it; there is `first`, `second`, `rows`; `text` is a"),
        "{error}"
    );
    fs::write(&path, mat(&[two[0].clone(), two[3].clone()])).unwrap();
    assert_eq!(Spectra::read(&path).unwrap().bands(), 2);
}

#[test]
fn variables_that_are_no_real_matrices_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mat");
    let complex = matrix(6 | 0x0800, &[1, 2], "x", (9, &[0; 16]));
    let sparse = matrix(5, &[1, 2], "s", (5, &[0; 8]));
    let cells = matrix(1, &[1, 1], "c", (14, &[]));
    let empty = matrix(6, &[0, 2], "e", (9, &[]));
    fs::write(&path, mat(&[complex.clone(), sparse, cells, empty])).unwrap();
    let error = refused(Spectra::read(&path));
    assert!(
        error.ends_with(
            "a.mat: expected one matrix of real numbers, but there is none; `x` is complex; save its \
             parts, real(...) and imag(...); `s` is sparse; save full(...) of it; `c` is a cell \
             array, which is not read; `e` is empty."
        ),
        "{error}"
    );
    let error = refused(Spectra::read_variable(&path, "x"));
    assert!(error.contains("`x` is complex; save its parts"), "{error}");
}

#[test]
fn a_big_endian_matlab_file_is_read() {
    let element = |kind: u32, content: &[u8]| {
        let mut bytes = [kind.to_be_bytes(), (content.len() as u32).to_be_bytes()].concat();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let of = |list: &[u32]| {
        list.iter()
            .flat_map(|n| n.to_be_bytes())
            .collect::<Vec<u8>>()
    };
    let numbers: Vec<u8> = SIX.iter().flat_map(|n| n.to_be_bytes()).collect();
    let parts = [
        element(6, &of(&[7, 0])),
        element(5, &of(&[2, 3])),
        element(1, b"spectra"),
        element(7, &numbers),
    ];
    let mut bytes = mat(&[]);
    bytes[124..128].copy_from_slice(&[1, 0, b'M', b'I']);
    bytes.extend(element(14, &parts.concat()));
    let [variable] = <[_; 1]>::try_from(matlab::parse("a.mat", &bytes).unwrap().matrices).unwrap();
    assert_eq!(variable.name, "spectra");
    let spectra = variable.array.into_spectra("a.mat").unwrap();
    assert_eq!(values(&spectra), [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]);
}

#[test]
fn matlab_files_that_lie_are_refused() {
    let error = |bytes: &[u8]| refused(matlab::parse("a.mat", bytes));
    let whole = mat(&[matrix(6, &[2, 3], "spectra", (2, &[1, 2, 3, 4, 5, 6]))]);
    let cut = error(&whole[..whole.len() - 9]);
    assert!(
        cut.contains("an element should have") && cut.contains("truncated"),
        "{cut}"
    );
    assert!(error(&whole[..100]).contains("inside of the 128 bytes"));
    assert!(error(&[b' '; 200]).contains("header is not that of a MATLAB file"));
    let new = [&b"MATLAB 7.3 MAT-file"[..], &[b' '; 200]].concat();
    assert!(error(&new).contains("format 7.3, which is not read; save it with the option `-v7`"));

    let promise = error(&mat(&[matrix(
        6,
        &[1_000_000, 1_000_000],
        "x",
        (9, &[0; 8]),
    )]));
    assert!(
        promise.contains("a.mat: `x`: the header announces 1000000 x 1000000"),
        "{promise}"
    );
    let short = error(&mat(&[matrix(6, &[2, 2], "x", (9, &[0; 8]))]));
    assert_eq!(
        short,
        "a.mat: `x` is 2 x 2, 4 numbers of 8 bytes, but has 8 bytes."
    );
    let unknown = error(&mat(&[matrix(6, &[1, 1], "x", (99, &[0; 8]))]));
    assert!(unknown.contains("unknown type 99"), "{unknown}");

    // A gigabyte of zeros in a megabyte, by its own account: nothing is unpacked.
    let mut bomb = vec![0u8; 1 << 20];
    bomb[0] = 14;
    bomb[4..8].copy_from_slice(&(1u32 << 30).to_le_bytes());
    let bomb = error(&mat(&[compressed(&bomb)]));
    assert!(
        bomb.contains("unpacks to 1073741824 bytes, but at most"),
        "{bomb}"
    );
    // Megabytes behind an element that says it has none: they are not unpacked.
    let mut quiet = vec![0u8; 1 << 20];
    quiet[0] = 1;
    let quiet = error(&mat(&[compressed(&quiet)]));
    assert!(
        quiet.contains("says that it has 0 bytes, but unpacks to more"),
        "{quiet}"
    );
    // Each unpacks to less than the most, but not both.
    let mut half = vec![0u8; 1 << 20];
    half[0] = 1;
    half[4..8].copy_from_slice(&(1u32 << 20).to_le_bytes());
    half.resize(8 + (1 << 20), 0);
    let many = vec![compressed(&half); 520];
    assert!(error(&mat(&many)).contains("of all together"));
    let mut checksum = mat(&[compressed(&matrix(6, &[1, 1], "x", (2, &[1])))]);
    *checksum.last_mut().unwrap() ^= 1;
    assert!(error(&checksum).contains("cannot be unpacked"));
    let mut torn = mat(&[compressed(&matrix(6, &[1, 1], "x", (2, &[1])))]);
    torn[140] ^= 0xff;
    assert!(error(&torn).starts_with("a.mat: "));
}

const LINES: [&str; 6] = [
    "samples = 2",
    "lines = 3",
    "bands = 2",
    "Data Type = 12",
    "byte order = 1",
    "wavelength = {400.5,\n 410}",
];

#[test]
fn envi_s_scenes_are_read_in_each_order() {
    // Number 100 * line + 10 * sample + band.
    let number = |[line, sample, band]: [u16; 3]| 100 * line + 10 * sample + band;
    let ranges = |sizes: [u16; 3]| {
        let [a, b, c] = sizes;
        (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| [i, j, k])))
    };
    let bsq: Vec<u16> = ranges([2, 3, 2])
        .map(|[b, l, s]| number([l, s, b]))
        .collect();
    let bil: Vec<u16> = ranges([3, 2, 2])
        .map(|[l, b, s]| number([l, s, b]))
        .collect();
    let bip: Vec<u16> = ranges([3, 2, 2]).map(number).collect();
    for (order, stored) in [("bsq", bsq), ("BIL", bil), ("bip", bip)] {
        let data: Vec<u8> = stored.iter().flat_map(|n| n.to_be_bytes()).collect();
        let interleave = format!("interleave = {order}");
        let text = envi(&[&LINES[..], &[&interleave]].concat());
        let header = Header::parse("a.hdr", &text).unwrap();
        let scene = header.scene("a.img", &data).unwrap();
        let rows: Vec<Vec<f32>> = ranges([3, 2, 1])
            .map(|[l, s, _]| [0, 1].map(|b| f32::from(number([l, s, b]))).to_vec())
            .collect();
        assert_eq!(values(&scene), rows, "{order}");
        assert_eq!(
            (scene.size, scene.wavelengths),
            (Some([3, 2]), Some(vec![400.5, 410.0]))
        );
    }
}

#[test]
fn envi_headers_that_lie_are_refused() {
    let with = |changes: &[&str], data: &[u8]| {
        let lines = [&LINES[..], &["interleave = bip"], changes].concat();
        let text = envi(&lines);
        Header::parse("a.hdr", &text).and_then(|header| header.scene("a.img", data))
    };
    let error = |changes: &[&str]| refused(with(changes, &[0; 24]));
    assert!(with(&[], &[0; 24]).is_ok());
    assert!(error(&["bands = 1000000000000"]).contains("announces 3 x 2 x 1000000000000"));
    assert!(error(&["bands = 3"]).contains("36 bytes, but 24 follow: it is truncated"));
    assert!(error(&["bands = many"]).contains("`bands` is `many`, but a whole number"));
    assert!(error(&["header offset = 4"]).contains("behind byte 4, 24 bytes, but 20 follow"));
    assert!(error(&["header offset = 18446744073709551615"]).contains("but 0 follow"));
    assert!(error(&["data type = 6"]).contains("`data type` is 6"));
    assert!(error(&["byte order = 2"]).contains("`byte order` is 2"));
    assert!(error(&["interleave = bit"]).contains("`interleave` is bit"));
    assert!(error(&["wavelength = {410, 400}"]).contains("unsorted: 410 in band 1"));
    assert!(
        error(&["wavelength = {400}"]).contains("number of wavelengths is 1, but it must be 2")
    );
    assert!(error(&["wavelength = {400, red}"]).contains("`red` is among the wavelengths"));
    assert!(error(&["wavelength = {400,"]).contains("no closing brace"));
    assert!(error(&["data ignore value = 0"]).contains("number 1 is 0, which the header calls"));
    assert!(error(&["reflectance scale factor = 0"]).contains("NaN in band 1"));
    let scaled = with(
        &["reflectance scale factor = 100", "data type = 2"],
        &[1; 24],
    )
    .unwrap();
    assert_eq!(values(&scaled)[0], [2.57, 2.57]);
    assert!(refused(Header::parse("a.hdr", "samples = 3")).contains("should be `ENVI`"));
    let nothing = Header::parse("a.hdr", "ENVI\n").unwrap();
    assert!(refused(nothing.scene("a.img", &[])).contains("`lines` is missing"));
}

#[test]
fn several_files_become_one_and_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let first = file("first.csv", b"400,410,label\n1,2,soil\n3,4,\n");
    let second = file("second.csv", b"400,410,label\n5,6,plants\n");
    let all = Spectra::read_all(&[&first, &second]).unwrap();
    assert_eq!(values(&all), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    assert_eq!(
        (&all.labels[..], &all.classes[..]),
        (
            &[Some(1), None, Some(0)][..],
            &["plants".to_owned(), "soil".to_owned()][..]
        )
    );
    let other = file("other.csv", b"400,411\n1,2\n");
    assert!(
        refused(Spectra::read_all(&[&first, &other])).contains("other wavelengths than those of")
    );
    let wide = file("wide.csv", b"400,410,420\n1,2,3\n");
    assert!(refused(Spectra::read_all(&[&first, &wide])).contains("it has 3 bands, but"));
    assert!(refused(Spectra::read_all::<&str>(&[])).contains("number of files to read is 0"));

    // ENVI's numbers are found beside their header.
    let header = file(
        "scene.hdr",
        envi(&[&LINES[..], &["interleave = bsq"]].concat()).as_bytes(),
    );
    assert!(refused(Spectra::read(&header)).contains("is not beside it"));
    file("scene.img", &[0; 24]);
    assert_eq!(Spectra::read(&header).unwrap().len(), 6);

    let names = file("labels.csv", b"labels\nsoil\n\nroofs\n");
    let bare = Spectra::read_all(&[&first, &second]).unwrap();
    let error = refused(bare.clone().with_labels_from(&names));
    // The csv crate passes over empty lines; an empty label is quoted.
    assert!(error.contains("labels is 2, but it must be 3"), "{error}");
    let names = file("labels.csv", b"labels\nsoil\n\"\"\nroofs\n");
    let named = bare.clone().with_labels_from(&names).unwrap();
    assert_eq!(
        (&named.labels[..], named.classes.len()),
        (&[Some(1), None, Some(0)][..], 2)
    );
    let numbers = file("labels.npy", &npy(&npy_header("|u1", "(3,)"), &[2, 0, 1]));
    let numbered = bare.clone().with_labels_from(&numbers).unwrap();
    assert_eq!(numbered.labels, [Some(2), Some(0), Some(1)]);
    let halves = file(
        "halves.npy",
        &npy(&npy_header("<f4", "(3,)"), &floats(&[0.0, 0.5, 1.0])),
    );
    let error = refused(bare.clone().with_labels_from(&halves));
    assert!(error.contains("number 2 is 0.5, but a label is"), "{error}");
    let large: Vec<u8> = [0u32, (1 << 24) - 1, (1 << 24) + 1]
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect();
    let large = file("large.npy", &npy(&npy_header("<u4", "(3,)"), &large));
    let error = refused(bare.clone().with_labels_from(&large));
    assert!(
        error.contains("number 3 is 16777216, but a label is"),
        "{error}"
    );
    let tens = file("tens.csv", b"label\n10\n9\n2\n");
    let tens = bare.with_labels_from(&tens).unwrap();
    assert_eq!(tens.classes, ["2", "9", "10"]);
    assert_eq!(tens.labels, [Some(2), Some(1), Some(0)]);

    let scene = Spectra::read(&header).unwrap(); // of 3 x 2 pixels
    let map = |shape| {
        file(
            "map.npy",
            &npy(&npy_header("|u1", shape), &[0, 1, 2, 3, 4, 5]),
        )
    };
    for shape in ["(3, 2)", "(6,)", "(6, 1)", "(1, 6)"] {
        let labelled = scene.clone().with_labels_from(map(shape)).unwrap();
        assert_eq!(labelled.labels[5], Some(5), "{shape}");
    }
    let error = refused(scene.with_labels_from(map("(2, 3)")));
    assert!(
        error.contains("the map of labels is 2 x 3, but the scene is 3 x 2; it may be transposed"),
        "{error}"
    );

    // A file with holes, which takes no room on the disk.
    let large = folder.path().join("large.csv");
    let holes = fs::File::create(&large).unwrap();
    holes.set_len(1 << 40).unwrap();
    let error = refused(Spectra::read(&large));
    assert!(error.contains("has more than 1073741824 bytes"), "{error}");
    assert!(refused(Spectra::read(file("a.txt", b""))).contains("should end in .csv"));
    assert!(refused(Spectra::read(folder.path().join("none.npy"))).contains("none.npy"));
}

#[test]
fn tensors_that_are_no_spectra_are_refused() {
    let spectra = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    assert!(refused(Spectra::new(spectra(&[3]))).contains("got [3] of F32"));
    assert!(refused(Spectra::new(spectra(&[0, 3]))).contains("not empty"));
    let three = Spectra::new(spectra(&[3, 2])).unwrap();
    assert!(refused(three.clone().with_labels(vec![None])).contains("is 1, but it must be 3"));
    assert!(refused(three.select(&[3])).contains("below 3"));
    assert!(refused(three.select(&[])).contains("1 or more"));
    let mut torn = three.clone();
    torn.labels.pop();
    assert!(refused(torn.select(&[2])).contains("labels is 2, but it must be 3"));
    assert!(refused(torn.parts()).contains("labels is 2"));
    assert!(refused(torn.targets()).contains("labels is 2"));
    let (train, valid) = three.split(0.3, 1).unwrap();
    assert_eq!((train.len(), valid.len()), (2, 1));
    assert!(refused(three.split(1.0, 1)).contains("from 0 up to 1"));
}

proptest! {
    /// What candle writes is what is read, whatever the shape.
    #[test]
    fn candle_s_arrays_come_back(n in 1usize..9, bands in 1usize..9, seed in any::<u64>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let tensor = crate::Rng::new(seed).normal(0.0, 1e3, &[n, bands]).unwrap();
        tensor.write_npy(&path).unwrap();
        let read = Spectra::read(&path).unwrap();
        prop_assert_eq!(values(&read), tensor.to_vec2::<f32>().unwrap());
    }
}
