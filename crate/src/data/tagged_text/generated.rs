//! Sentences made by a program.

use super::grammar::{CLAUSES, ENDINGS, JOINTS, pos_of};
use super::lexicon::{
    ADJECTIVES, FIRST_NAMES, MONTHS, NOUNS, Names, OF_ORGANISATIONS, OF_PERSONS, OF_PLACES, VERBS,
    WEEKDAYS, capitalised,
};
use super::{Growing, TaggedText};
use crate::{Error, Result, Rng};

/// This many sentences.
pub(super) fn generate(sentences: usize, seed: u64) -> Result<TaggedText> {
    if sentences == 0 {
        return Err(Error::argument("the number of sentences", 0, "1 or more"));
    }
    let rng = Rng::new(seed);
    let names = Names::new(&mut rng.child(0));
    let mut text = Growing::default();
    for number in 1..=sentences as u64 {
        // Its own generator: a sentence is the same however many there are.
        let mut writer = Writer {
            rng: rng.child(number),
            names: &names,
            words: Vec::new(),
        };
        writer.sentence();
        text.begin_sentence();
        for word in writer.words {
            text.push(&word.word, &word.lemma, word.pos, &word.tag);
        }
    }
    text.finish("the generated text")
}

struct Word {
    word: String,
    lemma: String,
    pos: &'static str,
    tag: String,
}

struct Writer<'a> {
    rng: Rng,
    names: &'a Names,
    words: Vec<Word>,
}

impl Writer<'_> {
    fn sentence(&mut self) {
        let clauses = self.pick(&[1, 1, 1, 2, 2, 3]);
        for clause in 0..clauses {
            if clause > 0 {
                let joint = self.pick(JOINTS);
                self.clause(joint);
            }
            let (clause, ending) = (self.pick(CLAUSES), self.pick(ENDINGS));
            self.clause(clause);
            self.clause(ending);
        }
        self.plain(".", ".", ".");
        self.words[0].word = capitalised(&self.words[0].word);
    }

    fn clause(&mut self, clause: &'static str) {
        for part in clause.split_whitespace() {
            match part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            {
                Some(place) => self.fill(place),
                None => self.fixed(part),
            }
        }
    }

    /// A word of a clause: `word/lemma/POS`, or the word alone.
    fn fixed(&mut self, part: &'static str) {
        let fields: Vec<&'static str> = part.split('/').collect();
        match fields[..] {
            [word, lemma, pos] => self.plain(word, lemma, pos),
            _ => self.plain(part, part, pos_of(part)),
        }
    }

    fn fill(&mut self, place: &str) {
        let names = self.names;
        match place {
            "noun" => self.noun("", "NN"),
            "nouns" => self.noun("s", "NNS"),
            "adjective" => {
                let adjective = self.frequent(ADJECTIVES);
                self.plain(adjective, adjective, "JJ");
            }
            "verb" => {
                let [lemma, past] = VERBS[self.zipf(VERBS.len())];
                self.plain(past, lemma, "VBD");
            }
            "number" => self.number(),
            "person" => self.person(),
            "place" => {
                let place = self.zipf(names.places.len());
                self.directed(&names.places[place], "geo", "NNP");
            }
            "organisation" => self.organisation(),
            "people" => {
                let people = self.zipf(names.peoples.len());
                self.directed(&names.peoples[people], "gpe", "JJ");
            }
            // Their names stand alone: only what they do tells them apart.
            "person-does" => self.does(&names.persons, "per", OF_PERSONS),
            "organisation-does" => self.does(&names.organisations, "org", OF_ORGANISATIONS),
            "place-does" => self.does(&names.places, "geo", OF_PLACES),
            "when" => self.when(),
            "event" => {
                let title = names.places[self.zipf(names.places.len())].clone();
                let kind = self.pick(&["Cup", "Games", "Festival"]);
                self.entity(&[&title, kind], "eve");
            }
            "nature" => {
                let title = self.pick(FIRST_NAMES);
                self.entity(&["Hurricane", title], "nat");
            }
            _ => {
                let title = names.persons[self.zipf(names.persons.len())].clone();
                self.entity(&["Tales", "of", &title], "art");
            }
        }
    }

    fn noun(&mut self, plural: &str, pos: &'static str) {
        // Some are two words, of which the second has the plural.
        let noun = self.frequent(NOUNS);
        let mut words = noun.split(' ').peekable();
        while let Some(word) = words.next() {
            if words.peek().is_some() {
                self.plain(word, word, "NN");
            } else {
                self.plain(&format!("{word}{plural}"), word, pos);
            }
        }
    }

    /// A number of things. Often it looks like a year.
    fn number(&mut self) {
        let number = match self.rng.below(3) {
            0 => self.rng.below(90) + 2,
            1 => 100 * (self.rng.below(9) + 1),
            _ => self.year(),
        };
        self.plain(&number.to_string(), &number.to_string(), "CD");
    }

    fn year(&mut self) -> usize {
        2020 - self.zipf(60)
    }

    fn when(&mut self) {
        match self.rng.below(3) {
            0 => {
                let day = self.pick(WEEKDAYS);
                self.plain("on", "on", "IN");
                self.entity(&[day], "tim");
            }
            1 => {
                self.plain("in", "in", "IN");
                let year = self.year().to_string();
                self.entity(&[&year], "tim");
            }
            _ => {
                self.plain("in", "in", "IN");
                let (month, year) = (self.frequent(MONTHS), self.year().to_string());
                let parts = if self.rng.below(2) == 0 {
                    vec![month]
                } else {
                    vec![month, &year]
                };
                self.entity(&parts, "tim");
            }
        }
    }

    fn person(&mut self) {
        let family = self.names.persons[self.zipf(self.names.persons.len())].clone();
        if self.rng.below(3) == 0 {
            let first = self.frequent(FIRST_NAMES);
            self.entity(&[first, &family], "per");
        } else {
            self.name(&family, "per", "NNP");
        }
    }

    fn organisation(&mut self) {
        let name = self.names.organisations[self.zipf(self.names.organisations.len())].clone();
        if self.rng.below(3) == 0 {
            let kind = self.pick(&["Group", "Union"]);
            self.entity(&[&name, kind], "org");
        } else {
            self.name(&name, "org", "NNP");
        }
    }

    fn one_of(&mut self, names: &[String], kind: &str) {
        let name = self.zipf(names.len());
        self.name(&names[name], kind, "NNP");
    }

    /// A place or a people, of which some are the southern or the new one.
    fn directed(&mut self, name: &str, kind: &str, pos: &'static str) {
        if self.rng.below(6) == 0 {
            let direction = self.pick(&["South", "New"]);
            self.entity(&[direction, name], kind);
        } else {
            self.name(name, kind, pos);
        }
    }

    fn does(&mut self, names: &[String], kind: &str, what: &[&'static str]) {
        self.one_of(names, kind);
        let what = self.pick(what);
        self.clause(what);
    }

    fn entity(&mut self, parts: &[&str], kind: &str) {
        for (place, part) in parts.iter().enumerate() {
            let letter = if place == 0 { 'B' } else { 'I' };
            let pos = if *part == "of" { "IN" } else { "NNP" };
            self.push(part, &part.to_lowercase(), pos, format!("{letter}-{kind}"));
        }
    }

    fn name(&mut self, name: &str, kind: &str, pos: &'static str) {
        self.push(name, &name.to_lowercase(), pos, format!("B-{kind}"));
    }

    fn plain(&mut self, word: &str, lemma: &str, pos: &'static str) {
        self.push(word, lemma, pos, "O".into());
    }

    fn push(&mut self, word: &str, lemma: &str, pos: &'static str, tag: String) {
        let (word, lemma) = (word.to_owned(), lemma.to_owned());
        self.words.push(Word {
            word,
            lemma,
            pos,
            tag,
        });
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.rng.below(list.len())]
    }

    fn frequent(&mut self, words: &[&'static str]) -> &'static str {
        words[self.zipf(words.len())]
    }

    /// A rank below `n`: the first is drawn most often, as Zipf's law has it. The logarithm of the
    /// rank is uniform, so that rank k has a probability near 1 / k.
    fn zipf(&mut self, n: usize) -> usize {
        let rank = self.rng.between(0.0, ((n + 1) as f64).ln()).exp() as usize;
        rank.clamp(1, n) - 1
    }
}
