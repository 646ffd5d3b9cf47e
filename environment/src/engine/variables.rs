//! Which variables a failed cell has left.

use std::collections::BTreeSet;

/// Names that a message lists.
const MOST_NAMES: usize = 12;

/// The variables of earlier cells, after one that failed.
pub struct Variables {
    kept: Vec<String>,
    lost: Vec<String>,
}

impl Variables {
    /// Those there were `before`, of which those `after` are left.
    pub fn new(before: BTreeSet<String>, after: BTreeSet<String>) -> Self {
        let (kept, lost) = before.into_iter().partition(|name| after.contains(name));
        Self { kept, lost }
    }

    /// One sentence; `None` if there were none.
    pub fn describe(&self) -> Option<String> {
        let list = |names: &[String]| {
            let shown = names.iter().take(MOST_NAMES).map(String::as_str);
            let shown = shown.collect::<Vec<_>>().join(", ");
            match names.len().saturating_sub(MOST_NAMES) {
                0 => shown,
                more => format!("{shown} and {more} more"),
            }
        };
        match (self.kept.as_slice(), self.lost.as_slice()) {
            ([], []) => None,
            (kept, []) => Some(format!("Variables kept: {}.", list(kept))),
            ([], lost) => Some(format!("Variables lost: {}.", list(lost))),
            (kept, lost) => Some(format!(
                "Variables lost: {}; kept: {}.",
                list(lost),
                list(kept)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_named() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let describe = |before: &[&str], after: &[&str]| {
            Variables::new(names(before), names(after)).describe()
        };
        assert_eq!(describe(&[], &[]), None);
        assert_eq!(
            describe(&["a", "b"], &["a", "c"]).unwrap(),
            "Variables lost: b; kept: a."
        );
        assert_eq!(describe(&["a"], &["a"]).unwrap(), "Variables kept: a.");
    }
}
