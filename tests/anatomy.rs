//! Every notebook is built as `notebooks/ANATOMY.md` says.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{Edition, SyntaxKind};
use serde_json::Value;

const TAGS: [&str; 9] = [
    "profile", "exercise", "solution", "check", "probe", "mistake", "variant", "answer", "bands",
];

/// The most lines of a code cell.
const LINES: usize = 8;
/// The most characters of a line of code.
const WIDTH: usize = 100;
/// The most characters of a text that appears below what it is about.
const SEEN: usize = 450;
/// What the `slideshow` metadata of a cell may say.
const SLIDES: [&str; 6] = ["slide", "subslide", "fragment", "skip", "notes", "-"];
/// Cells with these tags are not shown on slides.
const NOT_SHOWN: [&str; 7] = [
    "profile", "check", "probe", "mistake", "variant", "answer", "bands",
];

/// The headings of the sections that every lab ends with.
const CLOSING: [&str; 3] = [
    "## What to remember",
    "## Further reading",
    "## Expected results",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks")
}

/// Name and content of every notebook.
fn notebooks() -> Vec<(String, Value)> {
    let entries = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "ipynb")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        (name, serde_json::from_str(&text).unwrap())
    };
    paths.into_iter().map(read).collect()
}

struct Cell<'a>(&'a Value);

impl Cell<'_> {
    fn id(&self) -> &str {
        self.0["id"].as_str().unwrap_or_default()
    }

    fn is_code(&self) -> bool {
        self.0["cell_type"] == "code"
    }

    fn source(&self) -> String {
        let lines = self.0["source"].as_array().into_iter().flatten();
        lines.filter_map(Value::as_str).collect()
    }

    fn tags(&self) -> Vec<&str> {
        let tags = self.0["metadata"]["tags"].as_array().into_iter().flatten();
        tags.filter_map(Value::as_str).collect()
    }

    fn has(&self, tag: &str) -> bool {
        self.tags().contains(&tag)
    }
}

fn cells(notebook: &Value) -> Vec<Cell<'_>> {
    notebook["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(Cell)
        .collect()
}

#[test]
fn cells_have_unique_ids_known_tags_and_no_outputs() {
    for (name, notebook) in notebooks() {
        assert_eq!(
            (&notebook["nbformat"], &notebook["nbformat_minor"]),
            (&4.into(), &5.into())
        );
        let mut ids = HashSet::new();
        for cell in cells(&notebook) {
            let id = cell.id();
            assert!(
                !id.is_empty() && ids.insert(id.to_owned()),
                "{name}: the id {id:?}"
            );
            for tag in cell.tags() {
                assert!(
                    TAGS.contains(&tag),
                    "{name}, {id}: the tag {tag:?} is not known"
                );
            }
            if cell.is_code() {
                assert_eq!(cell.0["outputs"], Value::Array(Vec::new()), "{name}, {id}");
                assert!(cell.0["execution_count"].is_null(), "{name}, {id}");
                assert!(!cell.source().trim().is_empty(), "{name}, {id} is empty");
            }
        }
    }
}

#[test]
fn a_notebook_begins_with_title_picture_minutes_and_profile() {
    for (name, notebook) in notebooks() {
        let cells = cells(&notebook);
        let title = cells[0].source();
        let number = name.split('_').next().unwrap();
        assert!(title.starts_with(&format!("# {number} · ")), "{name}");
        for part in [
            "you will",
            "§",
            "to teach",
            "profile `full`",
            "profile `quick`",
            "profile `course`",
        ] {
            assert!(
                title.contains(part),
                "{name}: the title cell has no {part:?}"
            );
        }
        assert!(
            number == "00" || title.contains("](00_rust_for_keras_users.ipynb)"),
            "{name}: the title cell does not link to lab 00"
        );
        let minutes = title.lines().filter(|line| line.starts_with("| to "));
        for line in minutes {
            let minutes = line.rsplit('|').nth(1).unwrap().trim();
            assert!(
                minutes.parse::<f64>().is_ok(),
                "{name}: {line:?} has no number of minutes"
            );
        }
        // Attached: a notebook is opened from other folders, too.
        let attached = title
            .split("](attachment:")
            .nth(1)
            .and_then(|rest| rest.split(')').next());
        let attached = attached.unwrap_or_else(|| panic!("{name}: no picture"));
        let picture = &notebook["cells"][0]["attachments"][attached]["image/png"];
        assert!(picture.is_string(), "{name}: {attached} is not attached");

        let first = cells.iter().find(|cell| cell.is_code()).unwrap();
        assert!(
            first.has("profile"),
            "{name}: the first code cell is not the profile's"
        );
        assert!(first.source().contains("Profile::current()"), "{name}");
        // What the profiles are, and how another one is chosen.
        let text: String = cells.iter().map(Cell::source).collect();
        assert!(text.contains("cargo cuaderno lab --profile"), "{name}");
        assert_eq!(
            cells.iter().filter(|cell| cell.has("profile")).count(),
            1,
            "{name}"
        );
    }
}

/// A cell is read at one glance, from the last row of a lecture hall, too.
#[test]
fn cells_are_short() {
    for (name, notebook) in notebooks() {
        for cell in cells(&notebook) {
            if cell.0["cell_type"] == "markdown" {
                continue;
            }
            let (id, source) = (cell.id(), cell.source());
            let lines = source.lines().count();
            assert!(
                lines <= LINES || !cell.is_code() || cell.has("solution"),
                "{name}, {id} has {lines} lines; {LINES} are the most"
            );
            for line in source.lines() {
                let width = line.chars().count();
                assert!(
                    width <= WIDTH,
                    "{name}, {id}: {width} characters, {WIDTH} are the most: {line}"
                );
            }
        }
    }
}

/// Each section says how long it takes and whether it belongs to the core, and the core takes what
/// the title cell says.
#[test]
fn sections_have_their_minutes() {
    for (name, notebook) in notebooks() {
        let cells = cells(&notebook);
        let mut core = 0;
        for cell in cells
            .iter()
            .filter(|cell| cell.0["cell_type"] == "markdown")
        {
            let source = cell.source();
            let lines: Vec<&str> = source.lines().collect();
            for (place, line) in lines.iter().enumerate() {
                let is_section = line.starts_with("## ") && !CLOSING.contains(line);
                let mark = lines.get(place + 2).and_then(|mark| minutes(mark));
                if is_section {
                    assert!(mark.is_some(), "{name}: {line} has no minutes below it");
                }
                if line.starts_with('#')
                    && let Some((true, minutes)) = mark
                {
                    core += minutes;
                }
            }
        }
        let title = cells[0].source();
        let said = title
            .lines()
            .find_map(|line| line.strip_prefix("| to teach, the core | "));
        assert_eq!(
            said,
            Some(&*format!("{core} |")),
            "{name}: the core's minutes"
        );
    }
}

/// So that an extra can be left out, cells and all.
#[test]
fn the_core_needs_nothing_of_an_extra() {
    for (name, notebook) in notebooks() {
        let (mut in_extra, mut in_subsection) = (false, false);
        let mut of_extras = HashSet::new();
        for cell in cells(&notebook) {
            let source = cell.source();
            if !cell.is_code() {
                let lines: Vec<&str> = source.lines().collect();
                for (place, line) in lines.iter().enumerate() {
                    let mark = lines.get(place + 2).copied().unwrap_or_default();
                    if line.starts_with("### ") {
                        assert!(
                            mark.starts_with('*') || !in_subsection,
                            "{name}, {}: behind an extra, say `*Core again.*`",
                            cell.id()
                        );
                        in_subsection = mark.starts_with("*Extra");
                    } else if line.starts_with("## ") {
                        in_subsection = false;
                    }
                    in_extra = match line.starts_with('#') {
                        true if mark.starts_with("*Extra") => true,
                        true if mark.starts_with("*Core") => false,
                        // What a lab ends with may ask for the results of an extra.
                        true if CLOSING.contains(line) => true,
                        _ => in_extra,
                    };
                }
                continue;
            }
            let own = defined(&source);
            if in_extra {
                of_extras.extend(own);
                continue;
            }
            of_extras.retain(|word| !own.contains(word));
            let used = words(&source)
                .into_iter()
                .find(|word| of_extras.contains(word));
            assert_eq!(used, None, "{name}, {}: an extra makes it", cell.id());
        }
    }
}

/// The names in a cell that are not fields, methods or parts of a path, those in braces of a text too.
fn words(source: &str) -> HashSet<String> {
    let tokens = LexedStr::new(Edition::Edition2024, source);
    let is_name = |token: &usize| {
        let before = token.checked_sub(1).map(|before| tokens.kind(before));
        tokens.kind(*token) == SyntaxKind::IDENT
            && !matches!(before, Some(SyntaxKind::DOT | SyntaxKind::COLON))
    };
    let names = (0..tokens.len()).filter(is_name);
    let texts = (0..tokens.len()).filter(|token| tokens.kind(*token) == SyntaxKind::STRING);
    let in_braces = texts.flat_map(|token| tokens.text(token).split('{').skip(1));
    let in_braces = in_braces.flat_map(|text| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
    });
    let names = names.map(|token| tokens.text(token));
    names.chain(in_braces).map(str::to_owned).collect()
}

/// The names that a cell gives: behind `let`, `for`, `fn`, and before a type.
fn defined(source: &str) -> HashSet<String> {
    let tokens = LexedStr::new(Edition::Edition2024, source);
    let (mut names, mut is_pattern) = (HashSet::new(), false);
    for token in 0..tokens.len() {
        match tokens.kind(token) {
            SyntaxKind::LET_KW | SyntaxKind::FOR_KW | SyntaxKind::FN_KW => is_pattern = true,
            SyntaxKind::EQ | SyntaxKind::IN_KW | SyntaxKind::COLON | SyntaxKind::SEMICOLON => {
                is_pattern = false;
            }
            // A function without a name.
            SyntaxKind::PIPE => is_pattern = !is_pattern,
            SyntaxKind::IDENT if is_pattern || is_before_type(&tokens, token) => {
                names.insert(tokens.text(token).to_owned());
            }
            _ => {}
        }
    }
    names
}

/// Whether what follows is `:`, and not a path's `::`.
fn is_before_type(tokens: &LexedStr, token: usize) -> bool {
    let is_colon = |place: usize| place < tokens.len() && tokens.kind(place) == SyntaxKind::COLON;
    is_colon(token + 1) && !is_colon(token + 2)
}

/// `*Core, 10 minutes.*` or `*Extra, 10 minutes.*`: whether it is the core's, and the minutes.
fn minutes(mark: &str) -> Option<(bool, usize)> {
    let (part, minutes) = mark
        .strip_prefix('*')?
        .strip_suffix(" minutes.*")?
        .split_once(", ")?;
    let is_core = match part {
        "Core" => true,
        "Extra" => false,
        _ => return None,
    };
    Some((is_core, minutes.parse().ok()?))
}

/// A slide has one idea: a heading and its text, or a piece of code with what it shows.
#[test]
fn cells_say_how_they_become_slides() {
    for (name, notebook) in notebooks() {
        let mut code_on_slide = 0;
        for (place, cell) in cells(&notebook).iter().enumerate() {
            let id = cell.id();
            let slide = cell.0["metadata"]["slideshow"]["slide_type"].as_str();
            let slide = slide.unwrap_or_default();
            assert!(
                SLIDES.contains(&slide),
                "{name}, {id}: the metadata slideshow.slide_type is {slide:?}; give it one of {SLIDES:?}"
            );
            assert!(
                slide != "fragment" || cell.source().chars().count() <= SEEN,
                "{name}, {id}: too long to stand below what it is about; make its slide_type notes"
            );
            let tags = cell.tags();
            let is_code_of_solution = cell.has("solution") && cell.is_code();
            if is_code_of_solution || tags.iter().any(|tag| NOT_SHOWN.contains(tag)) {
                assert_eq!(
                    slide, "skip",
                    "{name}, {id}: tagged {tags:?}, so not on a slide"
                );
            } else if cell.has("solution") {
                assert_eq!(
                    slide, "notes",
                    "{name}, {id}: the answer to a question is for the speaker"
                );
            }
            if place == 0 || (cell.source().starts_with("## ") && !id.starts_with("bands")) {
                assert_eq!(slide, "slide", "{name}, {id}: a section begins a slide");
            }
            if slide == "slide" || slide == "subslide" {
                code_on_slide = 0;
            }
            code_on_slide += usize::from(cell.is_code() && slide != "skip");
            assert!(
                code_on_slide <= 1,
                "{name}, {id}: the second code cell on its slide; make it a subslide"
            );
        }
    }
}

/// A notebook that shows a network layer by layer draws it, too.
#[test]
fn networks_have_a_diagram() {
    for (name, notebook) in notebooks() {
        let cells = cells(&notebook);
        let shown = |words: &str| {
            cells.iter().any(|cell| {
                cell.is_code() && cell.tags().is_empty() && cell.source().contains(words)
            })
        };
        assert!(
            !shown("Sequential::input(") || shown(".diagram()?"),
            "{name} builds a network and has no cell with its `.diagram()?`"
        );
    }
}

#[test]
fn a_notebook_ends_with_what_to_remember_reading_and_bands() {
    for (name, notebook) in notebooks() {
        let cells = cells(&notebook);
        let text: String = cells
            .iter()
            .filter(|cell| !cell.is_code())
            .map(Cell::source)
            .collect();
        let [remember, reading, results] = CLOSING;
        let headings = ["## §", remember, reading, results];
        let places = headings.map(|heading| {
            text.find(heading)
                .unwrap_or_else(|| panic!("{name}: no heading {heading:?}"))
        });
        assert!(
            places.is_sorted(),
            "{name}: {headings:?} are not in this order"
        );
        let last = cells.last().unwrap();
        assert!(
            last.is_code() && last.has("bands"),
            "{name}: the last cell has no bands"
        );
        assert!(
            last.source().trim_end().ends_with("bands.check()?"),
            "{name}"
        );
    }
}

#[test]
fn an_exercise_is_followed_by_its_solution_and_its_check() {
    for (name, notebook) in notebooks() {
        let cells = cells(&notebook);
        let mut exercises = 0;
        for (place, cell) in cells.iter().enumerate() {
            let id = cell.id();
            if !cell.has("exercise") {
                continue;
            }
            exercises += 1;
            assert!(
                cells[place - 1].source().starts_with("**Exercise.**"),
                "{name}, {id}"
            );
            assert!(
                cell.source().contains("unsolved("),
                "{name}, {id} is solved"
            );
            let (solution, check) = (&cells[place + 1], &cells[place + 2]);
            assert!(
                solution.has("solution") && solution.is_code(),
                "{name}, {id}"
            );
            assert_eq!(
                solution.0["metadata"]["jupyter"]["source_hidden"], true,
                "{name}, {id}"
            );
            // By its full path: a function of that name of the student's own changes nothing.
            let calls = [
                "cuaderno::lab::check_close(",
                "cuaderno::lab::check_all_close(",
            ];
            assert!(
                check.has("check") && calls.iter().any(|call| check.source().contains(call)),
                "{name}, {id}"
            );
            let signature = |cell: &Cell| cell.source().lines().next().map(str::to_owned);
            assert_eq!(signature(cell), signature(solution), "{name}, {id}");

            let probe = &cells[place + 3];
            let calls = probe.source().contains("cuaderno::lab::probe(");
            assert!(
                probe.has("probe") && calls && probe.0["cell_type"] == "raw",
                "{name}, {id}: no probe after the check"
            );
            let answers: Vec<&Cell> = cells[place + 4..]
                .iter()
                .take_while(|cell| cell.has("mistake") || cell.has("variant"))
                .collect();
            let with = |tag| answers.iter().filter(|answer| answer.has(tag)).count();
            let (mistakes, variants) = (with("mistake"), with("variant"));
            assert!(
                mistakes >= 3 && variants >= 1,
                "{name}, {id}: {mistakes} mistakes and {variants} variants"
            );
            for answer in answers {
                assert_eq!(answer.0["cell_type"], "raw", "{name}, {}", answer.id());
                assert_eq!(
                    signature(cell),
                    signature(answer),
                    "{name}, {}",
                    answer.id()
                );
            }
        }
        let checks = cells.iter().filter(|cell| cell.has("check")).count();
        assert!(
            exercises > 0 && checks == exercises,
            "{name}: {exercises} and {checks}"
        );
    }
}

#[test]
fn a_question_is_followed_by_a_place_for_the_answer_and_a_folded_one() {
    for (name, notebook) in notebooks() {
        let cells = cells(&notebook);
        let mut questions = 0;
        for (place, cell) in cells.iter().enumerate() {
            if !cell.source().starts_with("**Question.**") {
                continue;
            }
            questions += 1;
            let (answer, solution) = (&cells[place + 1], &cells[place + 2]);
            assert!(
                answer.has("answer") && !answer.is_code(),
                "{name}, {}",
                cell.id()
            );
            assert!(solution.has("solution"), "{name}, {}", cell.id());
            assert!(
                solution.source().starts_with("<details>"),
                "{name}, {}",
                cell.id()
            );
        }
        let answers = cells.iter().filter(|cell| cell.has("answer")).count();
        assert!(
            questions > 0 && answers == questions,
            "{name}: {questions} and {answers}"
        );
    }
}

/// `docs/course.md` says where each item of a course lies: the cells that it names are there.
#[test]
fn the_table_of_the_courses_names_cells_that_are_there() {
    let table = fs::read_to_string(folder().join("../docs/course.md")).unwrap();
    let mut named = 0;
    for (name, notebook) in notebooks() {
        let number = name.split('_').next().unwrap();
        let cells = cells(&notebook);
        let section = table
            .split("\n## ")
            .find(|section| section.starts_with(number));
        for row in section.into_iter().flat_map(str::lines) {
            let places = row.split('|').nth(2).unwrap_or_default();
            for id in places.split('`').skip(1).step_by(2) {
                named += 1;
                assert!(
                    cells.iter().any(|cell| cell.id() == id),
                    "docs/course.md: {name} has no cell {id:?}"
                );
            }
        }
    }
    assert!(named > 30, "{named}");
}
