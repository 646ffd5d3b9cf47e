//! Splits at random, and stratified ones: every part has the classes in the same proportions.

use candle_core::Tensor;

use crate::metrics::labels::{self, classes_of};
use crate::{Error, Result, Rng};

/// The rows of each part of a split data set, in random order.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let digits = Mnist::sample()?.train;
/// let split = Split::stratified(&digits.labels, 0.1, 0.2, &mut Rng::new(6202))?;
/// let train = digits.select(&split.train)?;
/// assert_eq!((train.len(), split.valid.len(), split.test.len()), (1050, 150, 300));
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows for training.
    pub train: Vec<u32>,
    /// Rows for validation, such as choosing when to stop. None in a split in two.
    pub valid: Vec<u32>,
    /// Rows for the final test.
    pub test: Vec<u32>,
}

impl Split {
    /// Splits `rows` rows at random into a fraction `test`, to the nearest whole row, and the rest
    /// for training, like scikit-learn's `train_test_split`.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    ///
    /// let split = Split::at_random(3000, 0.3, &mut Rng::new(22))?;
    /// assert_eq!((split.train.len(), split.test.len()), (2100, 900));
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the fraction is not from 0 to 1, or leaves nothing for training.
    pub fn at_random(rows: usize, test: f64, rng: &mut Rng) -> Result<Self> {
        if !(0.0..=1.0).contains(&test) {
            return Err(Error::argument(
                "the fraction for testing",
                test,
                "from 0 to 1",
            ));
        }
        let count = (test * rows as f64).round() as usize;
        if count >= rows {
            let expected = "a row or more for training";
            return Err(Error::argument(
                "the number of rows to split",
                rows,
                expected,
            ));
        }
        let mut train = rng.permutation(rows);
        let test = train.split_off(rows - count);
        Ok(Self {
            train,
            valid: Vec::new(),
            test,
        })
    }

    /// Draws `count` rows of each class of `labels` `[n]` (u32 or i64) for training, and leaves all
    /// others for the test: what a method is worth that has few labels.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    ///
    /// let digits = Mnist::sample()?.train;
    /// let split = Split::per_class(&digits.labels, 10, &mut Rng::new(6202))?;
    /// assert_eq!((split.train.len(), split.test.len()), (100, 1400));
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `count` is 0, the labels have another shape or type, or a class has no more than `count`
    /// rows.
    pub fn per_class(labels: &Tensor, count: usize, rng: &mut Rng) -> Result<Self> {
        let labels = labels::read("Split::per_class", labels)?;
        let (classes, class_of) = classes_of(&labels);
        let mut drawn = vec![0; classes.len()];
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for row in rng.permutation(labels.len()) {
            let drawn = &mut drawn[class_of[row as usize]];
            if *drawn < count {
                *drawn += 1;
                train.push(row);
            } else {
                test.push(row);
            }
        }
        let rows = |class: usize| class_of.iter().filter(|&&of| of == class).count();
        let too_small = (0..classes.len()).find(|&class| rows(class) <= count);
        match (count, too_small) {
            (0, _) => Err(Error::argument("the rows of each class", 0, "1 or more")),
            (_, Some(class)) => Err(Error::argument(
                "the number of rows of a class",
                format!("{} (class {})", rows(class), classes[class]),
                format!("above {count}, so that one is left for the test"),
            )),
            _ => Ok(Self {
                train,
                valid: Vec::new(),
                test,
            }),
        }
    }

    /// Splits the rows of `labels` `[n]` (u32 or i64) at random into a fraction `valid` for
    /// validation, a fraction `test` for the final test, and the rest for training. Either fraction
    /// may be 0. Each class is split in these proportions, to the nearest whole row.
    ///
    /// # Errors
    /// If the labels have another shape or type, a fraction is negative, the two leave nothing for
    /// training, or a class has too few rows to give each part one.
    pub fn stratified(labels: &Tensor, valid: f64, test: f64, rng: &mut Rng) -> Result<Self> {
        if !(valid >= 0.0 && test >= 0.0 && valid + test < 1.0) {
            return Err(Error::argument(
                "the pair of fractions for validation and test",
                format!("{valid} and {test}"),
                "0 or above and together below 1, which leaves the rest for training",
            ));
        }
        let labels = labels::read("Split::stratified", labels)?;
        let (classes, class_of) = classes_of(&labels);
        let mut members = vec![Vec::new(); classes.len()];
        for row in rng.permutation(labels.len()) {
            members[class_of[row as usize]].push(row);
        }

        let mut split = Self {
            train: Vec::new(),
            valid: Vec::new(),
            test: Vec::new(),
        };
        for (class, members) in classes.iter().zip(&members) {
            let part = |fraction: f64| (fraction * members.len() as f64).round() as usize;
            let (for_valid, for_test) = (part(valid), part(test));
            let too_few = |count: usize, fraction: f64| count == 0 && fraction > 0.0;
            if for_valid + for_test >= members.len()
                || too_few(for_valid, valid)
                || too_few(for_test, test)
            {
                return Err(Error::argument(
                    "the number of rows of a class",
                    format!("{} (class {class})", members.len()),
                    format!(
                        "enough for each part to get one, with {valid} for validation and {test} \
                         for the test"
                    ),
                ));
            }
            let (validating, rest) = members.split_at(for_valid);
            let (testing, training) = rest.split_at(for_test);
            split.valid.extend(validating);
            split.test.extend(testing);
            split.train.extend(training);
        }
        // Up to here the rows are sorted by class.
        for part in [&mut split.train, &mut split.valid, &mut split.test] {
            let order = rng.permutation(part.len());
            *part = order.into_iter().map(|at| part[at as usize]).collect();
        }
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use candle_core::Device;
    use proptest::prelude::*;

    #[test]
    fn so_many_rows_of_each_class_are_drawn() {
        let labels: Vec<u32> = (0..60).map(|row| [7, 7, 2, 9][row % 4]).collect();
        let tensor = Tensor::new(&labels[..], &Device::Cpu).unwrap();
        let split = Split::per_class(&tensor, 14, &mut Rng::new(1)).unwrap();
        let mut drawn: Vec<u32> = split
            .train
            .iter()
            .map(|&row| labels[row as usize])
            .collect();
        drawn.sort_unstable();
        assert_eq!(drawn, [vec![2; 14], vec![7; 14], vec![9; 14]].concat());
        let mut rows = [split.train, split.test].concat();
        rows.sort_unstable();
        assert_eq!(rows, (0..60).collect::<Vec<u32>>());
        let error = |count| {
            let split = Split::per_class(&tensor, count, &mut Rng::new(1));
            split.unwrap_err().to_string()
        };
        assert!(
            error(15).contains("15 (class 2), but it must be above 15"),
            "{}",
            error(15)
        );
        assert!(error(0).contains("1 or more"));
    }

    #[test]
    fn a_split_at_random_has_every_row_once() {
        let split = Split::at_random(10, 0.3, &mut Rng::new(22)).unwrap();
        assert_eq!((split.train.len(), split.test.len()), (7, 3));
        let mut rows = [split.train, split.valid, split.test].concat();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..10));
        assert!(Split::at_random(10, 1.0, &mut Rng::new(22)).is_err());
        assert!(Split::at_random(10, f64::NAN, &mut Rng::new(22)).is_err());
        assert!(Split::at_random(0, 0.0, &mut Rng::new(22)).is_err());
    }

    fn tensor(labels: &[u32]) -> Tensor {
        Tensor::new(labels, &Device::Cpu).unwrap()
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_part_and_every_class_in_proportion(
            sizes in prop::collection::vec(10usize..60, 1..5),
            seed in any::<u64>(),
        ) {
            let classes = sizes.iter().enumerate();
            let labels: Vec<u32> =
                classes.flat_map(|(class, &size)| vec![class as u32 * 3; size]).collect();
            let split = Split::stratified(&tensor(&labels), 0.1, 0.25, &mut Rng::new(seed)).unwrap();
            let mut all = [split.train, split.valid.clone(), split.test.clone()].concat();
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..labels.len() as u32));
            for (part, fraction) in [(&split.valid, 0.1), (&split.test, 0.25)] {
                for (class, &size) in sizes.iter().enumerate() {
                    let of_class = |row: &&u32| labels[**row as usize] == class as u32 * 3;
                    let count = part.iter().filter(of_class).count() as f64;
                    prop_assert!((count - fraction * size as f64).abs() <= 0.5);
                }
            }
        }
    }

    #[test]
    fn the_seed_decides_and_the_order_is_mixed() {
        let labels: Vec<u32> = (0..200).map(|row| row / 100).collect();
        let split =
            |seed| Split::stratified(&tensor(&labels), 0.0, 0.5, &mut Rng::new(seed)).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
        assert!(split(1).valid.is_empty());
        assert!(!split(1).test.is_sorted_by_key(|&row| labels[row as usize]));
    }

    #[test]
    fn impossible_splits_are_one_sentence() {
        let refused = |labels: &[u32], valid, test| {
            let split = Split::stratified(&tensor(labels), valid, test, &mut Rng::new(1));
            split.unwrap_err().to_string()
        };
        assert_eq!(
            refused(&[0, 1], 0.5, 0.5),
            "the pair of fractions for validation and test is 0.5 and 0.5, but it must be 0 or above and \
             together below 1, which leaves the rest for training."
        );
        assert!(refused(&[0, 1], f64::NAN, 0.5).contains("NaN and 0.5"));
        assert_eq!(
            refused(&[0, 0, 0, 7], 0.0, 0.3),
            "the number of rows of a class is 1 (class 7), but it must be enough for each part to \
             get one, with 0 for validation and 0.3 for the test."
        );
    }
}
