//! Small tables with the quirks of the real ones, written for these tests.

use proptest::prelude::*;

use super::*;

/// As Kaggle's `ner.csv`: an index without a name, more columns than are used, cp1252, a row that
/// has swallowed another one, rows without a value, quotation marks as words.
const KAGGLE: &[u8] = b",lemma,pos,prev-iob,prev-word,word,tag\n\
    0,thousand,NNS,__START1__,__START1__,Thousands,O\n\
    1,march,VBN,O,Thousands,marched,O\n\
    2,\"\"\"\",``,O,marched,\"\"\"\",O\n\
    3,s\xe3o,NNP,O,\"\"\"\",S\xe3o,B-geo\n\
    4,paulo,NNP,B-geo,S\xe3o,Paulo,I-geo\n\
    5,...,:,I-geo,Paulo,\x85,O\n\
    6,he,PRP,__START1__,__START1__,He,O\n\
    7,go,VBD,O,He,went,7,go,VBD,O,He,went,O\n\
    8,to,TO,O,went,,O\n\
    9,\"a,b\",NNP,O,to,\"A,B\",I-org\n\
    10,.,.,I-org,A,.,O\n";

/// As Kaggle's `ner_dataset.csv`: a number at the first word of a sentence alone.
const DATASET: &[u8] = b"Sentence #,Word,POS,Tag\n\
    Sentence: 1,Families,NNS,O\n\
    ,of,IN,O\n\
    ,Iran,NNP,B-geo\n\
    Sentence: 2,May,NNP,B-tim\n\
    ,5,CD,I-tim\n";

/// The same columns separated by tabs, with a number in every row.
const TABS: &[u8] = b"\tSentence #\tWord\tPOS\tTag\r\n\
    0\t1.0\tFamilies\tNNS\tO\r\n\
    1\t1.0\t\"\"\"\"\t``\tO\r\n\
    2\t2.0\tIran\tNNP\tB-geo\r\n";

fn table(content: &[u8]) -> Result<TaggedText> {
    table::parse("ner.csv", content)
}

fn conll(content: &str) -> Result<TaggedText> {
    conll::parse("wnut.conll", content.as_bytes())
}

fn joined(sentences: &Sentences) -> Vec<String> {
    sentences.iter().map(|words| words.join(" ")).collect()
}

#[test]
fn the_file_of_the_course_is_read_with_its_quirks() {
    let text = table(KAGGLE).unwrap();
    assert_eq!(
        joined(&text.words),
        ["Thousands marched \" São Paulo …", "He A,B ."]
    );
    assert_eq!(
        joined(&text.lemmas),
        ["thousand march \" são paulo ...", "he a,b ."]
    );
    assert_eq!(joined(&text.pos), ["NNS VBN `` NNP NNP :", "PRP NNP ."]);
    assert_eq!(joined(&text.tags), ["O O O B-geo I-geo O", "O B-org O"]);
    let notes = ReadingNotes {
        bad_rows: 1,
        incomplete_rows: 1,
        repaired_tags: 1,
    };
    assert_eq!(text.notes, notes);
    assert_eq!(
        text.to_string(),
        "2 sentences, 9 words, 9 different lemmas, 4 tags; 1 rows with a wrong number of fields \
         skipped; 1 incomplete rows skipped; 1 tags I- that began a name made B-"
    );
    assert_eq!((text.len(), text.word_count(), text.longest()), (2, 9, 6));
}

#[test]
fn tables_with_numbered_sentences_are_read() {
    let text = table(DATASET).unwrap();
    assert_eq!(joined(&text.words), ["Families of Iran", "May 5"]);
    assert_eq!(joined(&text.lemmas), ["families of iran", "may 5"]);
    assert_eq!(joined(&text.tags), ["O O B-geo", "B-tim I-tim"]);
    let text = table(TABS).unwrap();
    assert_eq!(joined(&text.words), ["Families \"", "Iran"]);
    assert_eq!(text.notes, ReadingNotes::default());
}

#[test]
fn utf_8_is_read_as_such() {
    let text = table("word,pos,tag,Sentence #\nZürich,NNP,B-geo,1\n€,NN,O,\n".as_bytes()).unwrap();
    assert_eq!(joined(&text.words), ["Zürich €"]);
}

#[test]
fn a_table_of_something_else_is_refused() {
    let refused = |content: &[u8]| table(content).unwrap_err().to_string();
    assert_eq!(
        refused(b"word,pos,label,Sentence #\n"),
        "ner.csv: line 1 should name the columns, and `tag` is not among them; found is `word`, `pos`, `label`, `Sentence #`."
    );
    assert!(refused(b"word,pos,tag\nLima,NNP,B-geo\n").contains("`prev-iob` or `Sentence #`"));
    assert!(refused(b"").contains("line 1 should name the columns"));
    assert_eq!(
        refused(b"word,pos,tag,Sentence #\n"),
        "ner.csv: it has no words; expected is a word a line, each with a tag."
    );
    assert_eq!(
        refused(b"word,pos,tag,Sentence #\na,DT,O,1\nLima,NNP,geo,\n"),
        "ner.csv: line 3: the tag is `geo`, but expected is `O`, or `B-` or `I-` followed by a kind, such as `B-geo`."
    );
    let open_quote = refused(b"word,pos,tag,Sentence #\n\"\n,``,O,1\",NN,O,1\n");
    assert!(
        open_quote.contains("line 2: a field that begins there with a quotation mark"),
        "{open_quote}"
    );
}

#[test]
fn files_of_conll_are_read() {
    let text = conll(
        "-DOCSTART- -X- -X- O\n\nEU NNP B-NP I-ORG\nrejects VBZ B-VP O\n\n\nLima NNP B-NP B-LOC\n",
    );
    let text = text.unwrap();
    assert_eq!(joined(&text.words), ["EU rejects", "Lima"]);
    assert_eq!(joined(&text.pos), ["NNP VBZ", "NNP"]);
    assert_eq!(joined(&text.tags), ["B-ORG O", "B-LOC"]);
    assert_eq!(text.notes.repaired_tags, 1);
    // WNUT-17: tabs, two columns, lines of tabs between sentences.
    let text = conll("@paulwalk\tO\nESB\tB-location\n\t\t\nFrom\tO\r\n").unwrap();
    assert_eq!(joined(&text.words), ["@paulwalk ESB", "From"]);
    assert_eq!(joined(&text.pos), ["X X", "X"]);
}

#[test]
fn a_wrong_line_of_conll_is_named() {
    let refused = |content: &str| conll(content).unwrap_err().to_string();
    assert_eq!(
        refused("Lima B-geo\nEurope\n"),
        "wnut.conll: line 2 is `Europe`, but expected is a word and its tag, separated by a tab or spaces, or nothing between two sentences."
    );
    assert_eq!(
        refused("Lima NNP B-geo\n\nRome B-geo\n"),
        "wnut.conll: line 3 is `Rome B-geo`: 2 columns, but the lines above have 3, and the first is a word."
    );
    assert!(refused("Lima LOC\n").contains("line 1: the tag is `LOC`"));
    assert!(refused("\n\n").contains("no words"));
    let error = conll::parse("latin.conll", b"a O\n\xe3 O\n")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "latin.conll: line 2 is not UTF-8; save the file as UTF-8."
    );
}

#[test]
fn a_sentence_is_generated_the_same_however_many_there_are() {
    let few = TaggedText::generated(5, 1).unwrap();
    let many = TaggedText::generated(50, 1).unwrap();
    assert_eq!(few, many.select(&[0, 1, 2, 3, 4]).unwrap());
    assert_ne!(few, TaggedText::generated(5, 2).unwrap());
    assert!(TaggedText::generated(0, 1).is_err());
    let error = few.select(&[5]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the index of a sentence is 5, but it must be below 5, their number."
    );
}

/// The tag that each word has most often, in sentences of training, is not enough: names are of
/// several kinds, and only context tells which.
#[test]
fn generated_words_are_ambiguous_and_have_all_tags() {
    let text = TaggedText::generated(3000, 6202).unwrap();
    assert_eq!(text.notes, ReadingNotes::default());
    let tags: HashSet<&str> = text.tags.iter().flatten().map(AsRef::as_ref).collect();
    for kind in ["geo", "per", "org", "gpe", "tim", "art", "eve", "nat"] {
        for letter in ["B", "I"] {
            assert!(
                tags.contains(&*format!("{letter}-{kind}")),
                "{letter}-{kind}"
            );
        }
    }
    let mut kinds: std::collections::HashMap<&str, HashSet<&str>> = Default::default();
    for (word, tag) in text.words.iter().flatten().zip(text.tags.iter().flatten()) {
        kinds.entry(word).or_default().insert(tag);
    }
    let ambiguous = |word: &&Arc<str>| kinds[&***word].len() > 1;
    let names: Vec<&Arc<str>> = (text.words.iter().flatten())
        .zip(text.tags.iter().flatten())
        .filter(|(_, tag)| &***tag != "O")
        .map(|(word, _)| word)
        .collect();
    let share = names.iter().filter(|word| ambiguous(word)).count() as f64 / names.len() as f64;
    assert!(share > 0.4, "{share}");
}

proptest! {
    /// Whatever the bytes, there is a text or a sentence, and the four lists fit each other.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(table(&bytes));
        check(conll::parse("any.conll", &bytes));
    }

    /// The same for what nearly is a table.
    #[test]
    fn nearly_right_tables_are_read_or_refused(
        separator in prop::sample::select(vec![",", "\t", ";"]),
        fields in prop::collection::vec(
            prop::sample::select(vec![
                "O", "B-geo", "I-geo", "I-per", "", "\"", "\"\"\"\"", "__START1__", "1", "a\u{e9}",
                "\n", "\r\n", "word", "x,y",
            ]),
            0..60,
        ),
    ) {
        let rows: Vec<String> = fields.chunks(4).map(|row| row.join(separator)).collect();
        for names in ["word,pos,tag,prev-iob", "Sentence #,Word,POS,Tag", "word,pos"] {
            let names = names.replace(',', separator);
            check(table(format!("{names}\n{}", rows.join("\n")).as_bytes()));
        }
        check(conll(&rows.join("\n")));
    }
}

fn check(text: Result<TaggedText>) {
    match text {
        Err(error) => assert!(error.to_string().ends_with('.'), "{error}"),
        Ok(text) => {
            assert!(!text.is_empty() && text.words.iter().all(|words| !words.is_empty()));
            let lengths = |all: &Sentences| all.iter().map(Vec::len).collect::<Vec<_>>();
            for all in [&text.lemmas, &text.pos, &text.tags] {
                assert_eq!(lengths(all), lengths(&text.words));
            }
            for tags in &text.tags {
                for (place, tag) in tags.iter().enumerate() {
                    let before = place.checked_sub(1).map(|before| &*tags[before]);
                    assert!(iob::is_iob(tag) && iob::repaired(before, tag).is_none());
                }
            }
        }
    }
}
