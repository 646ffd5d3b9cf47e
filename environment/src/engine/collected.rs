//! What came of one cell, put in order.

use cuaderno_protocol::{Contents, Report, evcxr};

use super::output::{CellOutput, OnOutput, Stream};

/// More text than this from one cell is not passed on: a page that shows it stops answering.
const MOST_TEXT: usize = 8 << 20;

/// More text than this of one value is not passed on: nobody reads it, and it would be kept in the
/// notebook.
const MOST_OF_A_VALUE: usize = 64 << 10;

/// What came from the runtime process since the cell began.
#[derive(Default)]
pub struct Collected {
    pub on_output: Option<OnOutput>,
    /// Who sees what a stream brings before it tells that the cell runs: it is from threads of the
    /// cell before.
    pub earlier: Option<OnOutput>,
    text: usize,
    untold: usize,
    value: Contents,
    /// A panic of which it is not known yet whether the cell ends with it.
    pub panic: Option<Report>,
    /// The panic that ended the cell.
    pub panicked: Option<Report>,
    /// The error that a `?` of the cell returned.
    pub error: Option<Report>,
    /// What the cell last asked the user for.
    pub prompt: String,
    /// Whether it waits for the answer.
    pub asking: bool,
    pub told_that_nobody_answers: bool,
    /// Whether each stream has told that the cell's code runs.
    pub running: [bool; 2],
    /// How often each stream has told the end of a cell, and the beginning of a process.
    pub finished: [u64; 2],
    pub started: [u64; 2],
}

impl Collected {
    /// An empty one for the next cell. What is counted over all cells goes on.
    pub fn anew(&self, on_output: Option<OnOutput>) -> Self {
        Self {
            on_output,
            finished: self.finished,
            started: self.started,
            ..Self::default()
        }
    }

    /// The cell has printed `text`.
    pub fn say(&mut self, stream: Stream, text: String) {
        let room = MOST_TEXT.saturating_sub(self.text);
        self.text += text.len();
        if text.len() <= room {
            self.put_out(CellOutput::Text(stream, text));
        } else {
            let cut = text.floor_char_boundary(room);
            self.untold += text.len() - cut;
            if cut > 0 {
                self.put_out(CellOutput::Text(stream, text[..cut].to_owned()));
            }
        }
    }

    /// The cell has shown something like a value, or one representation of it.
    pub fn show_value(&mut self, mut contents: Contents) {
        cut(&mut contents);
        let shown = &self.value.by_type;
        if (contents.by_type.keys()).any(|mime| shown.contains_key(mime)) {
            self.show_pending_value();
        }
        self.value.by_type.extend(contents.by_type);
        self.value.size = contents.size.or(self.value.size);
    }

    /// What was shown like a value is none if more output follows.
    fn show_pending_value(&mut self) {
        if !self.value.by_type.is_empty() {
            let value = std::mem::take(&mut self.value);
            self.pass_on(&CellOutput::Display(value, None));
        }
    }

    /// The generated code has told evcxr something.
    pub fn hear_evcxr(&mut self, line: &str) {
        match line {
            evcxr::PANIC => {
                self.panicked = Some(self.panic.take().unwrap_or_default());
            }
            // The report came before, unless the cell's crate has none.
            evcxr::ERROR => {
                self.error.get_or_insert_default();
            }
            // evcxr would cut the prompt at its first colon.
            _ => {
                let request = line.strip_prefix(evcxr::INPUT_REQUEST);
                if let Some(prompt) = request.and_then(|rest| rest.strip_prefix(':')) {
                    self.asking = true;
                    self.prompt = prompt.to_owned();
                } else if let Some((_, prompt)) = line.split_once("_PASSWORD:") {
                    self.asking = true;
                    self.prompt = prompt.to_owned();
                }
            }
        }
    }

    /// A panic that did not end the cell was another thread's, or was caught.
    pub fn tell_panic_of_a_thread(&mut self) {
        if let Some(Report { message, .. }) = self.panic.take() {
            self.note(format!("A thread of the cell panicked: {message}\n"));
        }
    }

    /// The cell has returned before its end, and without an error that says why.
    pub fn tell_return(&mut self, missing: &[String]) {
        if self.error.is_none() {
            let note = format!(
                "The cell returned before its end, so that it has not made `{}`.\n",
                missing.join("`, `")
            );
            self.note(note);
        }
    }

    /// Tells of the running cell, even where its standard error has not yet been heard to begin.
    fn note(&mut self, note: String) {
        self.show_pending_value();
        if let Some(on_output) = &mut self.on_output {
            on_output(&CellOutput::Text(Stream::Stderr, note));
        }
    }

    /// The cell has ended: what was held back goes out.
    pub fn end(&mut self) {
        self.tell_panic_of_a_thread();
        if self.untold > 0 {
            let note = format!(
                "\n[The cell printed {} more bytes, which are not shown: {} MB is the most.]\n",
                std::mem::take(&mut self.untold),
                MOST_TEXT >> 20
            );
            self.note(note);
        }
        if !self.value.by_type.is_empty() {
            let value = std::mem::take(&mut self.value);
            self.pass_on(&CellOutput::Value(value));
        }
    }

    /// Passes `output` on, after what was held back.
    pub fn put_out(&mut self, output: CellOutput) {
        self.show_pending_value();
        self.pass_on(&output);
    }

    fn pass_on(&mut self, output: &CellOutput) {
        let stream = match output {
            CellOutput::Text(stream, _) => *stream,
            _ => Stream::Stdout,
        };
        let earlier = self.earlier.as_mut();
        let earlier = earlier.filter(|_| !self.running[stream as usize]);
        if let Some(on_output) = earlier.or(self.on_output.as_mut()) {
            on_output(output);
        }
    }
}

/// Cuts the text of a value; pictures and pages would be broken by that.
pub fn cut(contents: &mut Contents) {
    let text = contents.by_type.get_mut("text/plain");
    if let Some(text) = text.filter(|text| text.len() > MOST_OF_A_VALUE) {
        let end = text.floor_char_boundary(MOST_OF_A_VALUE);
        let note = format!(
            "… [{} more bytes of this value are not shown: {} kB is the most.]",
            text.len() - end,
            MOST_OF_A_VALUE >> 10
        );
        text.replace_range(end.., &note);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_value_is_the_last_thing_shown_and_nothing_else() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let mut collected = Collected {
            on_output: Some(Box::new(move |output| {
                sink.lock().unwrap().push(output.clone())
            })),
            ..Collected::default()
        };
        collected.show_value(Contents::text("first"));
        collected.say(Stream::Stdout, "between".into());
        collected.show_value(Contents::text("second"));
        collected.end();
        assert_eq!(
            *seen.lock().unwrap(),
            [
                CellOutput::Display(Contents::text("first"), None),
                CellOutput::Text(Stream::Stdout, "between".into()),
                CellOutput::Value(Contents::text("second")),
            ]
        );
    }

    #[test]
    fn each_stream_is_the_earlier_cells_until_it_tells_that_the_next_one_runs() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let to = |cell: &'static str| -> Option<OnOutput> {
            let seen = seen.clone();
            Some(Box::new(move |output| {
                if let CellOutput::Text(_, text) = output {
                    seen.lock().unwrap().push(format!("{cell}: {text}"));
                }
            }))
        };
        let mut collected = Collected {
            earlier: to("earlier"),
            on_output: to("next"),
            ..Collected::default()
        };
        collected.running[Stream::Stderr as usize] = true;
        collected.say(Stream::Stdout, "a".into());
        collected.say(Stream::Stderr, "b".into());
        collected.running[Stream::Stdout as usize] = true;
        collected.say(Stream::Stdout, "c".into());
        drop(collected);
        assert_eq!(*seen.lock().unwrap(), ["earlier: a", "next: b", "next: c"]);
    }

    #[test]
    fn what_is_told_of_a_cell_is_its_own_before_its_standard_error_is_heard() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let to = |cell: &'static str| -> Option<OnOutput> {
            let seen = seen.clone();
            Some(Box::new(move |_| seen.lock().unwrap().push(cell)))
        };
        let mut collected = Collected {
            earlier: to("earlier"),
            on_output: to("next"),
            ..Collected::default()
        };
        collected.running[Stream::Stdout as usize] = true;
        collected.tell_return(&["made".to_owned()]);
        drop(collected);
        assert_eq!(*seen.lock().unwrap(), ["next"]);
    }

    #[test]
    fn a_long_value_is_cut_and_a_picture_is_not() {
        let long = "ñ".repeat(MOST_OF_A_VALUE);
        let mut value = Contents::text(&long).with("image/png", &long);
        cut(&mut value);
        let text = &value.by_type["text/plain"];
        assert!(text.len() < MOST_OF_A_VALUE + 100);
        assert!(text.contains("65536 more bytes of this value are not shown"));
        assert_eq!(value.by_type["image/png"], long);
    }

    #[test]
    fn too_much_text_is_cut_and_counted() {
        let seen = Arc::new(Mutex::new(String::new()));
        let sink = seen.clone();
        let mut collected = Collected {
            on_output: Some(Box::new(move |output| {
                if let CellOutput::Text(_, text) = output {
                    sink.lock().unwrap().push_str(text);
                }
            })),
            ..Collected::default()
        };
        for _ in 0..MOST_TEXT / 1000 + 10 {
            collected.say(Stream::Stdout, "x".repeat(1000));
        }
        collected.end();
        let seen = seen.lock().unwrap();
        assert!(seen.len() < MOST_TEXT + 200 && seen.contains("more bytes, which are not shown"));
    }
}
