//! What a probe of an exercise answers, as it leaves the box in which a student's code runs.
//!
//! ```
//! use cuaderno_protocol::answers::{Answer, decode, encode};
//! let (seven, half) = (Answer::Numbers(vec![7.0]), Answer::Text("half".to_owned()));
//! let bytes = [encode(0, &seven), encode(1, &half)].concat();
//! assert_eq!(decode(&bytes, 10), vec![seven, half]);
//! ```

/// Names the folder to a probe in which its [`QUESTION`] stands and its [`ANSWERS`] go.
pub const FOLDER: &str = "CUADERNO_PROBE";
/// The file with the seed of the inputs, their number, and whether to describe them.
pub const QUESTION: &str = "question";
/// The file with a frame for each answer.
pub const ANSWERS: &str = "answers";
/// The most bytes of one answer.
pub const LONGEST: usize = 64 << 10;

/// What was answered to one input.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A number or a list of them; a truth value is 0 or 1.
    Numbers(Vec<f64>),
    /// A short text.
    Text(String),
    /// The sentence of an error.
    Error(String),
    /// The message of a panic.
    Panic(String),
    /// Not an answer: the input, as Rust describes it, for whoever tries a probe.
    Input(String),
    /// An answer that is too long to be one.
    TooLong,
}

/// One question of a probe: which inputs to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// The seed of all inputs.
    pub seed: u64,
    /// How many there are.
    pub cases: u32,
    /// Whether to describe each input before its answer.
    pub describe: bool,
}

impl Question {
    /// As it stands in its file.
    pub fn to_text(self) -> String {
        let Self {
            seed,
            cases,
            describe,
        } = self;
        format!("{seed} {cases} {describe}")
    }

    /// The question in `text`; `None` if there is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(Self {
            seed: words.next()?.parse().ok()?,
            cases: words.next()?.parse().ok()?,
            describe: words.next()?.parse().ok()?,
        })
    }
}

/// The frame of the answer to input number `case`: the number, the kind, the length and the bytes.
pub fn encode(case: u32, answer: &Answer) -> Vec<u8> {
    let (kind, bytes) = match answer {
        Answer::Numbers(numbers) => (0, numbers.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Answer::Text(text) => (1, text.clone().into_bytes()),
        Answer::Error(text) => (2, text.clone().into_bytes()),
        Answer::Panic(text) => (3, text.clone().into_bytes()),
        Answer::Input(text) => (4, text.clone().into_bytes()),
        Answer::TooLong => (5, Vec::new()),
    };
    if bytes.len() > LONGEST {
        return encode(case, &Answer::TooLong);
    }
    let mut frame = case.to_le_bytes().to_vec();
    frame.push(kind);
    frame.extend((bytes.len() as u32).to_le_bytes());
    frame.extend(bytes);
    frame
}

/// The answers in `bytes` to the inputs from 0 on, up to the first that is missing or no answer, and
/// at most `cases`. Descriptions of inputs are left out.
pub fn decode(bytes: &[u8], cases: usize) -> Vec<Answer> {
    let answers = frames(bytes).filter(|(_, answer)| !matches!(answer, Answer::Input(_)));
    let numbered = (0..cases as u32).zip(answers);
    let in_order = numbered.take_while(|(expected, (case, _))| expected == case);
    in_order.map(|(_, (_, answer))| answer).collect()
}

/// The descriptions of inputs in `bytes`.
pub fn inputs(bytes: &[u8]) -> Vec<String> {
    let text = |(_, answer)| match answer {
        Answer::Input(text) => Some(text),
        _ => None,
    };
    frames(bytes).filter_map(text).collect()
}

fn frames(mut bytes: &[u8]) -> impl Iterator<Item = (u32, Answer)> {
    std::iter::from_fn(move || {
        let (case, rest) = bytes.split_first_chunk()?;
        let (&kind, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > LONGEST {
            return None;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        let text = || String::from_utf8_lossy(content).into_owned();
        let answer = match kind {
            0 => {
                let numbers = content.as_chunks().0.iter();
                Answer::Numbers(numbers.map(|bytes| f64::from_le_bytes(*bytes)).collect())
            }
            1 => Answer::Text(text()),
            2 => Answer::Error(text()),
            3 => Answer::Panic(text()),
            4 => Answer::Input(text()),
            5 => Answer::TooLong,
            _ => return None,
        };
        Some((u32::from_le_bytes(*case), answer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_in_order_and_whole() {
        let answers = [
            Answer::Numbers(vec![0.1, f64::INFINITY]),
            Answer::Error("no".to_owned()),
            Answer::Panic("at 3".to_owned()),
            Answer::TooLong,
        ];
        let bytes: Vec<u8> = (0..)
            .zip(&answers)
            .flat_map(|(case, answer)| {
                let input = encode(case, &Answer::Input(format!("({case})")));
                [input, encode(case, answer)].concat()
            })
            .collect();
        assert_eq!(decode(&bytes, 9), answers);
        assert_eq!(decode(&bytes, 2), answers[..2]);
        assert_eq!(inputs(&bytes), ["(0)", "(1)", "(2)", "(3)"]);
        for length in 0..bytes.len() {
            let cut = decode(&bytes[..length], 9);
            assert_eq!(cut, answers[..cut.len()]);
        }
    }

    #[test]
    fn what_is_too_long_or_not_an_answer_is_none() {
        let long = Answer::Text("x".repeat(LONGEST + 1));
        assert_eq!(decode(&encode(0, &long), 1), [Answer::TooLong]);
        let mut promises_too_much = encode(0, &Answer::Text(String::new()));
        promises_too_much[5..9].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&promises_too_much, 1), []);
        assert_eq!(
            decode(&encode(1, &Answer::TooLong), 2),
            [],
            "number 0 is missing"
        );
    }

    #[test]
    fn a_question_is_read_as_it_was_written() {
        let question = Question {
            seed: u64::MAX,
            cases: 32,
            describe: true,
        };
        assert_eq!(Question::parse(&question.to_text()), Some(question));
        assert_eq!(Question::parse("7"), None);
    }
}
