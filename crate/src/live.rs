//! Live training in a notebook: a progress bar and a growing learning curve.

use std::time::{Duration, Instant};

use crate::notebook::{self, Contents, Display};
use crate::plot::learning_curve;
use crate::train::{self, History, Observer, Standing};

/// The shortest time between two updates of the bar.
const BAR: Duration = Duration::from_millis(200);
/// The shortest time between two drawings of the curve; a picture takes longer than a line.
const CURVE: Duration = Duration::from_millis(1000);

/// Called by the notebook engine when it has loaded this library. `live` says whether somebody
/// watches the cells run.
#[unsafe(no_mangle)]
extern "C" fn cuaderno_start(live: bool) {
    notebook::connect(live);
    if live {
        train::observe_with(|| Box::new(LiveTraining::new()));
    }
}

/// The bar and the curve of one training.
#[derive(Debug)]
struct LiveTraining {
    start: Instant,
    /// The number of batches that were done when this training started or was resumed.
    already_done: Option<usize>,
    bar: Shown,
    curve: Shown,
    last_epoch: String,
}

/// A display on the page, with a limit on how often it is updated.
#[derive(Debug, Default)]
struct Shown {
    display: Option<Display>,
    changed: Option<Instant>,
}

impl Shown {
    fn is_due(&self, after: Duration) -> bool {
        self.changed
            .is_none_or(|changed| changed.elapsed() >= after)
    }

    fn set(&mut self, contents: Contents) {
        match &mut self.display {
            Some(display) => display.set(contents),
            None => self.display = Some(Display::new(contents)),
        }
        self.changed = Some(Instant::now());
    }
}

impl LiveTraining {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            already_done: None,
            bar: Shown::default(),
            curve: Shown::default(),
            last_epoch: String::new(),
        }
    }

    fn draw_curve(&mut self, history: &History) {
        // A single point makes no curve, and a failed drawing is no reason to stop a training.
        if history.epochs.len() > 1
            && let Ok(contents) = learning_curve(history).and_then(|figure| figure.contents())
        {
            self.curve.set(contents);
        }
    }
}

impl Observer for LiveTraining {
    fn batch_done(&mut self, standing: &Standing) {
        let done = (standing.epoch - 1) * standing.batches + standing.batch;
        let before = *self.already_done.get_or_insert(done - 1);
        if self.bar.is_due(BAR) {
            let all = standing.epochs * standing.batches;
            let seconds = self.start.elapsed().as_secs_f64();
            let left = seconds / (done - before) as f64 * (all - done) as f64;
            let losses = (standing.losses)();
            let losses: String = losses
                .iter()
                .map(|part| format!(", {} {:.5}", part.name, part.mean))
                .collect();
            let text = format!(
                "epoch {} of {}, batch {} of {}{losses}, {} left",
                standing.epoch,
                standing.epochs,
                standing.batch,
                standing.batches,
                duration(left)
            );
            self.bar.set(bar(done, all, &text, &self.last_epoch));
        }
    }

    fn epoch_done(&mut self, history: &History) {
        self.last_epoch = history.last().map_or_else(String::new, ToString::to_string);
        if self.curve.is_due(CURVE) {
            self.draw_curve(history);
        }
    }

    fn training_done(&mut self, history: &History) {
        let epochs = history.epochs.len();
        let ended = match &history.stopped {
            Some(reason) => format!("stopped: {reason}"),
            None => "done".to_owned(),
        };
        let text = format!(
            "{ended}, {epochs} epochs in {}",
            duration(self.start.elapsed().as_secs_f64())
        );
        self.bar.set(bar(1, 1, &text, &self.last_epoch));
        self.draw_curve(history);
    }
}

/// A bar filled to `done` of `all`, with lines below it.
fn bar(done: usize, all: usize, text: &str, last_epoch: &str) -> Contents {
    let share = 100.0 * done as f64 / all.max(1) as f64;
    let blue = "#0072B2";
    let html = format!(
        "<div style=\"font-family:monospace;max-width:48em\">\
         <div style=\"background:rgba(128,128,128,0.25);height:0.6em;border-radius:0.3em\">\
         <div style=\"background:{blue};height:100%;border-radius:0.3em;width:{share:.1}%\"></div>\
         </div><div>{text}</div><div>{last_epoch}</div></div>"
    );
    let plain = match last_epoch {
        "" => text.to_owned(),
        line => format!("{text}\n{line}"),
    };
    Contents::text(plain).with("text/html", html)
}

/// `48 s`, `3 min 20 s`, `2 h 5 min`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) => format!("{seconds:.0} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_the_same_as_text() {
        let contents = bar(1, 4, "epoch 1 of 4", "");
        assert!(contents.by_type["text/html"].contains("width:25.0%"));
        assert_eq!(contents.by_type["text/plain"], "epoch 1 of 4");
    }

    #[test]
    fn durations_are_said_as_one_says_them() {
        assert_eq!(duration(47.6), "48 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(7_500.0), "2 h 5 min");
    }
}
