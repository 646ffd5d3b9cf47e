//! `cargo cuaderno release`: the students' versions of labs, cut only if every check gives the known
//! answers what they deserve.

mod lab;
mod manifest;
mod nbgrader;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use cuaderno_protocol::answers;

use crate::engine::{self, EngineThread, Interrupts, Settings};
use crate::notebook::Notebook;
use crate::toolchain::Toolchain;
use crate::{files, setup, workbook};
use lab::{Exercise, Lab};

pub use manifest::{
    Manifest, ReleasedExercise, ReleasedLab, ReleasedQuestion, lock_sha256, sha256,
};

#[derive(Args)]
pub struct ReleaseArguments {
    /// Numbers (09) or paths of labs.
    #[arg(required = true, value_name = "NUMBER|PATH")]
    labs: Vec<String>,
    /// Where `release.json` goes, and in its folder `students` the notebooks to hand out.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Give the cells the metadata by which nbgrader knows them.
    #[arg(long)]
    nbgrader: bool,
}

/// A lab on its way to the students.
struct Release {
    path: PathBuf,
    lab: Lab,
    student: Notebook,
}

/// The folder of the notebooks to hand out.
const STUDENTS: &str = "students";

/// Tries each lab and writes the students' versions of all of them, or none.
///
/// # Errors
/// If a notebook is not built like a lab, or the engine does not start. A check that is wrong of an
/// answer is reported and gives exit status 1.
pub fn run(arguments: ReleaseArguments) -> Result<ExitCode> {
    let releases = arguments.labs.iter().map(|name| Release::open(name));
    let releases = releases.collect::<Result<Vec<_>>>()?;
    let students = arguments.out.join(STUDENTS);
    for release in &releases {
        release.ensure_kept(&students)?;
    }
    // Two version 4 UUIDs hold 244 random bits of the system's.
    let secret = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|part| part.simple().to_string());
    let secret = secret.concat();
    let faults = try_answers(&releases)?;
    if !faults.is_empty() {
        for fault in &faults {
            eprintln!("error: {fault}");
        }
        eprintln!("Nothing was released.");
        return Ok(ExitCode::FAILURE);
    }
    std::fs::create_dir_all(&students)
        .with_context(|| format!("{} cannot be made", students.display()))?;
    let mut labs = Vec::new();
    for mut release in releases {
        if arguments.nbgrader {
            nbgrader::annotate(&mut release.student, &release.lab);
        }
        let text = release.student.to_json()?;
        files::write(&students.join(release.file()), text.as_bytes())?;
        labs.push(release.entry(&text)?);
    }
    let manifest = Manifest {
        schema: manifest::SCHEMA,
        cuaderno: env!("CARGO_PKG_VERSION").to_owned(),
        lock_sha256: lock_sha256()?,
        secret,
        labs,
    };
    let manifest = serde_json::to_string_pretty(&manifest)? + "\n";
    let file = arguments.out.join("release.json");
    files::write(&file, manifest.as_bytes())?;
    println!(
        "Released. Hand out the notebooks in {}; keep {} to yourself, which holds the solutions.",
        students.display(),
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}

impl Release {
    fn open(name: &str) -> Result<Self> {
        let path = workbook::notebook(name)?;
        let notebook = Notebook::read(&path)?;
        let parts = Lab::of(&notebook).and_then(|lab| Ok((lab, lab::students_version(&notebook)?)));
        let (lab, student) = parts.with_context(|| path.display().to_string())?;
        Ok(Self { path, lab, student })
    }

    fn file(&self) -> &Path {
        Path::new(self.path.file_name().unwrap_or_default())
    }

    /// The lab itself must not be overwritten with what is left of it.
    fn ensure_kept(&self, out: &Path) -> Result<()> {
        let target = out.join(self.file());
        let is_itself = target
            .canonicalize()
            .is_ok_and(|target| self.path.canonicalize().is_ok_and(|path| path == target));
        ensure!(
            !is_itself,
            "The students' version would replace the lab {} itself; give another folder with --out.",
            self.path.display()
        );
        Ok(())
    }

    /// What `release.json` says of it.
    fn entry(&self, text: &str) -> Result<ReleasedLab> {
        let exercises = self.lab.exercises.iter();
        let questions = self.lab.questions.iter().map(|question| ReleasedQuestion {
            id: question.id.clone(),
            points: question.points,
            rubric: question.rubric.clone(),
        });
        Ok(ReleasedLab {
            file: self.file().to_string_lossy().into_owned(),
            sha256: sha256(text.as_bytes()),
            profile: self.lab.profile.clone(),
            crates: self.lab.crates.iter().cloned().collect(),
            exercises: exercises.map(|exercise| self.exercise(exercise)).collect(),
            questions: questions.collect(),
            notebook: serde_json::from_str(text)?,
        })
    }

    fn exercise(&self, exercise: &Exercise) -> ReleasedExercise {
        ReleasedExercise {
            id: exercise.id.clone(),
            check: exercise.check.id.clone(),
            points: exercise.check.points,
            stub: exercise.stub.clone(),
            solution: exercise.solution().to_owned(),
            probe: exercise.probe.clone(),
        }
    }
}

/// What is wrong with the labs' checks, a sentence each.
fn try_answers(releases: &[Release]) -> Result<Vec<String>> {
    let toolchain = Toolchain::discover()?;
    let support = setup::prepare(&toolchain)?;
    // Not by the cell that asks for them first: polars takes longer than a cell may.
    let crates = releases.iter().map(|it| it.lab.crates.iter().cloned());
    let crates: Vec<Vec<String>> = crates.map(Iterator::collect).collect();
    let sets: Vec<&[String]> = crates.iter().map(Vec::as_slice).collect();
    engine::prebuild(&toolchain, &support, &sets)?;
    // SAFETY: the engine, whose threads read the environment, has not started.
    unsafe { std::env::set_var("CUADERNO_PROFILE", "quick") };
    let folder = tempfile::tempdir()?;
    let asked = folder.path().join("probe");
    std::fs::create_dir(&asked)?;
    // SAFETY: as above.
    unsafe { std::env::set_var(answers::FOLDER, &asked) };
    let settings = Settings {
        working_directory: folder.path(),
        interrupts: Interrupts::default(),
        live: false,
    };
    let mut engine = EngineThread::start(&toolchain, &support, settings)?;
    let mut faults = Vec::new();
    for release in releases {
        let exercises = &release.lab.exercises;
        let answers: usize = exercises
            .iter()
            .map(|exercise| exercise.answers.len())
            .sum();
        println!(
            "{}: {} exercises with {answers} known answers, {} questions",
            release.path.display(),
            exercises.len(),
            release.lab.questions.len()
        );
        let mut trial = trial::Trial::new(&mut engine, &asked);
        let found = trial.faults(&release.lab, folder.path())?;
        let file = release.file().display();
        faults.extend(found.into_iter().map(|fault| format!("{file}: {fault}")));
    }
    Ok(faults)
}
