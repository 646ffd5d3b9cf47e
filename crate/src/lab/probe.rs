//! Probes: questions under a secret seed by which a grader learns what an exercise is worth.

use std::fmt::Debug;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use candle_core::{DType, Tensor};
use cuaderno_protocol::answers::{self, Answer, Question, encode};

use crate::{Error, Result, Rng};

/// What stands in for a grader's question where there is no grader.
const REHEARSAL: Question = Question {
    seed: 0,
    cases: 4,
    describe: true,
};

/// Asks an exercise's function about inputs that nobody knows beforehand: draws one after the other
/// with `draw`, gives each to `answer`, and leaves what comes back to the grader, who compares it
/// with the answers of the solution. It says nothing of right or wrong. A panic costs one case.
///
/// `draw` gets a generator of the case's own. `answer` returns a number, a truth value, a text, a
/// list or a tensor of numbers, or a [`Result`] of one; an error is an answer, too, and a wrong one.
/// Without a grader, it prints four inputs and their answers.
///
/// `notebooks/ANATOMY.md` says how to write one.
///
/// # Errors
/// If the grader's question cannot be read or the answers cannot be written.
///
/// ```
/// fn halve(x: f64) -> cuaderno::Result<f64> {
///     Ok(x / 2.0)
/// }
/// cuaderno::lab::probe(|rng| rng.between(-1.0, 1.0), |x| halve(x))?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn probe<I: Debug, A: Answers>(
    draw: impl Fn(&mut Rng) -> I,
    answer: impl Fn(I) -> A,
) -> Result<()> {
    let Some(folder) = std::env::var_os(answers::FOLDER) else {
        return ask(REHEARSAL, draw, answer, |_, answer| {
            match answer {
                Answer::Input(input) => println!("{input}"),
                answer => println!("  {answer:?}"),
            }
            Ok(())
        });
    };
    let folder = Path::new(&folder);
    let path = folder.join(answers::QUESTION);
    let text = std::fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?;
    let question = Question::parse(&text).ok_or_else(|| Error::Data {
        file: path.display().to_string(),
        problem: "it holds no question".to_owned(),
    })?;
    let path = folder.join(answers::ANSWERS);
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|error| Error::io(&path, error))?;
    ask(question, draw, answer, |case, answer| {
        let frame = encode(case, &answer);
        file.write_all(&frame)
            .map_err(|error| Error::io(&path, error))
    })
}

/// Hands the answer to each case on as soon as it is there: the next case may never end.
fn ask<I: Debug, A: Answers>(
    question: Question,
    draw: impl Fn(&mut Rng) -> I,
    answer: impl Fn(I) -> A,
    mut hand_on: impl FnMut(u32, Answer) -> Result<()>,
) -> Result<()> {
    let inputs = Rng::new(question.seed);
    for case in 0..question.cases {
        let input = draw(&mut inputs.child(case.into()));
        if question.describe {
            hand_on(case, Answer::Input(format!("{input:?}")))?;
        }
        let answered = catch_unwind(AssertUnwindSafe(|| answer(input).answer()));
        let answer = answered.unwrap_or_else(|payload| {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| Some((*payload.downcast_ref::<&str>()?).to_owned()));
            Answer::Panic(text.unwrap_or_default())
        });
        hand_on(case, answer)?;
    }
    Ok(())
}

/// What a [`probe`]'s function may return.
pub trait Answers {
    #[doc(hidden)]
    fn answer(&self) -> Answer;

    /// The answer as an item of a list: a list begins with its length, so that two lists of lists
    /// with the same numbers, cut at other places, differ.
    #[doc(hidden)]
    fn item(&self) -> Answer {
        self.answer()
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => {$(
        impl Answers for $kind {
            fn answer(&self) -> Answer {
                Answer::Numbers(vec![*self as f64])
            }
        }
    )*};
}
numbers!(f32 f64 u8 u32 u64 usize i32 i64 isize);

impl Answers for bool {
    fn answer(&self) -> Answer {
        u8::from(*self).answer()
    }
}

impl Answers for String {
    fn answer(&self) -> Answer {
        Answer::Text(self.clone())
    }
}

/// The numbers of all items in a row.
impl<T: Answers> Answers for [T] {
    fn answer(&self) -> Answer {
        let mut numbers = Vec::new();
        for item in self {
            match item.item() {
                Answer::Numbers(more) => numbers.extend(more),
                Answer::Text(_) => return Answer::Error("texts do not make a list".to_owned()),
                other => return other,
            }
        }
        Answer::Numbers(numbers)
    }

    fn item(&self) -> Answer {
        match self.answer() {
            Answer::Numbers(numbers) => {
                let length = [self.len() as f64];
                Answer::Numbers(length.into_iter().chain(numbers).collect())
            }
            other => other,
        }
    }
}

impl<T: Answers> Answers for Vec<T> {
    fn answer(&self) -> Answer {
        self.as_slice().answer()
    }

    fn item(&self) -> Answer {
        self.as_slice().item()
    }
}

impl<T: Answers, const N: usize> Answers for [T; N] {
    fn answer(&self) -> Answer {
        self.as_slice().answer()
    }

    fn item(&self) -> Answer {
        self.as_slice().item()
    }
}

/// The shape and then the numbers.
impl Answers for Tensor {
    fn answer(&self) -> Answer {
        let numbers = || self.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>();
        match numbers() {
            Ok(numbers) => {
                let shape = self.dims().iter().map(|&size| size as f64);
                Answer::Numbers(shape.chain(numbers).collect())
            }
            Err(error) => Answer::Error(error.to_string()),
        }
    }
}

impl<T: Answers, E: std::fmt::Display> Answers for Result<T, E> {
    fn answer(&self) -> Answer {
        match self {
            Ok(value) => value.answer(),
            Err(error) => Answer::Error(error.to_string()),
        }
    }

    fn item(&self) -> Answer {
        match self {
            Ok(value) => value.item(),
            Err(error) => Answer::Error(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<I: Debug, A: Answers>(
        seed: u64,
        draw: impl Fn(&mut Rng) -> I,
        answer: impl Fn(I) -> A,
    ) -> Vec<Answer> {
        let question = Question {
            seed,
            cases: 5,
            describe: false,
        };
        let mut found = Vec::new();
        let keep = |case: u32, answer| {
            assert_eq!(case as usize, found.len());
            found.push(answer);
            Ok(())
        };
        ask(question, draw, answer, keep).unwrap();
        found
    }

    #[test]
    fn a_seed_decides_the_inputs_and_a_panic_costs_one_case() {
        let draw = |rng: &mut Rng| rng.below(1000);
        let same = |n: usize| n;
        assert_eq!(asked(1, draw, same), asked(1, draw, same));
        assert_ne!(asked(1, draw, same), asked(2, draw, same));
        let inputs = asked(1, draw, same);
        let Answer::Numbers(numbers) = &inputs[0] else {
            panic!("{inputs:?}")
        };
        let first = numbers[0] as usize;
        let found = asked(1, draw, |n| {
            assert!(n != first, "not {n}");
            n
        });
        assert_eq!(found[0], Answer::Panic(format!("not {first}")));
        assert_eq!(found[1..], inputs[1..]);
    }

    #[test]
    fn values_are_answers() {
        assert_eq!(true.answer(), Answer::Numbers(vec![1.0]));
        assert_eq!([1, 2].answer(), Answer::Numbers(vec![1.0, 2.0]));
        assert_eq!(
            [vec![1, 2], vec![3]].answer(),
            Answer::Numbers(vec![2.0, 1.0, 2.0, 1.0, 3.0])
        );
        assert_ne!(
            [vec![1, 2], vec![3]].answer(),
            [vec![1], vec![2, 3]].answer()
        );
        let error: Result<f64> = Err(Error::Interrupted);
        assert!(matches!(error.answer(), Answer::Error(_)));
        let tensor = Tensor::new(&[[1f32, 2.0, 3.0]], &candle_core::Device::Cpu).unwrap();
        assert_eq!(
            tensor.answer(),
            Answer::Numbers(vec![1.0, 3.0, 1.0, 2.0, 3.0])
        );
        assert!(matches!(vec!["a".to_owned()].answer(), Answer::Error(_)));
    }
}
