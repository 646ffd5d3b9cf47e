//! Vectors of words.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::Vocabulary;
use crate::{Error, Result};

/// A vector for each of many words, such as word2vec's or GloVe's. Words that are used alike have
/// vectors of nearly the same direction.
#[derive(Clone, Debug)]
pub struct WordVectors {
    words: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
    vectors: Vec<f32>,
    dimensions: usize,
}

impl WordVectors {
    /// The `words`, and one vector each in the rows of `vectors` `[words, dimensions]`.
    ///
    /// # Errors
    /// If there is not one row a word, or a word is there twice.
    pub fn new(words: Vec<Arc<str>>, vectors: &Tensor) -> Result<Self> {
        let &[rows, dimensions] = vectors.dims() else {
            let problem = format!(
                "the vectors are {:?}, not [words, dimensions].",
                vectors.dims()
            );
            return Err(Error::shape("WordVectors", problem));
        };
        if dimensions == 0 {
            return Err(Error::shape("WordVectors", "the vectors have no numbers."));
        }
        if rows != words.len() {
            let problem = format!("there are {} words and {rows} vectors.", words.len());
            return Err(Error::shape("WordVectors", problem));
        }
        let numbers = vectors.flatten_all()?.to_vec1()?;
        let places: HashMap<_, _> = words.iter().cloned().zip(0..).collect();
        if places.len() < words.len() {
            return Err(Error::shape("WordVectors", "a word is there twice."));
        }
        Ok(Self {
            words,
            places,
            vectors: numbers,
            dimensions,
        })
    }

    /// Reads a text file with a word and its vector a line, separated by spaces, such as
    /// `glove.6B.100d.txt` of <https://nlp.stanford.edu/projects/glove/> (Pennington, Socher and
    /// Manning 2014) or what word2vec writes as text, whose first line has two numbers. Of a word
    /// that is there twice, the first vector counts.
    ///
    /// # Errors
    /// If the file cannot be read or is not UTF-8, has no vectors, or a line has another number of
    /// numbers than the first or something that is no number. The sentence names file and line.
    pub fn from_glove(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = std::fs::File::open(path).map_err(|error| Error::io(path, error))?;
        Self::parse(&path.display().to_string(), BufReader::new(file))
    }

    fn parse(file: &str, content: impl BufRead) -> Result<Self> {
        let mut all = Self {
            words: Vec::new(),
            places: HashMap::new(),
            vectors: Vec::new(),
            dimensions: 0,
        };
        for (number, line) in (1..).zip(content.lines()) {
            let bad = |problem: String| Error::data(file, format!("line {number}: {problem}"));
            let line = line.map_err(|error| bad(error.to_string()))?;
            let mut fields = line.trim_end().split(' ');
            let word = fields.next().unwrap_or_default();
            let numbers: Vec<&str> = fields.collect();
            // word2vec's first line: how many words, how many dimensions.
            if number == 1 && numbers.len() == 1 && word.parse::<usize>().is_ok() {
                continue;
            }
            if all.words.is_empty() {
                all.dimensions = numbers.len();
            }
            if numbers.len() != all.dimensions || numbers.is_empty() {
                return Err(bad(format!(
                    "it has {} numbers, but expected is a word and {} numbers, separated by single \
                     spaces",
                    numbers.len(),
                    all.dimensions.max(1)
                )));
            }
            let start = all.vectors.len();
            for text in numbers {
                match text.parse::<f32>() {
                    Ok(value) if value.is_finite() => all.vectors.push(value),
                    _ => return Err(bad(format!("`{text}` is not a finite number"))),
                }
            }
            if all.places.contains_key(word) {
                all.vectors.truncate(start);
                continue;
            }
            let word: Arc<str> = word.into();
            all.places.insert(word.clone(), all.words.len());
            all.words.push(word);
        }
        if all.words.is_empty() {
            let problem = "it has no vectors; expected is a word and its numbers a line";
            return Err(Error::data(file, problem));
        }
        Ok(all)
    }

    /// The words, in the order of their vectors.
    pub fn words(&self) -> &[Arc<str>] {
        &self.words
    }

    /// The length of a vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The vector of a word, if it has one.
    pub fn get(&self, word: &str) -> Option<&[f32]> {
        Some(self.row(*self.places.get(word)?))
    }

    /// All vectors, `[words, dimensions]`.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    pub fn tensor(&self) -> Result<Tensor> {
        let shape = (self.words.len(), self.dimensions);
        Ok(Tensor::from_slice(&self.vectors, shape, &Device::Cpu)?)
    }

    /// The `count` words whose vectors have the most similar direction, with the cosine of the
    /// angle between: 1 is the same direction.
    ///
    /// # Errors
    /// If the word has no vector.
    pub fn nearest(&self, word: &str, count: usize) -> Result<Vec<(Arc<str>, f32)>> {
        let Some(&place) = self.places.get(word) else {
            let expected = format!("one of the {} words that have a vector", self.words.len());
            return Err(Error::argument("the word", format!("{word:?}"), expected));
        };
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let length = |a: &[f32]| dot(a, a).sqrt().max(f32::MIN_POSITIVE);
        let wanted = self.row(place);
        let mut others: Vec<(Arc<str>, f32)> = (0..self.words.len())
            .filter(|&other| other != place)
            .map(|other| {
                let row = self.row(other);
                let cosine = dot(wanted, row) / (length(wanted) * length(row));
                (self.words[other].clone(), cosine)
            })
            .collect();
        others.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        others.truncate(count);
        Ok(others)
    }

    /// The matrix for an `Embedding` of a vocabulary, `[words, dimensions]`, and the fraction of the vocabulary's words that have a vector. The others, and
    /// the padding, are zero.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    pub fn matrix(&self, vocabulary: &Vocabulary) -> Result<(Tensor, f64)> {
        let mut matrix = vec![0f32; vocabulary.len() * self.dimensions];
        let mut covered = 0;
        let rows = matrix.chunks_exact_mut(self.dimensions);
        for (row, word) in rows.zip(vocabulary.names()) {
            if let Some(vector) = self.get(word) {
                row.copy_from_slice(vector);
                covered += 1;
            }
        }
        let words = vocabulary
            .counts()
            .iter()
            .filter(|&&count| count > 0)
            .count();
        let shape = (vocabulary.len(), self.dimensions);
        let matrix = Tensor::from_vec(matrix, shape, &Device::Cpu)?;
        Ok((matrix, f64::from(covered) / words as f64))
    }

    fn row(&self, place: usize) -> &[f32] {
        &self.vectors[place * self.dimensions..][..self.dimensions]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<WordVectors> {
        WordVectors::parse("glove.txt", text.as_bytes())
    }

    #[test]
    fn vectors_of_glove_and_of_word2vec_are_read() {
        for text in [
            "a 1 0\nb 0.6 0.8\nc -1 1e-3\na 9 9\n",
            "3 2\na 1 0\nb 0.6 0.8\nc -1 1e-3",
        ] {
            let vectors = parse(text).unwrap();
            assert_eq!((vectors.words().len(), vectors.dimensions()), (3, 2));
            assert_eq!(vectors.get("a"), Some(&[1.0, 0.0][..]));
            let nearest = vectors.nearest("a", 2).unwrap();
            assert_eq!(&*nearest[0].0, "b");
            assert!((nearest[0].1 - 0.6).abs() < 1e-6 && nearest[1].1 < -0.99);
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        let refused = |text| parse(text).unwrap_err().to_string();
        assert_eq!(
            refused("a 1 2\nb 1\n"),
            "glove.txt: line 2: it has 1 numbers, but expected is a word and 2 numbers, separated by single spaces."
        );
        assert_eq!(
            refused("a 1 2\nb 1 two\n"),
            "glove.txt: line 2: `two` is not a finite number."
        );
        assert!(refused("a 1 NaN\n").contains("`NaN` is not a finite number"));
        assert!(refused("").contains("no vectors"));
        assert!(refused("a\n").contains("line 1: it has 0 numbers"));
        assert!(parse("a 1\nb 2\n").unwrap().nearest("z", 1).is_err());
    }

    #[test]
    fn words_without_a_vector_are_zero_in_the_matrix() {
        let sentences = vec![vec!["b".into(), "b".into(), "z".into()]];
        let vocabulary = Vocabulary::of_words(&sentences, 1).unwrap();
        let (matrix, coverage) = parse("a 1 2\nb 3 4\n")
            .unwrap()
            .matrix(&vocabulary)
            .unwrap();
        let rows = [[0.0, 0.0], [0.0, 0.0], [3.0, 4.0], [0.0, 0.0]];
        assert_eq!(matrix.to_vec2::<f32>().unwrap(), rows);
        assert_eq!(coverage, 0.5);
    }
}
