//! What the solution answers to a probe, against which all other answers are held.

use cuaderno_protocol::answers::{self, Answer, LONGEST};

use super::{Probe, verdict};

/// The solution's answers to one question of a probe.
pub struct Standard {
    answers: Vec<Answer>,
    /// How many of them can be had without a thought.
    chance: usize,
    tolerance: f64,
}

impl Standard {
    /// Reads what the solution has left, where `check` is the source of the public check.
    ///
    /// # Errors
    /// What is wrong with the answers, without telling one: no others can be compared with them.
    pub fn of(probe: &Probe, check: &str, bytes: &[u8]) -> Result<Self, String> {
        let (id, cases) = (&probe.id, probe.cases as usize);
        let answers = answers::decode(bytes, cases);
        if let Some(bad) = answers.iter().find_map(fault) {
            return Err(format!("answers the probe `{id}` with {bad}"));
        }
        if answers.len() < cases {
            let count = answers.len();
            return Err(format!(
                "answers {count} of {cases} cases of the probe `{id}`"
            ));
        }
        let inputs = answers::inputs(bytes);
        Ok(Self {
            chance: verdict::chance(&answers, &inputs, check, probe.tolerance),
            tolerance: probe.tolerance,
            answers,
        })
    }

    /// How many cases there are.
    pub fn cases(&self) -> usize {
        self.answers.len()
    }

    /// How many cases can be had without a thought: always the same answer, a part of the input, or
    /// what the check shows.
    pub fn chance(&self) -> usize {
        self.chance
    }

    /// How many of `found` are what the solution answers.
    pub fn right(&self, found: &[Answer]) -> usize {
        verdict::right(&self.answers, found, self.tolerance)
    }

    /// What so many right answers earn of the `points`.
    pub fn earned(&self, points: f64, right: usize) -> f64 {
        verdict::earned(points, right, self.chance, self.cases())
    }
}

/// Why an answer is none to compare others with.
fn fault(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Numbers(numbers) if numbers.iter().all(|number| number.is_finite()) => None,
        Answer::Text(_) => None,
        Answer::Numbers(_) => Some("numbers that are not finite".to_owned()),
        Answer::Error(_) => Some("an error".to_owned()),
        Answer::Panic(_) => Some("a panic".to_owned()),
        Answer::Input(_) | Answer::TooLong => Some(format!("more than {LONGEST} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard(answers: &[Answer]) -> Result<Standard, String> {
        let probe = Probe {
            id: "p".to_owned(),
            source: String::new(),
            cases: 4,
            tolerance: 0.0,
        };
        let frames = (0..).zip(answers);
        let bytes: Vec<u8> = frames
            .flat_map(|(case, answer)| answers::encode(case, answer))
            .collect();
        Standard::of(&probe, "", &bytes)
    }

    #[test]
    fn a_standard_is_whole_and_finite() {
        let number = |x| Answer::Numbers(vec![x]);
        let good = [number(1.0), number(2.0), number(3.0), number(2.0)];
        let standard_of_good = standard(&good).ok().unwrap();
        assert_eq!(
            (standard_of_good.cases(), standard_of_good.chance()),
            (4, 2)
        );
        assert_eq!(
            standard_of_good.earned(1.0, standard_of_good.right(&good)),
            1.0
        );
        assert_eq!(standard_of_good.earned(1.0, 3), 0.5);

        let why = |last| {
            let [one, two, three, _] = good.clone();
            standard(&[one, two, three, last]).err().unwrap()
        };
        assert_eq!(
            why(number(f64::NAN)),
            "answers the probe `p` with numbers that are not finite"
        );
        assert_eq!(
            why(Answer::Error("no".to_owned())),
            "answers the probe `p` with an error"
        );
        assert_eq!(
            why(Answer::Panic("at 0".to_owned())),
            "answers the probe `p` with a panic"
        );
        assert!(why(Answer::TooLong).ends_with("with more than 65536 bytes"));
        assert_eq!(
            standard(&good[..3]).err().unwrap(),
            "answers 3 of 4 cases of the probe `p`"
        );
    }
}
