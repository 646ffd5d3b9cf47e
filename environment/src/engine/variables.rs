//! Which variables a failed cell has left.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::mentions;

/// Names that a message lists.
const MOST_NAMES: usize = 12;

/// The variables of earlier cells, after one that failed.
pub struct Variables {
    kept: Vec<String>,
    lost: Vec<String>,
    /// What the cell would have made.
    not_made: Vec<String>,
}

impl Variables {
    /// Those there were `before`, of which those `after` are left, and those that the cell would have
    /// made.
    pub fn new(
        before: BTreeSet<String>,
        after: BTreeSet<String>,
        not_made: &BTreeSet<String>,
    ) -> Self {
        let not_made = not_made.difference(&before).cloned().collect();
        let (kept, lost) = before.into_iter().partition(|name| after.contains(name));
        Self {
            kept,
            lost,
            not_made,
        }
    }

    /// One sentence for each; `None` if there were none.
    pub fn describe(&self) -> Option<String> {
        let list = |names: &[String]| {
            let shown = names.iter().take(MOST_NAMES).map(String::as_str);
            let shown = shown.collect::<Vec<_>>().join(", ");
            match names.len().saturating_sub(MOST_NAMES) {
                0 => shown,
                more => format!("{shown} and {more} more"),
            }
        };
        let old = match (self.kept.as_slice(), self.lost.as_slice()) {
            ([], []) => None,
            (kept, []) => Some(format!("Variables kept: {}.", list(kept))),
            ([], lost) => Some(format!("Variables lost: {}.", list(lost))),
            (kept, lost) => Some(format!(
                "Variables lost: {}; kept: {}.",
                list(lost),
                list(kept)
            )),
        };
        let new = (!self.not_made.is_empty())
            .then(|| format!("Of this cell nothing is kept: {}.", list(&self.not_made)));
        match (old, new) {
            (Some(old), Some(new)) => Some(format!("{old}\n{new}")),
            (old, new) => old.or(new),
        }
    }
}

/// Names that are there no more, or never were, and why.
#[derive(Default)]
pub struct Gone {
    /// A cell used them up.
    pub given_away: BTreeSet<String>,
    /// Their type, or one within it, was defined anew.
    pub of_an_old_type: BTreeSet<String>,
    /// The cell that makes them failed: where.
    pub failed: BTreeMap<String, Option<String>>,
    /// They are there as an earlier cell made them; the last cell that makes them failed: where.
    outdated: BTreeMap<String, Option<String>>,
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
            let reason = match succeeded && mentions(code, name) > 0 {
                true => &mut self.given_away,
                false => &mut self.of_an_old_type,
            };
            reason.insert(name.clone());
        }
        for gone in [&mut self.given_away, &mut self.of_an_old_type] {
            gone.retain(|name| !after.contains(name));
        }
        self.failed.retain(|name, _| !after.contains(name));
        if succeeded && !self.outdated.is_empty() {
            for name in super::cell::names(code) {
                self.outdated.remove(&name);
            }
        }
    }

    /// A line of warning for each name in `code` that means something older than the last cell that
    /// makes it.
    pub fn warnings(&self, code: &str) -> String {
        let own = match self.outdated.is_empty() {
            true => return String::new(),
            false => super::cell::names(code),
        };
        let used = self.outdated.iter();
        let used = used.filter(|(name, _)| !own.contains(*name) && mentions(code, name) > 0);
        used.map(|(name, place)| {
            let place = place.as_ref().map_or_else(String::new, |place| format!(", in {place}"));
            format!(
                "warning: the last cell that makes `{name}` failed{place}. This cell used the `{name}` from \
                 before: mend that cell and run it, then this one again.\n"
            )
        })
        .collect()
    }

    /// A cell failed, at `place`, that would have given `names` to what it makes; of the variables
    /// those `after` are left.
    pub fn after_failure(
        &mut self,
        names: BTreeSet<String>,
        after: &BTreeSet<String>,
        place: Option<&str>,
    ) {
        for name in names {
            if after.contains(&name) {
                self.outdated.insert(name, place.map(str::to_owned));
            } else {
                self.given_away.remove(&name);
                self.of_an_old_type.remove(&name);
                self.failed.insert(name, place.map(str::to_owned));
            }
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
        gone.after_failure(
            names(&["list", "other"]),
            &names(&["other"]),
            Some("line 2"),
        );
        assert_eq!(gone.given_away, none);
        assert_eq!(gone.failed["list"].as_deref(), Some("line 2"));
        let warning = gone.warnings("other + 1");
        assert!(warning.contains("`other` failed, in line 2"), "{warning}");
        assert_eq!(gone.warnings("let other = 1;"), "");
        gone.after_cell("let other = 1;", true, &none, &names(&["other"]));
        assert_eq!(gone.warnings("other + 1"), "");
        gone.after_cell("let list = 1;", true, &none, &names(&["list"]));
        assert!(gone.failed.is_empty());
        gone.after_cell("list.len()", false, &names(&["list"]), &none);
        assert_eq!(gone.of_an_old_type, all);
    }

    #[test]
    fn what_is_lost_is_named() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let describe = |before: &[&str], after: &[&str], not_made: &[&str]| {
            Variables::new(names(before), names(after), &names(not_made)).describe()
        };
        assert_eq!(describe(&[], &[], &[]), None);
        assert_eq!(
            describe(&["a", "b"], &["a", "c"], &["a"]).unwrap(),
            "Variables lost: b; kept: a."
        );
        assert_eq!(
            describe(&["a"], &["a"], &["d"]).unwrap(),
            "Variables kept: a.\nOf this cell nothing is kept: d."
        );
    }
}
