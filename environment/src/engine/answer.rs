//! The answer to a cell that does not compile: the first error that matters in one sentence, the
//! student's line with the place marked, what to do, and the line as it should be.

use std::collections::BTreeMap;
use std::ops::Range;

use ra_ap_syntax::{Edition, SourceFile};

use super::cell;
use super::diagnostics::{Applicability, Diagnostic, Report, Span};
use super::failure::Cells;
use super::hints::{self, Advice, Edit, Problem, Session};
use super::origins::Origins;
use super::place;
use super::syntax::{self, Unbalanced};

/// Errors behind the first that are told in a line each.
const MORE: usize = 3;
/// Places of the first error that are marked.
const MOST_PLACES: usize = 3;
/// Characters of a line that are shown.
const WIDTH: usize = 160;

/// What the student reads.
pub struct Answer {
    pub sentence: String,
    pub details: Vec<String>,
    /// The place of the first error, as `line 2`.
    pub place: Option<String>,
}

/// The answer that `report` gives to the last of `cells`, whose lines `moved`.
pub fn answer(
    report: &Report,
    cells: &Cells,
    moved: &BTreeMap<usize, (usize, usize)>,
    session: &Session,
) -> Answer {
    let origins = Origins::new(&report.source, cells.prepared, cells.marked, moved);
    let students: Vec<_> = report
        .errors
        .iter()
        .filter(|error| error.is_about_something())
        .collect();
    let (kept, own): (Vec<&Diagnostic>, Vec<&Diagnostic>) = students
        .into_iter()
        .partition(|error| error.kept_variable().is_some());
    let errors = if own.is_empty() { kept } else { own };
    let found = errors
        .iter()
        .find_map(|error| Some((*error, place_of(error, &origins)?)));
    match found {
        Some((error, at)) => in_the_cell(error, at, &errors, cells.prepared, &origins, session),
        None => elsewhere(&errors, report, cells, session),
    }
}

/// The answer to a cell that cannot be read.
pub fn unreadable(report: &Report, code: &str, session: &Session) -> Option<Answer> {
    let moved = BTreeMap::new();
    let origins = Origins::behind(syntax::LINES_BEFORE, code, &moved);
    let errors: Vec<_> = report
        .errors
        .iter()
        .filter(|error| error.is_about_something())
        .collect();
    let (error, at) = errors
        .iter()
        .find_map(|error| Some((*error, place_of(error, &origins)?)))?;
    Some(in_the_cell(
        error,
        at,
        &errors[..1],
        code,
        &origins,
        session,
    ))
}

/// The answer to a bracket or quote that has no other end, in a cell of which Rust begins at `start`.
pub fn unbalanced(found: &Unbalanced, code: &str, start: usize) -> Answer {
    let at = found.at + start;
    let line = code[at..].lines().next().unwrap_or_default();
    let hint = match line.contains("//") && !line.contains('"') {
        true => {
            "`//` begins a comment, which hides the bracket's other end. Numbers are divided by `/`."
        }
        false => &found.hint,
    };
    let at = at..at + code[at..].chars().next().map_or(0, char::len_utf8);
    Answer {
        sentence: found.sentence.clone(),
        details: vec![marked_lines(code, &at, &[], ""), format!("hint: {hint}")],
        place: Some(format!("line {}", line_number(code, found.at + start))),
    }
}

/// The line of the cell that makes the variable `name`, with it marked.
pub fn line_of_variable(code: &str, name: &str) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (at, _) = code.match_indices(name).find(|(at, _)| {
        let before = code[..*at].trim_end();
        let begins = ["let", "mut", "(", ","]
            .iter()
            .any(|word| before.ends_with(word));
        begins && !code[at + name.len()..].starts_with(is_word)
    })?;
    Some(marked_lines(code, &(at..at + name.len()), &[], ""))
}

/// The answer to an error in the cell itself.
fn in_the_cell(
    error: &Diagnostic,
    at: Range<usize>,
    errors: &[&Diagnostic],
    code: &str,
    origins: &Origins,
    session: &Session,
) -> Answer {
    let labels = labels(error, &at, origins);
    let problem = Problem::new(error, code, at.clone(), labels.clone(), session);
    let advice = hints::advice(&problem);
    let mut details = vec![marked_lines(code, &at, &labels, error.label())];
    let edits = match &advice {
        Some(Advice { edits, .. }) if !edits.is_empty() => Some(edits.clone()),
        Some(Advice { alone: true, .. }) => None,
        _ => suggestion(error, origins, code),
    };
    let is_other = |other: &&&Diagnostic| !std::ptr::eq(**other, error);
    let others: Vec<(&Diagnostic, Range<usize>)> = errors
        .iter()
        .filter(is_other)
        .filter_map(|other| Some((*other, place_of(other, origins)?)))
        .collect();
    let is_alike = |(other, place): &&(&Diagnostic, Range<usize>)| -> bool {
        other.message == error.message && same_line(code, &at, place)
    };
    let (alike, others): (Vec<_>, Vec<_>) = others.iter().partition(is_alike);
    let edits = edits.map(|mut edits| {
        // Whoever mends one of several mistakes of a kind would meet the next.
        for (other, place) in &alike {
            let labels = self::labels(other, place, origins);
            let problem = Problem::new(other, code, place.clone(), labels, session);
            let more = hints::advice(&problem).map_or_else(Vec::new, |advice| advice.edits);
            let are_apart = more.iter().all(|edit| {
                edits.iter().all(|first| {
                    edit.range.end < first.range.start || first.range.end < edit.range.start
                })
            });
            if are_apart {
                edits.extend(more);
            }
        }
        edits
    });
    let sentence = match &advice {
        Some(Advice {
            sentence: Some(sentence),
            ..
        }) => sentence.clone(),
        _ => sentence(error),
    };
    if let Some(advice) = &advice {
        details.push(format!("hint: {}", advice.hint));
    }
    details.extend(edits.and_then(|edits| repaired(code, edits)));
    let mut more: Vec<String> = others
        .iter()
        .map(|(other, place)| {
            format!(
                "also in line {}: {}",
                line_number(code, place.start),
                self::sentence(other)
            )
        })
        .collect();
    more.dedup();
    details.extend(more.into_iter().take(MORE));
    Answer {
        sentence,
        details,
        place: Some(format!("line {}", line_number(code, at.start))),
    }
}

/// The answer to an error that is in none of the cell's own lines: the cell has changed something that
/// an earlier one uses.
fn elsewhere(errors: &[&Diagnostic], report: &Report, cells: &Cells, session: &Session) -> Answer {
    let Some(error) = errors.first() else {
        return Answer {
            sentence: "The cell does not compile.".to_owned(),
            details: vec![],
            place: None,
        };
    };
    let place = error.primary().find_map(|span| {
        place::describe(
            &report.source,
            span.line_start,
            cells.prepared,
            cells.earlier,
        )
    });
    let mut details = Vec::new();
    if let Some(place) = place {
        let label = plain(error.label());
        details.push(format!("  {place}\n  {label}").trim_end().to_owned());
        let names = hints::changed_names(cells.prepared, session);
        let used = names.iter().find(|name| {
            let lines = error.spans.iter().flat_map(|span| &span.text);
            lines
                .into_iter()
                .any(|line| super::reading::mentions(&line.text, name) > 0)
        });
        details.push(match used {
            Some(name) => format!(
                "hint: this cell changes `{name}`, and the earlier cell uses it as it was. Change \
                 that cell's code in this cell, too, or give the new `{name}` another name."
            ),
            None => "hint: this cell changes something that the earlier cell uses as it was. Give \
                     the new one another name, or repeat the earlier definition here so that both \
                     fit."
                .to_owned(),
        });
    }
    Answer {
        sentence: sentence(error),
        details,
        place: None,
    }
}

/// Where in the cell an error is: what it is about, or else the first of its places that is there.
fn place_of(error: &Diagnostic, origins: &Origins) -> Option<Range<usize>> {
    if error.is_about_showing() {
        return origins.last();
    }
    let (primary, others): (Vec<&Span>, Vec<&Span>) =
        error.spans.iter().partition(|span| span.is_primary);
    let mut spans = primary.into_iter().chain(others);
    spans
        .find_map(|span| origins.range(span))
        .or_else(|| import(error, origins))
}

/// The place of an imported name: evcxr takes an import apart.
fn import(error: &Diagnostic, origins: &Origins) -> Option<Range<usize>> {
    let span = error.primary().next()?;
    let line = &span.text.first()?.text;
    if !line.starts_with("use ") {
        return None;
    }
    let name: String = line
        .chars()
        .skip(span.column_start - 1)
        .take(span.column_end - span.column_start)
        .collect();
    let name = name.rsplit("::").next()?.trim();
    origins.import_of(name)
}

/// The other places of an error that are in the cell, with what is said there.
fn labels(error: &Diagnostic, at: &Range<usize>, origins: &Origins) -> Vec<(Range<usize>, String)> {
    let spans = error.spans.iter().filter_map(|span| {
        let range = origins.range(span)?;
        let label = plain(span.label.as_deref()?);
        (!label.is_empty() && range != *at && label != plain(error.label()))
            .then_some((range, label))
    });
    spans.take(MOST_PLACES - 1).collect()
}

/// The student's lines with the places marked.
fn marked_lines(
    code: &str,
    at: &Range<usize>,
    others: &[(Range<usize>, String)],
    label: &str,
) -> String {
    let mut places: Vec<(Range<usize>, String)> = vec![(at.clone(), plain(label))];
    places.extend(others.iter().cloned());
    places.sort_by_key(|(range, _)| line_number(code, range.start));
    let mut shown = None;
    let mut lines = Vec::new();
    for (range, label) in places {
        let number = line_number(code, range.start);
        let start = code[..range.start].rfind('\n').map_or(0, |at| at + 1);
        // As wide as the compiler counts it.
        let line = code[start..]
            .lines()
            .next()
            .unwrap_or_default()
            .replace('\t', " ");
        let column = code[start..range.start].chars().count();
        let line_end = start + line.len();
        let width = code[range.start..range.end.clamp(range.start, line_end.max(range.start))]
            .chars()
            .count()
            .max(1);
        let cut = column.saturating_sub(WIDTH / 2);
        let margin = format!("  line {number}: ");
        if shown != Some(number) {
            let text: String = line.chars().skip(cut).take(WIDTH).collect();
            lines.push(format!("{margin}{text}"));
            shown = Some(number);
        }
        let indent = margin.len() + column - cut;
        lines.push(
            format!("{:indent$}{} {label}", "", "^".repeat(width.min(WIDTH)))
                .trim_end()
                .to_owned(),
        );
    }
    lines.join("\n")
}

fn same_line(code: &str, one: &Range<usize>, other: &Range<usize>) -> bool {
    line_number(code, one.start) == line_number(code, other.start)
}

fn line_number(code: &str, byte: usize) -> usize {
    code[..byte].matches('\n').count() + 1
}

/// The compiler's words in one line.
fn sentence(error: &Diagnostic) -> String {
    let message = plain(&error.message.lines().collect::<Vec<_>>().join(" "));
    let label = plain(error.label());
    let code = error.code();
    let code = if code.starts_with('E') {
        format!(" [{code}]")
    } else {
        String::new()
    };
    match code.as_str() {
        // It says less than its label.
        " [E0308]" if label.starts_with("expected") => format!("{message}: {label}{code}"),
        _ if message.starts_with("this operation will panic") && !label.is_empty() => {
            format!("{message}: {label}")
        }
        _ => format!("{message}{code}"),
    }
}

/// The compiler's words without names that the student cannot know.
fn plain(words: &str) -> String {
    let words = words
        .replace("`evcxr_variable_store`", "the end of the cell")
        .replace("Result<(), EvcxrUserCodeError>", "Result<(), …>")
        .replace("EvcxrUserCodeError", "…")
        .replace("cuaderno::candle_core::", "")
        .replace("candle_core::", "");
    if words.contains("evcxr") || words.contains("cuaderno::notebook::cell") {
        return String::new();
    }
    words
}

/// What the compiler would change, if it is sure of it and all of it is in the cell.
fn suggestion(error: &Diagnostic, origins: &Origins, code: &str) -> Option<Vec<Edit>> {
    let helps = error.children.iter().filter(|child| child.level == "help");
    helps.into_iter().find_map(|help| {
        let is_sure = |span: &Span| match span.suggestion_applicability? {
            Applicability::MachineApplicable => Some(()),
            Applicability::MaybeIncorrect => {
                hints::is_likely(error.code(), span, origins.text(span)?).then_some(())
            }
            _ => None,
        };
        help.spans.iter().try_for_each(is_sure)?;
        let edits = help.spans.iter().map(|span| {
            Some(Edit::new(
                origins.range(span)?,
                span.suggested_replacement.clone()?,
            ))
        });
        let edits: Vec<Edit> = edits.collect::<Option<_>>()?;
        repaired(code, edits.clone())?;
        Some(edits)
    })
}

/// The lines that `edits` make, ready to be pasted, if the cell can be read then.
fn repaired(code: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort_by_key(|edit| edit.range.start);
    let (first, last) = (edits.first()?.range.start, edits.last()?.range.end);
    let mut text = code.to_owned();
    let mut before = code.len();
    for edit in edits.iter().rev() {
        if edit.range.end > before || text.get(edit.range.clone()).is_none() {
            return None;
        }
        text.replace_range(edit.range.clone(), &edit.text);
        before = edit.range.start;
    }
    // Behind the last change the text is as it was.
    let end = text.len() - (code.len() - last);
    let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let lines = text[start..end].trim_end();
    let errors = |code: &str| {
        let rust = cell::rust_of(code);
        let parsed = SourceFile::parse(&format!("fn f(){{{rust}\n}}"), Edition::Edition2024);
        parsed.errors().len()
    };
    let is_short = lines.chars().count() <= 8 * WIDTH && !lines.contains("/*cuaderno:");
    if !is_short || text == code || errors(&text) >= errors(code).max(1) {
        return None;
    }
    let place = match (line_number(code, first), line_number(code, last)) {
        (first, last) if first == last => format!("line {first}"),
        (first, last) => format!("lines {first} to {last}"),
    };
    Some(format!("write in {place}:\n{lines}"))
}
