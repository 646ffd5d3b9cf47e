//! Skip-gram with negative sampling: word2vec.

use candle_core::{Device, Tensor};
use rand_distr::weighted::WeightedAliasIndex;

use crate::data::{Sentences, Vocabulary, WordVectors};
use crate::notebook;
use crate::numerics::simd::{Float, Simd, WithSimd, dispatch};
use crate::{Error, Result, Rng};

/// Learns vectors of words from the words around them: skip-gram with negative sampling (Mikolov,
/// Sutskever, Chen, Corrado and Dean 2013), with the defaults and the schedule of gensim's
/// `Word2Vec(sg=1)`.
///
/// Each word has two vectors. For each word and each neighbour within the window, whose width is
/// drawn anew at each place, the neighbour's first vector moves towards the word's second one, and
/// away from the second ones of a few words drawn at random. The first ones are the result. It is a
/// single thread's work, so one seed gives one result.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let text = TaggedText::generated(100, 6202)?;
/// let vectors = SkipGram::dimensions(16).window(5).min_count(3).epochs(2).seed(6202)
///     .fit(&text.lemmas)?;
/// assert_eq!(vectors.dimensions(), 16);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SkipGram {
    dimensions: usize,
    window: usize,
    negative: usize,
    min_count: usize,
    sample: f64,
    epochs: usize,
    seed: u64,
}

/// The learning rates of the first word and of the last; it falls linearly between.
const RATES: [f64; 2] = [0.025, 0.0001];
/// The power of a word's frequency with which it is drawn as a negative one.
const NOISE_POWER: f64 = 0.75;

impl SkipGram {
    /// Vectors of this many numbers, with gensim's defaults: a window of 5 words on each side, 5
    /// negative words, words that occur at least 5 times, 5 epochs.
    pub fn dimensions(dimensions: usize) -> Self {
        Self {
            dimensions,
            window: 5,
            negative: 5,
            min_count: 5,
            sample: 1e-3,
            epochs: 5,
            seed: 0,
        }
    }

    /// Sets the largest distance of a neighbour.
    pub fn window(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// Sets how many words are drawn at random for each pair.
    pub fn negative(mut self, negative: usize) -> Self {
        self.negative = negative;
        self
    }

    /// Sets how often a word must occur to have a vector. The others are left out of the text.
    pub fn min_count(mut self, min_count: usize) -> Self {
        self.min_count = min_count;
        self
    }

    /// Sets the share of the text above which a word is thinned out, `0.001` by default; 0 keeps
    /// every word. The most frequent words stand beside all others and teach little.
    pub fn sample(mut self, sample: f64) -> Self {
        self.sample = sample;
        self
    }

    /// Sets the number of passes over the text.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the seed of everything that is drawn.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Learns the vectors.
    ///
    /// # Errors
    /// If no word occurs often enough, a setting is 0, or the share is negative; in a notebook, if
    /// the user has interrupted the cell.
    pub fn fit(&self, sentences: &Sentences) -> Result<WordVectors> {
        for (name, value) in [
            ("the dimensions of SkipGram", self.dimensions),
            ("the window of SkipGram", self.window),
            ("the negative words of SkipGram", self.negative),
        ] {
            if value == 0 {
                return Err(Error::argument(name, 0, "1 or more"));
            }
        }
        if !(self.sample >= 0.0 && self.sample.is_finite()) {
            let expected = "a finite share, 0 or above, such as 0.001";
            return Err(Error::argument(
                "the sample of SkipGram",
                self.sample,
                expected,
            ));
        }
        let vocabulary = Vocabulary::of_words(sentences, self.min_count)?;
        let counts = &vocabulary.counts()[SPECIAL..];
        let text: Vec<Vec<u32>> = (vocabulary.encode(sentences)?.into_iter())
            .map(|ids| {
                let known = ids
                    .into_iter()
                    .filter_map(|id| id.checked_sub(SPECIAL as u32));
                known.collect()
            })
            .collect();

        let mut rng = Rng::new(self.seed);
        let total: usize = counts.iter().sum();
        let kept: Vec<f64> = counts
            .iter()
            .map(|&count| self.kept(count, total))
            .collect();
        let weights = counts.iter().map(|&count| (count as f64).powf(NOISE_POWER));
        let noise = WeightedAliasIndex::new(weights.collect())
            .map_err(|error| Error::argument("the words of SkipGram", error, "fewer"))?;
        let reach = 0.5 / self.dimensions as f32;
        let shape = [counts.len(), self.dimensions];
        let first = rng.uniform(-reach, reach, &shape)?;
        let mut tables = Tables {
            dimensions: self.dimensions,
            first: first.flatten_all()?.to_vec1()?,
            second: vec![0.0; counts.len() * self.dimensions],
        };

        let all = (self.epochs * total).max(1) as f64;
        let mut seen = 0;
        let mut pairs = Vec::new();
        for _ in 0..self.epochs {
            for sentence in &text {
                notebook::check_stop()?;
                let rate = RATES[0] + (RATES[1] - RATES[0]) * seen as f64 / all;
                seen += sentence.len();
                let words: Vec<u32> = (sentence.iter().copied())
                    .filter(|&word| rng.happens(kept[word as usize]))
                    .collect();
                self.pairs(&words, &noise, &mut rng, &mut pairs);
                dispatch(Learn {
                    tables: &mut tables,
                    pairs: &pairs,
                    words_of_pair: 2 + self.negative,
                    rate: rate as f32,
                });
            }
        }
        let vectors = Tensor::from_vec(tables.first, &shape[..], &Device::Cpu)?;
        WordVectors::new(vocabulary.names()[SPECIAL..].to_vec(), &vectors)
    }

    /// The probability that a word which occurs `count` times in a text of `total` words is kept.
    fn kept(&self, count: usize, total: usize) -> f64 {
        if self.sample == 0.0 {
            return 1.0;
        }
        let threshold = self.sample * total as f64 / count as f64;
        (threshold + threshold.sqrt()).min(1.0)
    }

    /// For each word and each neighbour: the neighbour, the word, and the negative words.
    fn pairs(
        &self,
        words: &[u32],
        noise: &WeightedAliasIndex<f64>,
        rng: &mut Rng,
        pairs: &mut Vec<u32>,
    ) {
        pairs.clear();
        for (place, &word) in words.iter().enumerate() {
            let window = 1 + rng.below(self.window);
            let reach = place.saturating_sub(window)..(place + window + 1).min(words.len());
            for other in reach.filter(|&other| other != place) {
                pairs.extend([words[other], word]);
                pairs.extend((0..self.negative).map(|_| rng.sample(noise) as u32));
            }
        }
    }
}

/// The padding and the unknown word, which have no vectors.
const SPECIAL: usize = 2;

struct Tables {
    dimensions: usize,
    first: Vec<f32>,
    second: Vec<f32>,
}

/// A step of gradient descent for each pair.
struct Learn<'a> {
    tables: &'a mut Tables,
    pairs: &'a [u32],
    /// The neighbour, the word and the negative words.
    words_of_pair: usize,
    rate: f32,
}

impl WithSimd for Learn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Tables {
            dimensions,
            first,
            second,
        } = self.tables;
        let size = *dimensions;
        let mut change = vec![0f32; size];
        for words in self.pairs.chunks_exact(self.words_of_pair) {
            let (neighbour, word) = (words[0] as usize, words[1]);
            let vector = &mut first[neighbour * size..][..size];
            change.fill(0.0);
            for (place, &target) in words[1..].iter().enumerate() {
                // A negative word that is the word itself teaches nothing.
                if place > 0 && target == word {
                    continue;
                }
                let other = &mut second[target as usize * size..][..size];
                let label = if place == 0 { 1.0 } else { 0.0 };
                let step = self.rate * (label - dot(vector, other).sigmoid::<S>());
                for ((change, other), &vector) in change.iter_mut().zip(other).zip(&*vector) {
                    *change += step * *other;
                    *other += step * vector;
                }
            }
            for (vector, &change) in vector.iter_mut().zip(&change) {
                *vector += change;
            }
        }
    }
}

/// The scalar product, in a few sums side by side, which the compiler puts into one register.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0f32; LANES];
    let whole = a.len() - a.len() % LANES;
    for (a, b) in a[..whole]
        .chunks_exact(LANES)
        .zip(b[..whole].chunks_exact(LANES))
    {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let mut sum = 0.0;
    for lane in lanes {
        sum += lane;
    }
    for (&a, &b) in a[whole..].iter().zip(&b[whole..]) {
        sum += a * b;
    }
    sum
}
