//! Things shown while a cell runs, and changed in place.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::{CONNECTED, signal};

/// Something on the page below a cell, in one or more representations; it can be changed while the
/// cell runs and by later cells. Where nobody watches, the last contents remain.
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

/// Representations by mime type.
pub type Contents = BTreeMap<&'static str, String>;

impl Display {
    /// Shows a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(&Contents::from([("text/plain", text.into())]))
    }

    /// Shows another text in its place.
    pub fn set_text(&mut self, text: impl Into<String>) {
        self.set(&Contents::from([("text/plain", text.into())]));
    }

    pub(crate) fn new(contents: &Contents) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let display = Self {
            // The process is part of the name: a notebook keeps the displays of earlier sessions.
            id: format!("cuaderno-{}-{number}", std::process::id()),
        };
        show(contents, Some(&display.id));
        display
    }

    pub(crate) fn set(&mut self, contents: &Contents) {
        if CONNECTED.load(Ordering::Relaxed) {
            signal("update", &json!({"contents": contents, "id": self.id}));
        }
    }
}

/// Shows `contents` now, between what was printed before and after. On another kernel they are the
/// cell's value, of which there is one.
pub(crate) fn show(contents: &Contents, id: Option<&str>) {
    if CONNECTED.load(Ordering::Relaxed) {
        signal("display", &json!({"contents": contents, "id": id}));
    } else if std::env::var_os("EVCXR_IS_RUNTIME").is_some() {
        print_as_value(contents);
    }
}

/// Prints `contents` as evcxr expects the value of a cell.
pub(crate) fn print_as_value(contents: &Contents) {
    let block = |(mime, content): (&&str, &String)| {
        let content = content.trim_end();
        format!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT\n")
    };
    print!("{}", contents.iter().map(block).collect::<String>());
}

/// Takes away what the cell has shown so far, as Jupyter's `clear_output`; with `wait`, when
/// something new is there to take its place.
pub fn clear_output(wait: bool) {
    if CONNECTED.load(Ordering::Relaxed) {
        signal("clear", &json!({"wait": wait}));
    }
}
