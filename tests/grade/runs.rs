//! Runs that are killed, parts of runs, and what is done with their results.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::common::{Run, boxes_can_be_made, path};
use crate::lab::{Course, double, jobs, largest, results};

/// Grades and kills the grader `later` than it says so many results are there.
pub fn killed_after(
    course: &Course,
    (out, arguments): (&Path, &[&str]),
    count: usize,
    later: Duration,
) {
    let mut command = course.grade(&course.submissions, out, arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let begins = format!("{count} of ");
    assert!(lines.any(|line| line.unwrap().starts_with(&begins)));
    std::thread::sleep(later);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Each result's file and contents, and when it was written.
pub fn files(out: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let entries = fs::read_dir(out.join("results")).unwrap().flatten();
    let file = |path: PathBuf| {
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        (path.clone(), fs::read(&path).unwrap(), written)
    };
    let mut files: Vec<_> = entries.map(|entry| file(entry.path())).collect();
    files.sort();
    files
}

#[test]
fn a_killed_run_goes_on_and_partitions_make_a_whole() {
    if !boxes_can_be_made() {
        return;
    }
    let course = Course::new();
    let (right, other) = (double("Ok(2.0 * x)"), largest("Ok(list[1])"));
    for name in ["ada.ipynb", "bea.ipynb", "dan.ipynb"] {
        course.add(name, [&right, &other], |_| {});
    }
    let whole = course.at("whole");
    killed_after(&course, (&whole, &[]), 1, Duration::ZERO);
    let first = files(&whole);
    assert_eq!(first.len(), 1);
    killed_after(&course, (&whole, &[]), 2, Duration::ZERO);
    let second = files(&whole);
    assert_eq!(second.len(), 2);
    course.graded(&whole, &[], 0);
    let third = files(&whole);
    assert_eq!(third.len(), 3, "none twice, none lost");
    // What is there is kept.
    assert!(first.iter().all(|file| second.contains(file)));
    assert!(second.iter().all(|file| third.contains(file)));

    let mut parts = Vec::new();
    for part in ["0/3", "1/3", "2/3"] {
        let out = course.at(&part.replace('/', "-"));
        course.graded(&out, &["--partition", part, "--jobs", jobs()], 0);
        parts.push(out);
    }
    let sizes: Vec<usize> = parts.iter().map(|part| results(part).len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 3);
    assert!(sizes.contains(&0), "a part may be empty: {sizes:?}");
    let together = parts.iter().flat_map(|part| results(part));
    assert_eq!(
        together.collect::<std::collections::BTreeMap<_, _>>(),
        results(&whole)
    );

    let (roster, table) = (course.at("roster.csv"), course.at("table.csv"));
    let merge = || {
        let mut command = course.grades("merge");
        command.args(&parts).arg("--roster").arg(&roster);
        Run::new(command.arg("--out").arg(&table).output().unwrap())
    };
    fs::write(&roster, "submission\nada\nbea\n").unwrap();
    let run = merge();
    assert_eq!(run.status, Some(0), "{}", run.text);
    run.says(": dan.");
    let merged = fs::read_to_string(&table).unwrap();
    assert_eq!(
        merged,
        fs::read_to_string(whole.join("grades.csv")).unwrap()
    );
    fs::write(&roster, "submission\nada\nzoe\n").unwrap();
    merge().says("there is no result for zoe");

    let (ada, _, _) = &third[0];
    assert!(path(ada).contains("ada"));
    let one = course.submissions.join("ada.ipynb");
    let replay_of = |submission: &Path, run: &str| {
        let arguments = ["--replay", path(ada), "--run", run];
        let mut command = course.grade(submission, &whole, &arguments);
        Run::new(command.output().unwrap())
    };
    let replay = || replay_of(&one, "1");
    marks_are_entered(&course, &whole);
    let run = replay();
    assert_eq!(run.status, Some(0), "{}", run.text);
    run.says("The same.");
    let run = replay_of(&one, "2");
    assert_eq!(run.status, Some(2), "{}", run.text);
    run.says("the result is one of run 1");
    let changed = course.at("changed.ipynb");
    fs::write(&changed, "{").unwrap();
    let run = replay_of(&changed, "1");
    assert_eq!(run.status, Some(2), "{}", run.text);
    run.says("is not the notebook of the result");
    let text = fs::read_to_string(ada).unwrap();
    fs::write(ada, text.replace("\"earned\": 0", "\"earned\": 1")).unwrap();
    let run = replay();
    assert_eq!(run.status, Some(2), "{}", run.text);
    run.says("the result was changed");
}

fn marks_are_entered(course: &Course, out: &Path) {
    let manual = course.at("manual.csv");
    let run = || {
        let mut command = course.grades("manual");
        let run = Run::new(command.arg(out).arg("--csv").arg(&manual).output().unwrap());
        assert_eq!(run.status, Some(0), "{}", run.text);
    };
    run();
    let table = fs::read_to_string(&manual).unwrap();
    let marked = table.replace("ada,why,,1,,", "ada,why,,1,0.5,");
    assert_ne!(marked, table);
    fs::write(&manual, marked).unwrap();
    run();
    let results = results(out);
    assert_eq!(results["ada"]["state"], "graded");
    assert_eq!(results["ada"]["manual"][0]["earned"], 0.5);
    assert_eq!(results["bea"]["state"], "manual");
}

#[test]
fn answers_that_are_alike_are_listed() {
    let course = Course::new();
    let own = "let mut sum = 0.0; for _ in 0..2 { sum += x; } if sum.is_nan() { return unsolved(\"\"); } Ok(sum)";
    let renamed = own.replace("sum", "s");
    for (name, body) in [("ada", own), ("bea", "Ok(x + x)"), ("cy", &renamed)] {
        course.add(
            &format!("{name}.ipynb"),
            [&double(body), &largest("Ok(list[0])")],
            |_| {},
        );
    }
    let out = course.at("similar.csv");
    let mut command = course.grades("similar");
    command.arg(&course.submissions).arg("--out").arg(&out);
    let run = Run::new(command.output().unwrap());
    assert_eq!(run.status, Some(0), "{}", run.text);
    let table = fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(
        lines[1].starts_with("lab.ipynb,double,ada,cy,1.00,"),
        "{table}"
    );
}
