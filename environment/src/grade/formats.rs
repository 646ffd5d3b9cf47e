//! The results as other programs want them. What students wrote is escaped everywhere.

use std::fmt::Write as _;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::execution::Executed;
use super::result::{GradeResult, State};

/// A format besides `grades.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// `junit.xml`: a test suite for each submission.
    Junit,
    /// A line for each exercise on standard output, which GitHub Actions shows at the run.
    Github,
    /// `gradescope/NAME.json`: the `results.json` of an autograder.
    Gradescope,
}

/// `grades.csv`: a line a submission.
///
/// # Errors
/// If memory is short.
pub fn csv(results: &[GradeResult]) -> Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "submission",
        "lab",
        "state",
        "earned",
        "points",
        "unmarked",
        "flags",
        "says",
    ])?;
    for result in results {
        let unmarked = result
            .manual
            .iter()
            .filter(|manual| manual.earned.is_none())
            .count();
        let earned = match result.has_score() {
            true => result.earned().to_string(),
            // Not a zero: a cell that is empty.
            false => String::new(),
        };
        table.write_record([
            harmless(&result.submission),
            harmless(&result.lab),
            state(result.state).to_owned(),
            earned,
            result.points().to_string(),
            unmarked.to_string(),
            harmless(&result.flags.join("; ")),
            harmless(result.says.as_deref().unwrap_or_default()),
        ])?;
    }
    Ok(String::from_utf8(table.into_inner()?)?)
}

/// A text that no spreadsheet takes for a formula.
pub fn harmless(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

/// The word for a state.
pub fn state(state: State) -> &'static str {
    match state {
        State::Graded => "graded",
        State::Manual => "manual",
        State::Unreadable => "unreadable",
        State::GraderError => "grader-error",
    }
}

/// `junit.xml`, where an exercise that lacks points has failed.
pub fn junit(results: &[GradeResult]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for result in results {
        let failed = result
            .probes
            .iter()
            .filter(|probe| probe.earned < probe.points)
            .count();
        let broken = usize::from(!result.has_score());
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"{broken}\">",
            escaped(&result.submission),
            result.probes.len() + broken
        );
        for probe in &result.probes {
            let _ = write!(
                text,
                "    <testcase classname=\"{}\" name=\"{}\"",
                escaped(&result.lab),
                escaped(&probe.id)
            );
            text += &match probe.earned < probe.points {
                true => format!(
                    "><failure message=\"{} of {} points\">{}</failure></testcase>\n",
                    probe.earned,
                    probe.points,
                    escaped(&probe.says)
                ),
                false => "/>\n".to_owned(),
            };
        }
        if broken > 0 {
            let _ = writeln!(
                text,
                "    <testcase name=\"{}\"><error>{}</error></testcase>",
                state(result.state),
                escaped(result.says.as_deref().unwrap_or_default())
            );
        }
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

/// Commands of GitHub Actions, a line each.
pub fn github(result: &GradeResult) -> String {
    let mut text = String::new();
    let mut say = |kind: &str, title: &str, message: &str| {
        let title = encoded(title).replace(':', "%3A").replace(',', "%2C");
        let _ = writeln!(text, "::{kind} title={title}::{}", encoded(message));
    };
    for probe in &result.probes {
        let kind = if probe.earned < probe.points {
            "warning"
        } else {
            "notice"
        };
        let title = format!(
            "{} {}: {} of {}",
            result.submission, probe.id, probe.earned, probe.points
        );
        say(kind, &title, &probe.says);
    }
    if let Some(why) = &result.says {
        say("error", &result.submission, why);
    }
    text
}

fn encoded(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The `results.json` of an autograder of Gradescope.
pub fn gradescope(result: &GradeResult) -> Value {
    let tests = result.probes.iter().map(|probe| {
        json!({"name": probe.id, "score": probe.earned, "max_score": probe.points, "output": probe.says})
    });
    json!({
        "score": result.earned(),
        "output": result.says.as_deref().unwrap_or_default(),
        "tests": tests.collect::<Vec<_>>(),
    })
}

/// What a student is told where the grader could not do its work.
const NOT_GRADED: &str = "This submission could not be graded; your instructor has been told why.";

/// A page for the student.
pub fn feedback(result: &GradeResult, executed: Option<&Executed>) -> String {
    let mut rows = String::new();
    for probe in &result.probes {
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{} of {}</td><td>{}</td></tr>",
            escaped(&probe.id),
            probe.earned,
            probe.points,
            escaped(&probe.says)
        );
    }
    for manual in &result.manual {
        let earned = manual
            .earned
            .map_or("not marked yet".to_owned(), |points| points.to_string());
        let _ = writeln!(
            rows,
            "<tr><td>{} {}</td><td>{earned} of {}</td><td></td></tr>",
            escaped(&manual.id),
            escaped(&manual.criterion),
            manual.points
        );
    }
    let sum = match result.has_score() {
        true => format!("{} of {} points", result.earned(), result.points()),
        false => "no score".to_owned(),
    };
    // What a box says of its end may quote the solution, or be forged by what ran in it.
    let says = match result.state {
        State::GraderError => Some(NOT_GRADED),
        _ => result.says.as_deref(),
    };
    let notes = says
        .into_iter()
        .chain(result.flags.iter().map(String::as_str));
    let notes: String = notes
        .map(|note| format!("<li>{}</li>\n", escaped(note)))
        .collect();
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{name}</title>\n\
         <style>body{{font:16px sans-serif;margin:2em}}td{{padding:.2em 1em;border-top:1px solid #ccc}}</style>\n\
         <h1>{name}, {lab}: {sum}</h1>\n<table>\n{rows}</table>\n<ul>\n{notes}</ul>\n{whole}",
        name = escaped(&result.submission),
        lab = escaped(&result.lab),
        whole = executed.map(whole).unwrap_or_default(),
    )
}

/// The part of the page about the notebook as a whole.
fn whole(executed: &Executed) -> String {
    let mut rows = String::new();
    for cell in &executed.cells {
        let _ = writeln!(
            rows,
            "<tr><td><code>{}</code></td><td>{}</td></tr>",
            escaped(&cell.name),
            escaped(cell.in_words())
        );
    }
    let ended = executed.ended.as_ref();
    let ended = ended.map(|why| format!("<p>It was ended: {}.</p>\n", escaped(why)));
    format!(
        "<h2>The notebook as a whole</h2>\n<p>It was executed once, from the first cell to the last, \
         in the quick profile. This is what your own code reported about the exercises, the checks and \
         your own cells; it changes no points.</p>\n<table>\n{rows}</table>\n{}",
        ended.unwrap_or_default()
    )
}

/// A text in HTML or XML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no such characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::examiner::Outcome;
    use crate::grade::execution::ExecutedCell;

    fn result(says: &str) -> GradeResult {
        let mut result = GradeResult::example();
        result.submission = says.to_owned();
        result.says = Some(says.to_owned());
        result.flags = vec![says.to_owned()];
        let probe = &mut result.probes[0];
        for text in [&mut probe.id, &mut probe.says] {
            *text = says.to_owned();
        }
        result
    }

    #[test]
    fn what_a_student_wrote_is_harmless_in_every_format() {
        let text = "<script>\u{1b}\"</script>\n::error::x";
        let bad = result(text);
        let cell = ExecutedCell {
            name: text.to_owned(),
            outcome: Some(Outcome::Error),
            says: text.to_owned(),
        };
        let executed = Executed {
            cells: vec![cell],
            ended: Some(text.to_owned()),
        };
        let page = feedback(&bad, Some(&executed));
        assert!(
            !page.contains("<script>") && page.contains("&lt;script&gt;"),
            "{page}"
        );
        let xml = junit(std::slice::from_ref(&bad));
        assert!(
            !xml.contains("<script>") && !xml.contains('\u{1b}'),
            "{xml}"
        );
        let lines = github(&bad);
        assert_eq!(lines.lines().count(), 2, "{lines}");
        let table = csv(&[result("=HYPERLINK(\"http://x\",\"y\")")]).unwrap();
        assert!(table.contains("\"'=HYPERLINK"), "{table}");
    }

    #[test]
    fn a_graders_fault_is_not_a_zero() {
        let table = csv(&[result("disk full")]).unwrap();
        assert!(table.contains("disk full,09,grader-error,,2,"), "{table}");
    }

    #[test]
    fn a_student_is_not_shown_what_a_box_says_of_its_end() {
        let mut result = GradeResult::example();
        result.says = Some("let twice = 2.0 * x".to_owned());
        let page = feedback(&result, None);
        assert!(
            !page.contains("let twice") && page.contains(NOT_GRADED),
            "{page}"
        );
        assert!(csv(&[result.clone()]).unwrap().contains("let twice"));
        result.state = State::Unreadable;
        assert!(feedback(&result, None).contains("let twice"));
    }
}
