//! One examination in a box: the task goes in, capped reports come out.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cuaderno_protocol::answers::FOLDER;

use super::examiner::{Outcome, Report, Task};
use crate::engine::Support;
use crate::sandbox::{self, End, Limits, Plan, Sandbox};
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
    /// What ended the box before all was asked.
    pub cut_short: Option<End>,
}

impl Room {
    /// # Errors
    /// If what the boxes need cannot be written down.
    pub fn new(
        sandbox: Sandbox,
        toolchain: &Toolchain,
        support: &Support,
        limits: Limits,
    ) -> Result<Self> {
        let mut prepared = tempfile::Builder::new().prefix("cuaderno-").tempfile()?;
        serde_json::to_writer(&mut prepared, support)?;
        prepared.flush()?;
        let mut plan = Plan::for_engine(toolchain, support);
        // Another user reads it in the box.
        let file = prepared.path().to_path_buf();
        allow_reading(&file)?;
        plan.set(setup::PREPARED, &text(&file)?);
        plan.read_only.push(file);
        plan.folder = PathBuf::from(sandbox::SCRATCH);
        plan.set(FOLDER, &format!("{}/probe", sandbox::SCRATCH));
        plan.set("CUADERNO_PROFILE", "quick");
        // Nothing but the sample: the same for every grader.
        plan.set("CUADERNO_DATA", &format!("{}/no-data", sandbox::SCRATCH));
        Ok(Self {
            sandbox,
            plan,
            limits,
            _prepared: prepared,
        })
    }

    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Does the task in a box of its own.
    ///
    /// # Errors
    /// If the box does not come to the point at which it would run what it is given, or is ended by
    /// neither the submission nor a limit: that is the grader's fault.
    pub fn examine(&self, task: &Task) -> Result<Examined> {
        let own_binary = std::env::current_exe()?;
        let mut command = self.sandbox.command(&self.plan, &self.limits, &own_binary);
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
            let reports = scope.spawn(move || read(stdout));
            let reason = scope.spawn(move || reason(stderr));
            let ended = sandbox::watch(&mut child, &self.limits);
            (ended, reports.join(), reason.join())
        });
        let (end, _) = ended?;
        let reports = reports.unwrap_or_default();
        let reason = reason.unwrap_or_default();
        let is_ready = reports.iter().any(|report| matches!(report, Report::Ready));
        let is_done = reports.iter().any(|report| matches!(report, Report::Done));
        if !is_ready {
            bail!("the examiner did not start ({end:?}): {reason}");
        }
        // The examiner fails where a submission leaves it nothing to go on with. Killed it is by
        // others.
        let failed = |status: ExitStatus| status.code() == Some(1);
        if let (End::Exited(status), false) = (end, is_done)
            && !failed(status)
        {
            bail!("the box ended before all was asked ({status}): {reason}");
        }
        let mut examined = Examined {
            cells: vec![None; task.cells.len()],
            probes: vec![None; task.probes.len()],
            cut_short: (!is_done).then_some(end),
        };
        for report in reports {
            match report {
                Report::Cell { number, outcome } => {
                    if let Some(cell) = examined.cells.get_mut(number) {
                        *cell = Some(outcome);
                    }
                }
                Report::Probe {
                    number,
                    outcome,
                    answers,
                } => {
                    if let Some(probe) = examined.probes.get_mut(number) {
                        *probe = Some((outcome, STANDARD.decode(answers).unwrap_or_default()));
                    }
                }
                Report::Ready | Report::Done => {}
            }
        }
        Ok(examined)
    }
}

/// The reports among the lines that come out of a box.
fn read(stream: impl Read) -> Vec<Report> {
    let lines = BufReader::new(stream.take(MOST)).lines();
    let lines = lines.map_while(Result::ok);
    lines
        .filter_map(|line| serde_json::from_str(&line).ok())
        .collect()
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
