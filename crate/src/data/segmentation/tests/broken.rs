//! Pictures with changed bytes.

use super::*;

/// Reads pictures with wrong bytes in them, and cut off ones: each is read or refused.
fn mutilate(seed: u64, files: &HashMap<String, Vec<u8>>) {
    let mut rng = Rng::new(seed);
    let mut names: Vec<&String> = files.keys().collect();
    names.sort();
    let name = names[rng.below(names.len())];
    let mut bytes = files[name].clone();
    for _ in 0..rng.below(6) {
        let place = rng.below(bytes.len());
        bytes[place] = rng.below(256) as u8;
    }
    if rng.below(3) == 0 {
        bytes.truncate(rng.below(bytes.len()));
    }
    let _ = Photo::parse(name, &bytes);
    let _ = Mask::parse(name, &bytes, Meaning::BlackAndWhite);
    let _ = Mask::parse(name, &bytes, Meaning::Classes(12));
}

fn files() -> HashMap<String, Vec<u8>> {
    let entries = fs::read_dir(pictures())
        .unwrap()
        .map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.map(|name| (name.clone(), bytes(&name))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn broken_pictures_never_panic(seed in any::<u64>()) {
        mutilate(seed, &files());
    }
}

/// `cargo test --lib broken_pictures_for_minutes -- --ignored`, for ten minutes.
#[test]
#[ignore = "takes ten minutes"]
fn broken_pictures_for_minutes() {
    let (start, files) = (std::time::Instant::now(), files());
    let mut seed = 0;
    while start.elapsed().as_secs() < 600 {
        mutilate(seed, &files);
        seed += 1;
    }
    println!("{seed} broken pictures");
}
