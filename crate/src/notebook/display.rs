//! Displays, which can be changed while a cell runs.

use std::sync::atomic::{AtomicU64, Ordering};

use cuaderno_protocol::{Contents, Signal, evcxr};

use super::{CONNECTED, signal};

/// A display below a cell, in one or more representations. It can be changed while the cell runs
/// and by later cells. In a headless run only the last contents are kept.
///
/// ```
/// use cuaderno::notebook::Display;
/// let mut progress = Display::text("0 of 10");
/// for step in 1..=10 {
///     progress.set_text(format!("{step} of 10"));
/// }
/// ```
#[derive(Debug)]
pub struct Display {
    id: String,
}

impl Display {
    /// Shows a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Contents::text(text))
    }

    /// Replaces the contents with a text.
    pub fn set_text(&mut self, text: impl Into<String>) {
        self.set(Contents::text(text));
    }

    pub(crate) fn new(contents: Contents) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let display = Self {
            // The process is part of the name because a notebook keeps the displays of earlier
            // sessions.
            id: format!("cuaderno-{}-{number}", std::process::id()),
        };
        show(contents, Some(display.id.clone()));
        display
    }

    pub(crate) fn set(&mut self, contents: Contents) {
        if CONNECTED.load(Ordering::Relaxed) {
            let id = self.id.clone();
            signal(&Signal::Update { contents, id });
        }
    }
}

/// Shows `contents` now, in order with the printed output. On other kernels they become the value
/// of the cell, which can have only one.
pub(crate) fn show(contents: Contents, id: Option<String>) {
    if CONNECTED.load(Ordering::Relaxed) {
        signal(&Signal::Display { contents, id });
    } else {
        show_as_value(contents);
    }
}

/// Shows `contents` as the value of a notebook's cell. Outside of a notebook nothing is shown.
pub(crate) fn show_as_value(contents: Contents) {
    if CONNECTED.load(Ordering::Relaxed) {
        signal(&Signal::Value(contents));
    } else if std::env::var_os("EVCXR_IS_RUNTIME").is_some() {
        print!("{}", evcxr::value(&contents));
    }
}

/// Clears the output of the cell, like Jupyter's `clear_output`. With `wait`, the output stays
/// until there is something to take its place.
pub fn clear_output(wait: bool) {
    if CONNECTED.load(Ordering::Relaxed) {
        signal(&Signal::Clear { wait });
    }
}
