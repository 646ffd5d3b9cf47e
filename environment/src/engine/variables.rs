//! Which variables a failed cell has left.

use std::collections::BTreeSet;

use super::reading::mentions;

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

/// Variables that are there no more, and why.
#[derive(Default)]
pub struct Gone {
    /// A cell used them up.
    pub given_away: BTreeSet<String>,
    /// Their type, or one within it, was defined anew.
    pub of_an_old_type: BTreeSet<String>,
}

impl Gone {
    /// Of the variables `before` a cell that evcxr took, or that it refused to compile, those `after`
    /// are left.
    pub fn after_cell(
        &mut self,
        code: &str,
        succeeded: bool,
        before: &BTreeSet<String>,
        after: &BTreeSet<String>,
    ) {
        for name in before.difference(after) {
            if self.of_an_old_type.contains(name) {
                continue;
            }
            // What a cell does not name, it cannot use up, nor one that did not run.
            let reason = match succeeded && mentions(code, name) {
                true => &mut self.given_away,
                false => &mut self.of_an_old_type,
            };
            reason.insert(name.clone());
        }
        for gone in [&mut self.given_away, &mut self.of_an_old_type] {
            gone.retain(|name| !after.contains(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_variable_is_gone_is_known() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut gone = Gone::default();
        let (all, none) = (names(&["list", "layers"]), names(&[]));
        gone.after_cell("drop(list); // layers", true, &all, &none);
        assert_eq!(gone.given_away, names(&["list"]));
        assert_eq!(gone.of_an_old_type, names(&["layers"]));
        gone.after_cell("let list = 1;", true, &none, &names(&["list"]));
        assert_eq!(gone.given_away, none);
        gone.after_cell("list.len()", false, &names(&["list"]), &none);
        assert_eq!(gone.of_an_old_type, all);
    }

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
