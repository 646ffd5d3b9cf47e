//! WNUT-17: names of people, places and products that are new (Derczynski and others 2017).

use std::path::Path;

use super::TaggedText;
use crate::Result;
use crate::data::download::downloaded;

/// Posts from Twitter, Reddit, YouTube and Stack Exchange with names of six kinds: `person`,
/// `location`, `corporation`, `group`, `product` and `creative-work`. Hardly a name of the test set
/// is in the training set, so that a network has to go by what stands around it. The parts come from
/// different places and years, and words are as people write them there.
#[derive(Clone, Debug)]
pub struct Wnut17 {
    /// 3,394 posts for training.
    pub train: TaggedText,
    /// 1,009 posts for choosing a network.
    pub valid: TaggedText,
    /// 1,287 posts for testing.
    pub test: TaggedText,
}

impl Wnut17 {
    /// Loads all of it from the cache. Missing files are downloaded first (0.8 MB, with progress on
    /// standard output), and every file is verified.
    ///
    /// # Errors
    /// If a file is missing and no source has it, or the cache cannot be written. The error names
    /// each source that was tried and says what to do.
    pub fn load() -> Result<Self> {
        Self::from_folder(downloaded("wnut17")?)
    }

    /// The files `wnut17train.conll`, `emerging.dev.conll` and `emerging.test.annotated` of a folder
    /// of one's own.
    ///
    /// # Errors
    /// As for [`TaggedText::from_conll`].
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let part = |name: &str| TaggedText::from_conll(folder.as_ref().join(name));
        Ok(Self {
            train: part("wnut17train.conll")?,
            valid: part("emerging.dev.conll")?,
            test: part("emerging.test.annotated")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_comes_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("wnut17train.conll", "@paulwalk\tO\nESB\tB-location\n\t\n");
        write("emerging.dev.conll", "Stabilized\tO\n\nYou\tO\n");
        let error = Wnut17::from_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("emerging.test.annotated"), "{error}");
        write("emerging.test.annotated", "a\tO\n\nb\tO\n\nc\tB-product\n");
        let posts = Wnut17::from_folder(folder.path()).unwrap();
        let sizes = [posts.train, posts.valid, posts.test].map(|part| part.len());
        assert_eq!(sizes, [1, 2, 3]);
    }
}
