//! IOB tags: `B-geo` begins a name, `I-geo` goes on with it, `O` is outside of names.

/// Whether `tag` is `O`, or `B-` or `I-` followed by a kind.
pub(super) fn is_iob(tag: &str) -> bool {
    tag == "O"
        || (tag.strip_prefix("B-").or(tag.strip_prefix("I-"))).is_some_and(|kind| !kind.is_empty())
}

/// The `B-kind` that replaces an `I-kind` if the tag before belongs to no name of that kind; `None`
/// if `tag` is right. The names stay the same: seqeval also lets such a tag begin one.
pub(super) fn repaired(before: Option<&str>, tag: &str) -> Option<String> {
    let kind = tag.strip_prefix("I-")?;
    let goes_on = before.is_some_and(|before| before.get(2..) == Some(kind));
    (!goes_on).then(|| format!("B-{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_o_b_and_i_are_tags() {
        for tag in ["O", "B-geo", "I-a-b"] {
            assert!(is_iob(tag), "{tag}");
        }
        for tag in ["", "o", "B-", "I", "E-geo", "geo", "B_geo"] {
            assert!(!is_iob(tag), "{tag}");
        }
    }

    #[test]
    fn an_i_that_goes_on_with_nothing_becomes_a_b() {
        for before in [None, Some("O"), Some("B-per"), Some("I-per")] {
            assert_eq!(repaired(before, "I-geo").as_deref(), Some("B-geo"));
        }
        for (before, tag) in [
            (Some("B-geo"), "I-geo"),
            (Some("I-geo"), "I-geo"),
            (None, "B-geo"),
            (Some("O"), "O"),
        ] {
            assert_eq!(repaired(before, tag), None);
        }
    }
}
