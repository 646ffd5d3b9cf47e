//! What cargo says while it builds, passed on as it comes.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Output};

use anyhow::{Result, anyhow};

/// The file of a session in which the cargo stand-in tells the engine what cargo says.
const FILE: &str = "progress";

/// Waits for a cargo whose output is piped; `on_progress` sees each line of standard error, if that
/// is piped, too.
///
/// # Errors
/// If the output cannot be read.
pub fn wait(mut cargo: Child, on_progress: impl Fn(&str)) -> Result<Output> {
    let said = cargo.stderr.take();
    std::thread::scope(|scope| {
        let output = scope.spawn(move || cargo.wait_with_output());
        // Read to the end, whatever is in it: cargo must not find its pipe closed.
        let lines = said.map(|said| BufReader::new(said).split(b'\n').map_while(Result::ok));
        for line in lines.into_iter().flatten() {
            on_progress(&String::from_utf8_lossy(&line));
        }
        let output = output.join();
        Ok(output.map_err(|_| anyhow!("the thread that reads cargo's messages panicked"))??)
    })
}

/// Tells the engine of the session in `folder`.
pub fn tell(folder: &Path, line: &str) {
    let file = File::options()
        .create(true)
        .append(true)
        .open(folder.join(FILE));
    // Nothing depends on it.
    let _ = file.and_then(|mut file| writeln!(file, "{line}"));
}

/// What the stand-in tells while one cell is made ready.
pub struct Progress {
    file: PathBuf,
    heard: usize,
}

impl Progress {
    /// Forgets what was told for earlier cells.
    pub fn anew(folder: &Path) -> Self {
        let file = folder.join(FILE);
        // Mostly there is none.
        let _ = fs::remove_file(&file);
        Self { file, heard: 0 }
    }

    /// The whole lines since the last call.
    pub fn news(&mut self) -> Option<String> {
        let told = fs::read_to_string(&self.file).ok()?;
        let end = told.rfind('\n')? + 1;
        let news = told.get(self.heard..end)?.to_owned();
        self.heard = end;
        (!news.is_empty()).then_some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_heard_once_and_only_by_its_cell() {
        let folder = tempfile::tempdir().unwrap();
        let mut progress = Progress::anew(folder.path());
        assert_eq!(progress.news(), None);
        tell(folder.path(), "Compiling one");
        assert_eq!(progress.news().as_deref(), Some("Compiling one\n"));
        assert_eq!(progress.news(), None);
        tell(folder.path(), "Compiling two");
        assert_eq!(progress.news().as_deref(), Some("Compiling two\n"));
        assert_eq!(Progress::anew(folder.path()).news(), None);
    }
}
