//! The rooms of the crate and what each may use, according to the table in CONTRIBUTING.md; and the
//! rooms of the command, which must not use each other in a ring either.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the crate's root re-exports these names from.
const REEXPORTED: [(&str, &str); 6] = [
    ("Error", "error"),
    ("Profile", "lab"),
    ("Result", "error"),
    ("Rng", "rng"),
    ("Seed", "rng"),
    ("Table", "table"),
];

/// Every room may use these.
const GROUND: [&str; 3] = ["error", "files", "rng"];

#[test]
fn every_room_uses_what_it_may() {
    let rule = rule();
    let mut broken = Vec::new();
    for file in sources(&library()) {
        let room = room(&file);
        for used in used_rooms(&fs::read_to_string(&file).unwrap()) {
            let allowed = rule
                .get(&room)
                .is_some_and(|allowed| allowed.contains(&used));
            if used != room && !allowed && !GROUND.contains(&used.as_str()) {
                broken.push(format!("{}: `{room}` uses `{used}`", file.display()));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "not in the table of CONTRIBUTING.md:\n{}",
        broken.join("\n")
    );
}

#[test]
fn the_table_has_every_room_and_nothing_else() {
    let rooms: BTreeSet<String> = sources(&library()).iter().map(|file| room(file)).collect();
    let ground = GROUND.map(String::from);
    let listed: BTreeSet<String> = rule().into_keys().chain(ground).collect();
    assert_eq!(listed, rooms);
}

#[test]
fn what_the_table_allows_is_used_and_never_in_a_ring() {
    let used = uses(&library());
    let mut above = Vec::new();
    for (room, allowed) in rule_in_order() {
        for lower in allowed {
            assert!(
                above.contains(&lower),
                "`{room}` may use `{lower}`, which is not above it"
            );
            assert!(
                used[&room].contains(&lower),
                "`{room}` may use `{lower}` and does not"
            );
        }
        above.push(room);
    }
}

#[test]
fn no_rooms_of_the_command_use_each_other_in_a_ring() {
    let mut uses = uses(&root().join("../environment/src"));
    assert!(uses["kernel"].contains("engine"), "{uses:?}");
    // Take away whatever uses nothing that is left; of a ring, something stays.
    loop {
        let rooms: BTreeSet<String> = uses.keys().cloned().collect();
        uses.retain(|room, used| used.iter().any(|used| used != room && rooms.contains(used)));
        if uses.len() == rooms.len() {
            break;
        }
    }
    assert!(uses.is_empty(), "a ring among {uses:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The source of the library.
fn library() -> PathBuf {
    root().join("src")
}

/// For each room below `source`, the rooms that it uses.
fn uses(source: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in sources(source) {
        let found = used_rooms(&fs::read_to_string(&file).unwrap());
        uses.entry(room(&file)).or_default().extend(found);
    }
    uses
}

/// The rooms of the table and what each may use.
fn rule() -> BTreeMap<String, BTreeSet<String>> {
    rule_in_order().into_iter().collect()
}

/// The rows of the table: a room in the first column, what it may use in the last.
fn rule_in_order() -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(root().join("../CONTRIBUTING.md")).unwrap();
    let words = |cell: &str| -> BTreeSet<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| room |"));
    let rows: Vec<_> = (rows.skip(2).take_while(|line| line.starts_with('|')))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let room = words(cells[0]).pop_first().unwrap();
            (room, words(cells[cells.len() - 1]))
        })
        .collect();
    assert!(
        rows.len() > 10,
        "CONTRIBUTING.md has a table that begins `| room |`"
    );
    rows
}

/// The source files that belong to a room. The root, which re-exports, and tests may use all.
fn sources(source: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("src/lib.rs")
                && !path.ends_with("src/main.rs")
                && !path.ends_with("tests.rs")
            {
                files.push(path);
            }
        }
    }
    files
}

/// The room of a source file: `nn` for `src/nn/dense.rs`, `rng` for `src/rng.rs`.
fn room(file: &Path) -> String {
    let inside = file
        .components()
        .rev()
        .take_while(|part| part.as_os_str() != "src");
    Path::new(inside.last().unwrap().as_os_str())
        .file_stem()
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

/// The names that follow `crate::` in the code before its tests.
fn used_rooms(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    let code: String = lines.collect::<Vec<_>>().join(" ");
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => names.extend(first_words(group)),
            None => names.extend(word(rest)),
        }
    }
    let room = |name: String| {
        let known = REEXPORTED
            .iter()
            .find(|(reexported, _)| *reexported == name);
        known.map_or(name, |(_, room)| (*room).to_owned())
    };
    names.into_iter().map(room).collect()
}

/// The first word of each path in a group, up to the brace that closes it.
fn first_words(group: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                words.extend(word(group[start..at].trim_start()));
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn paths_are_found_in_groups_and_in_code_but_not_in_comments_and_tests() {
    let source = "\
use crate::ops::{self, gemm};
use crate::{Error, metrics::labels, nn::{Dense, Layer}};
// crate::plot
fn f() -> crate::train::History { todo!() }
#[cfg(test)]
mod tests { use crate::data::Mnist; }
";
    let found: Vec<String> = used_rooms(source).into_iter().collect();
    assert_eq!(found, ["error", "metrics", "nn", "ops", "train"]);
}
