//! The clauses of generated sentences.
//!
//! A clause is a list of words and places to fill. A word stands as `word/lemma/POS`, or alone
//! where the lemma is the same and [`pos_of`] knows the rest; a place to fill stands in braces.

/// Clauses. The name at the beginning of some is told by what follows, of others by what stands
/// before it.
pub(super) const CLAUSES: &[&str] = &[
    "{person-does}",
    "{organisation-does}",
    "{place-does}",
    "{person-does}",
    "{organisation-does}",
    "{place-does}",
    "the {noun} of {place} {verb} the {adjective} {noun}",
    "{adjective} {nouns} {verb} {people} {nouns} near {place}",
    "the {people} {noun} {verb} {person}",
    "minister {person} {verb} the {noun} in {place}",
    "{people} {nouns} {verb} the {adjective} {noun} {when}",
    "the board of {organisation} {verb} the {noun}",
    "{number} {nouns} {verb} the {noun} in {place}",
    "{number} {nouns} {verb} the {noun} {when}",
    "the {adjective} {noun} {verb} {number} {nouns}",
    "the {noun} {verb} the {nouns} of {organisation} {when}",
    "the {adjective} {nouns} {verb} the {noun}",
    "a {noun} {verb} {organisation} {when}",
    "{person} , head of {organisation} , {verb} the {noun}",
    "the {noun} between {place} and {place} {verb} the {nouns}",
    "the {event} {verb} {people} {nouns}",
    "{nature} {verb} the {noun} of {place}",
    "{person} {verb} the {noun} in the {adjective} {work}",
    "the {nouns} may/may/MD march/march/VB to {place} {when}",
    "the {noun} {verb} the long march/march/NN",
];

/// What can follow a clause.
pub(super) const ENDINGS: &[&str] = &[
    "",
    "",
    "",
    "{when}",
    "in {place}",
    "for the {adjective} {nouns}",
    "with {number} {nouns}",
    "near the {noun} of {organisation}",
    "{when}",
];

/// Between two clauses.
pub(super) const JOINTS: &[&str] = &["and", ", but", "while", "after", ", and", "because"];

/// The part of speech of a word that stands alone in a clause.
pub(super) fn pos_of(word: &str) -> &'static str {
    match word {
        "the" | "a" => "DT",
        "of" | "in" | "near" | "for" | "with" | "between" | "while" | "after" | "because"
        | "on" => "IN",
        "and" | "but" => "CC",
        "to" => "TO",
        "," => ",",
        "." => ".",
        "long" => "JJ",
        _ => "NN",
    }
}
