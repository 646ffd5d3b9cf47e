//! The cells that ran in this session.

use jupyter_protocol::{HistoryReply, HistoryRequest, messaging::HistoryEntry};

/// A session has one history, and a kernel one session.
const SESSION: usize = 1;

#[derive(Default)]
pub struct History(Vec<Entry>);

struct Entry {
    line: usize,
    input: String,
    output: String,
}

impl History {
    /// Adds the cell that ran as number `line`, and the text of its value.
    pub fn add(&mut self, line: usize, input: &str, output: String) {
        self.0.push(Entry {
            line,
            input: input.to_owned(),
            output,
        });
    }

    /// The entries that `request` asks for, the oldest first.
    pub fn answer(&self, request: &HistoryRequest) -> HistoryReply {
        let (entries, with_output): (Vec<&Entry>, bool) = match request {
            HistoryRequest::Range {
                session,
                start,
                stop,
                output,
                ..
            } => {
                let here = session.is_none_or(|session| session <= SESSION as i32);
                let range = *start..*stop;
                let inside = |entry: &&Entry| here && range.contains(&(entry.line as i32));
                (self.0.iter().filter(inside).collect(), *output)
            }
            HistoryRequest::Tail { n, output, .. } => (last(self.0.iter().collect(), *n), *output),
            HistoryRequest::Search {
                pattern,
                unique,
                output,
                n,
                ..
            } => {
                let matching = self.0.iter().filter(|entry| matches(pattern, &entry.input));
                let mut entries: Vec<&Entry> = matching.collect();
                if *unique {
                    let all = entries.clone();
                    let mut index = 0;
                    entries.retain(|entry| {
                        index += 1;
                        all[index..].iter().all(|later| later.input != entry.input)
                    });
                }
                (last(entries, *n), *output)
            }
        };
        let entry = |entry: &Entry| {
            let Entry {
                line,
                input,
                output,
            } = entry;
            if with_output {
                HistoryEntry::InputOutput(SESSION, *line, (input.clone(), output.clone()))
            } else {
                HistoryEntry::Input(SESSION, *line, input.clone())
            }
        };
        HistoryReply::new(entries.into_iter().map(entry).collect())
    }
}

fn last(entries: Vec<&Entry>, n: i32) -> Vec<&Entry> {
    let n = usize::try_from(n).unwrap_or(0);
    let skipped = entries.len().saturating_sub(n);
    entries.into_iter().skip(skipped).collect()
}

/// Whether `text` matches a shell pattern with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // Where to go on if a `*` must take one character more.
    let mut retry = None;
    let (mut p, mut t) = (0, 0);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == text[t] => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((star, taken)) => {
                    retry = Some((star, taken + 1));
                    (p, t) = (star + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for (line, input) in (1..).zip(["let a = 1;", "a + 1", "a + 1"]) {
            history.add(line, input, "2".to_owned());
        }
        history
    }

    fn lines(reply: HistoryReply) -> Vec<usize> {
        let line = |entry: &HistoryEntry| match entry {
            HistoryEntry::Input(_, line, _) | HistoryEntry::InputOutput(_, line, _) => *line,
        };
        reply.history.iter().map(line).collect()
    }

    #[test]
    fn the_tail_a_range_and_what_matches() {
        let history = history();
        let tail = HistoryRequest::Tail {
            n: 2,
            output: false,
            raw: true,
        };
        assert_eq!(lines(history.answer(&tail)), [2, 3]);
        let range = HistoryRequest::Range {
            session: Some(1),
            start: 1,
            stop: 2,
            output: true,
            raw: true,
        };
        assert_eq!(lines(history.answer(&range)), [1]);
        let search = |unique, n| HistoryRequest::Search {
            pattern: "a*1".to_owned(),
            unique,
            output: false,
            raw: true,
            n,
        };
        assert_eq!(lines(history.answer(&search(false, 10))), [2, 3]);
        assert_eq!(lines(history.answer(&search(true, 10))), [3]);
        assert_eq!(lines(history.answer(&search(false, 1))), [3]);
    }

    #[test]
    fn patterns_are_those_of_a_shell() {
        assert!(matches("*", "") && matches("a?c*", "abcd") && matches("*b*b", "abab"));
        assert!(!matches("a", "ab") && !matches("?", "") && !matches("*b?", "ab"));
    }
}
