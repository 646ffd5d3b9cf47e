//! One examination in a box: the task goes in, capped reports come out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cuaderno_protocol::answers::FOLDER;

use super::examiner::{Outcome, Report, Task, short};
use super::prepare::Prepared;
use crate::engine::Prebuilt;
use crate::sandbox::{End, Limits, Plan, Sandbox};
use crate::setup;
use crate::toolchain::Toolchain;

/// The most bytes of reports; more are not read.
const MOST: u64 = 64 << 20;
/// The most bytes of what a box says to whoever looks after the grader.
const MOST_OF_A_REASON: u64 = 8 << 10;

/// The room of all examinations: what every box of a run is made from.
pub struct Room {
    sandbox: Sandbox,
    plan: Plan,
    limits: Limits,
    /// The crates that cells of each lab may ask for.
    crates: BTreeMap<String, Prebuilt>,
    /// Holds what the boxes need to know of the engine.
    _prepared: tempfile::NamedTempFile,
}

/// What came out of a box.
#[derive(Debug, Default)]
pub struct Examined {
    /// What became of each cell when it last ran.
    pub cells: Vec<Option<Outcome>>,
    /// What became of each probe, and its frames.
    pub probes: Vec<Option<(Outcome, Vec<u8>)>>,
    /// What the submission took too much of, where that ended the box before all was asked.
    pub cut_short: Option<End>,
}

impl Room {
    /// Prepares what every box shows: the engine, and where it finds what was built for it.
    ///
    /// # Errors
    /// If what the boxes need cannot be written down.
    pub fn new(
        sandbox: Sandbox,
        toolchain: &Toolchain,
        prepared: Prepared,
        limits: Limits,
    ) -> Result<Self> {
        let Prepared { support, crates } = prepared;
        let mut prepared = tempfile::Builder::new().prefix("cuaderno-").tempfile()?;
        serde_json::to_writer(&mut prepared, &support)?;
        prepared.flush()?;
        let mut plan = Plan::for_engine(&sandbox, toolchain, &support);
        let built: BTreeSet<PathBuf> = crates.values().flat_map(Prebuilt::shown).collect();
        plan.read_only.extend(built);
        // Another user reads it in the box.
        let file = prepared.path().to_path_buf();
        allow_reading(&file)?;
        plan.set(setup::PREPARED, &text(&file)?);
        plan.read_only.push(file);
        plan.folder = sandbox.scratch();
        plan.set(FOLDER, &text(&plan.folder.join("probe"))?);
        plan.set("CUADERNO_PROFILE", "quick");
        // Nothing but the sample: the same for every grader.
        plan.set("CUADERNO_DATA", &text(&plan.folder.join("no-data"))?);
        Ok(Self {
            sandbox,
            plan,
            limits,
            crates,
            _prepared: prepared,
        })
    }

    /// What makes the boxes.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The crates that cells of the lab may ask for.
    pub fn crates(&self, lab: &str) -> Prebuilt {
        self.crates.get(lab).cloned().unwrap_or_default()
    }

    /// What a box may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Does the task in a box of its own.
    ///
    /// # Errors
    /// If the box does not come to the point at which it would run what it is given, or ends before
    /// all was asked though the submission took neither too much memory nor too many processes.
    pub fn examine(&self, task: &Task) -> Result<Examined> {
        let (reports, end, reason) = self.run(task)?;
        Ok(Examined {
            cut_short: cut_short(end, reports.are_whole(), &reason, &self.limits)?,
            cells: reports.cells.into_iter().map(|it| Some(it?.0)).collect(),
            probes: reports.probes,
        })
    }

    /// Does the task in a box of its own: what it reported, how it ended, and what it complained of.
    ///
    /// # Errors
    /// If the box does not come to the point at which it would run what it is given.
    pub fn run(&self, task: &Task) -> Result<(Reports, End, String)> {
        let own_binary = std::env::current_exe()?;
        let mut command = self
            .sandbox
            .command(&self.plan, &self.limits, &own_binary)?;
        command.arg("examine");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("the box does not start")?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let task_text = serde_json::to_string(task)?;
        let (ended, reports, reason) = std::thread::scope(|scope| {
            // A box that ends early reads no more.
            scope.spawn(move || stdin.write_all(task_text.as_bytes()));
            let reports = scope.spawn(|| Reports::of(task).read(stdout));
            let reason = scope.spawn(move || reason(stderr));
            let ended = self.sandbox.watch(&mut child, &self.limits);
            (ended, reports.join(), reason.join())
        });
        let end = ended?;
        let reason = reason.unwrap_or_default();
        let reports = reports.map_err(|_| anyhow::anyhow!("the reports could not be read"))?;
        if !reports.is_ready {
            bail!("the examiner did not start ({end:?}): {reason}");
        }
        Ok((reports, end, reason))
    }
}

/// What ended a box before all was asked, where the submission took too much. Any other end says
/// nothing of the submission: it is the grader's fault, and no zero.
fn cut_short(end: End, is_whole: bool, reason: &str, limits: &Limits) -> Result<Option<End>> {
    match end {
        _ if is_whole => Ok(None),
        End::Memory | End::Processes => Ok(Some(end)),
        End::Time => bail!(
            "the box ended before all was asked, after its {} s; look for cells that never end, or \
             give more time with --timeout",
            limits.seconds
        ),
        End::Exited(status) => {
            bail!("the box ended before all was asked ({status}): {reason}")
        }
    }
}

/// What a box has reported.
#[derive(Debug, Default)]
pub struct Reports {
    is_ready: bool,
    /// Whether it says that it has done all.
    pub is_done: bool,
    /// What became of each cell when it last ran, and the sentence of its error.
    pub cells: Vec<Option<(Outcome, String)>>,
    probes: Vec<Option<(Outcome, Vec<u8>)>>,
}

impl Reports {
    fn of(task: &Task) -> Self {
        Self {
            cells: vec![None; task.cells.len()],
            probes: vec![None; task.probes.len()],
            ..Self::default()
        }
    }

    /// Whether all was asked, and not only said to be.
    fn are_whole(&self) -> bool {
        self.is_done && self.probes.iter().all(Option::is_some)
    }

    /// Reads the lines that come out of a box. A line that repeats another takes its place, so that
    /// a box cannot fill the memory of the grader.
    fn read(mut self, stream: impl Read) -> Self {
        let lines = BufReader::new(stream.take(MOST)).lines();
        for line in lines.map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(Report::Ready) => self.is_ready = true,
                Ok(Report::Done) => self.is_done = true,
                Ok(Report::Cell {
                    number,
                    outcome,
                    says,
                }) => {
                    if let Some(cell) = self.cells.get_mut(number) {
                        // Whoever wrote the line need not have kept to the examiner's bounds.
                        *cell = Some((outcome, short(&says)));
                    }
                }
                Ok(Report::Probe {
                    number,
                    outcome,
                    answers,
                }) => {
                    if let Some(probe) = self.probes.get_mut(number) {
                        *probe = Some((outcome, STANDARD.decode(answers).unwrap_or_default()));
                    }
                }
                Err(_) => {}
            }
        }
        self
    }
}

/// The beginning of what a box complains of. The rest is read, too, so that it need not wait.
fn reason(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = stream
        .by_ref()
        .take(MOST_OF_A_REASON)
        .read_to_end(&mut bytes);
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

fn allow_reading(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        file,
        std::fs::Permissions::from_mode(0o644),
    )?)
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().context("a path is not UTF-8")?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn only_what_a_submission_takes_is_held_against_it() {
        let limits = Limits::new(600);
        for end in [End::Memory, End::Processes] {
            assert_eq!(cut_short(end, false, "", &limits).unwrap(), Some(end));
        }
        // The clock of the whole, a disk that is full (status 1), and what somebody has killed.
        let [failed, killed] = [1 << 8, 9].map(|status| End::Exited(ExitStatus::from_raw(status)));
        for end in [End::Time, failed, killed] {
            let error = cut_short(end, false, "why", &limits)
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("the box ended before all was asked"),
                "{error}"
            );
            assert_eq!(cut_short(end, true, "", &limits).unwrap(), None);
        }
        let late = cut_short(End::Time, false, "", &limits).unwrap_err();
        assert!(late.to_string().contains("after its 600 s; "), "{late}");
    }

    #[test]
    fn reports_that_repeat_take_no_room() {
        let task = Task {
            cells: vec![String::new()],
            probes: vec![],
            crates: Prebuilt::default(),
            seconds: 1,
        };
        let cell = |number: usize, outcome: &str, says: &str| {
            let line = format!(
                "{{\"cell\":{{\"number\":{number},\"outcome\":\"{outcome}\",\"says\":\"{says}\"}}}}\n"
            );
            line + "no report\n"
        };
        let line = "\"ready\"\n".to_owned() + &cell(0, "lost", "");
        let last = cell(0, "error", &"long ".repeat(10_000));
        let text = line.repeat(1000) + &last + &cell(9, "ran", "") + "\"done\"";
        let reports = Reports::of(&task).read(text.as_bytes());
        assert!(reports.is_ready && reports.are_whole());
        let [Some((Outcome::Error, says))] = &reports.cells[..] else {
            panic!("{reports:?}");
        };
        assert!(says.starts_with("long long") && says.len() < 1000, "{says}");
    }
}
