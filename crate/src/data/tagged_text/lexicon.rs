//! The words of generated sentences: a few that are English, and names that nobody bears.

use std::collections::HashSet;

use crate::Rng;

/// Nouns, the frequent ones first. Their plural ends in `s`.
pub(super) const NOUNS: &[&str] = &[
    "government",
    "leader",
    "official",
    "group",
    "force",
    "report",
    "attack",
    "election",
    "talk",
    "minister",
    "soldier",
    "faction",
    "plan",
    "firm",
    "court",
    "troop",
    "region",
    "law",
    "school",
    "market",
    "village",
    "border",
    "protest",
    "vote",
    "worker",
    "rebel",
    "weapon",
    "price",
    "road",
    "river",
    "reporter",
    "doctor",
    "storm",
    "bank",
    "bridge",
    "camp",
    "farmer",
    "crop",
    "harbour",
    "miner",
    "teacher",
    "train",
    "ship",
    "factory worker",
    "pipeline",
    "summit",
    "pact",
    "investor",
    "witness account",
    "drought",
    "prison",
    "judge",
    "lawyer",
    "student",
    "truck",
    "engineer",
    "island",
    "mountain",
    "forest",
    "museum",
    "painter",
    "singer",
    "goal",
    "season",
    "coach",
    "stadium",
    "ticket",
    "letter",
    "budget",
    "fee",
    "loan",
    "debt",
    "export",
    "import",
    "harvest",
    "well",
    "pump",
    "clinic",
    "vaccine",
    "patient",
    "nurse",
    "flood",
    "wall",
    "tower",
    "square",
    "curfew",
    "convoy",
    "checkpoint",
    "patrol",
    "helicopter",
    "airport",
    "satellite",
    "rocket",
    "lab",
    "fossil",
    "planet",
    "telescope",
    "march",
];

/// Verbs: dictionary form and past.
pub(super) const VERBS: &[[&str; 2]] = &[
    ["say", "said"],
    ["report", "reported"],
    ["call", "called"],
    ["accuse", "accused"],
    ["kill", "killed"],
    ["announce", "announced"],
    ["attack", "attacked"],
    ["reject", "rejected"],
    ["support", "supported"],
    ["meet", "met"],
    ["visit", "visited"],
    ["win", "won"],
    ["lose", "lost"],
    ["build", "built"],
    ["close", "closed"],
    ["open", "opened"],
    ["warn", "warned"],
    ["praise", "praised"],
    ["delay", "delayed"],
    ["welcome", "welcomed"],
    ["criticise", "criticised"],
    ["defend", "defended"],
    ["approve", "approved"],
    ["discuss", "discussed"],
    ["cancel", "cancelled"],
    ["repair", "repaired"],
    ["protect", "protected"],
    ["search", "searched"],
    ["free", "freed"],
    ["study", "studied"],
    ["choose", "chose"],
];

/// Adjectives, the frequent ones first.
pub(super) const ADJECTIVES: &[&str] = &[
    "new", "former", "several", "military", "local", "senior", "large", "foreign", "heavy",
    "joint", "nuclear", "annual", "northern", "southern", "armed", "economic", "private", "poor",
    "public", "old", "strong", "peaceful", "broken", "secret", "rare", "young", "empty", "famous",
    "modern", "early", "long", "narrow", "popular", "cheap", "deep", "quiet", "bitter", "golden",
    "distant",
];

/// What only a person, an organisation or a place does, with the words that follow. They tell of
/// which kind the name before them is.
pub(super) const OF_PERSONS: &[&str] = &[
    "told/tell/VBD reporters/reporter/NNS",
    "married/marry/VBD a/a/DT singer/singer/NN",
    "smiled/smile/VBD",
    "resigned/resign/VBD",
    "was/be/VBD born/bear/VBN",
    "wrote/write/VBD a/a/DT letter/letter/NN",
    "fell/fall/VBD ill/ill/JJ",
];
pub(super) const OF_ORGANISATIONS: &[&str] = &[
    "hired/hire/VBD engineers/engineer/NNS",
    "merged/merge/VBD with/with/IN a/a/DT bank/bank/NN",
    "shares/share/NNS rose/rise/VBD",
    "employs/employ/VBZ workers/worker/NNS",
    "shareholders/shareholder/NNS voted/vote/VBD",
    "went/go/VBD bankrupt/bankrupt/JJ",
];
pub(super) const OF_PLACES: &[&str] = &[
    "was/be/VBD flooded/flood/VBN",
    "lies/lie/VBZ on/on/IN the/the/DT coast/coast/NN",
    "has/have/VBZ a/a/DT harbour/harbour/NN",
    "airport/airport/NN was/be/VBD closed/close/VBN",
    "streets/street/NNS were/be/VBD empty/empty/JJ",
    "borders/border/VBZ the/the/DT sea/sea/NN",
];

pub(super) const WEEKDAYS: &[&str] = &[
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Months. April, May, June and August are first names here, too, and `march` is a noun.
pub(super) const MONTHS: &[&str] = &[
    "March", "May", "April", "June", "August", "January", "December", "July", "October",
];

pub(super) const FIRST_NAMES: &[&str] = &[
    "John", "May", "Maria", "April", "Ali", "June", "Chen", "Anna", "August", "Ivan", "Noor",
    "Pablo", "Ines", "Kofi", "Yuki",
];

/// The names of a generated world.
pub(super) struct Names {
    pub(super) persons: Vec<String>,
    pub(super) places: Vec<String>,
    pub(super) organisations: Vec<String>,
    /// Peoples, in the order of the places that they live in.
    pub(super) peoples: Vec<String>,
}

/// How many names there are of each kind of its own, and how many that belong to two or to all.
const OWN: usize = 260;
const SHARED: usize = 60;

impl Names {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut names = Self {
            persons: Vec::new(),
            places: Vec::new(),
            organisations: Vec::new(),
            peoples: Vec::new(),
        };
        let mut taken = HashSet::new();
        let mut fresh = |rng: &mut Rng, endings: &[&str]| loop {
            let name = invented(rng, endings);
            if taken.insert(name.clone()) {
                return name;
            }
        };
        // Shared names come first, and those are the frequent ones.
        for place in 0..SHARED + OWN {
            if place < SHARED {
                let name = fresh(rng, &["", "", "a", "on", "er"]);
                let left_out = rng.below(4); // 3: none
                if left_out != 0 {
                    names.persons.push(name.clone());
                }
                if left_out != 1 {
                    names.places.push(name.clone());
                }
                if left_out != 2 {
                    names.organisations.push(name);
                }
            } else {
                let person = fresh(rng, &["son", "ez", "ov", "i", "er", ""]);
                names.persons.push(person);
                let of_place = fresh(rng, &["ia", "stan", "ville", "burg", "a", ""]);
                names.places.push(of_place);
                let organisation = match rng.below(3) {
                    0 => fresh(rng, &["tech", "bank", "oil"]),
                    1 => acronym(rng),
                    _ => fresh(rng, &["", "er", "on"]),
                };
                names.organisations.push(organisation);
            }
        }
        names.peoples = names.places.iter().map(|place| people(place)).collect();
        names
    }
}

/// Two syllables and an ending.
fn invented(rng: &mut Rng, endings: &[&str]) -> String {
    const ONSETS: &[&str] = &[
        "b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "dr", "kh",
        "st", "tr", "sh",
    ];
    const VOWELS: &[&str] = &["a", "e", "i", "o", "u", "ai", "ou"];
    const CODAS: &[&str] = &["", "l", "n", "r", "s", "k", "m"];
    let mut pick = |list: &[&'static str]| list[rng.below(list.len())];
    let mut name = String::new();
    for _ in 0..2 {
        name += pick(ONSETS);
        name += pick(VOWELS);
    }
    name += pick(CODAS);
    name += endings[rng.below(endings.len())];
    capitalised(&name)
}

fn acronym(rng: &mut Rng) -> String {
    (0..3)
        .map(|_| char::from(b'A' + rng.below(26) as u8))
        .collect()
}

/// Who lives in a place: `Belorian`, `Toskan`.
fn people(place: &str) -> String {
    match place.strip_suffix("stan") {
        Some(stem) => format!("{stem}i"),
        None if place.ends_with("ia") => format!("{place}n"),
        None => format!("{}an", place.trim_end_matches('a')),
    }
}

/// The word with a capital at its beginning.
pub(super) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}
