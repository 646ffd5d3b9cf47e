//! The `cargo` that the engine calls. A no-op of the real one over the support crate's graph costs
//! longer than compiling a cell, so the questions whose answers are known are answered here: a cell
//! goes straight to rustc, metadata comes from the session. The rest goes to the real cargo.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::dependencies::{Dependencies, names_a_support_crate, requested, resolved};
use super::diagnostics::{self, Report};
use super::limits::ENDED;
use super::session::{Facts, LITERALS, METADATA, WORKING_DIRECTORY};
use super::source::Replaced;
use super::{includes, literals, macros, runtime, source, support};

/// Where the stand-in writes the process that compiles a cell, so that a time limit can end it and the
/// group that it leads.
pub const COMPILER: &str = "compiler.pid";

/// In the manifest with which evcxr asks whether there is a crate, before it asks about all. What is
/// offered is there.
const ASKED_ALONE: &str = "name = \"evcxr_dummy_validate_dep\"";

/// Acts on the arguments of this process as cargo would.
pub fn main() -> ExitCode {
    runtime::end_with_parent(libc::SIGKILL);
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match act(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(arguments: &[OsString]) -> Result<u8> {
    let (folder, facts) = Facts::of_this_session()?;
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let manifest = words.windows(2).find(|pair| pair[0] == "--manifest-path");
    let about_cells = match manifest {
        Some(pair) => Path::new(pair[1]) == folder.join("Cargo.toml"),
        None => std::env::current_dir()? == folder,
    };
    let command = words.iter().find(|word| !word.starts_with('-')).copied();
    match command {
        Some("build") if about_cells => compile(&folder, &facts, &["--emit=link"]),
        Some("check") if about_cells => compile(&folder, &facts, &["--emit=metadata"]),
        Some("metadata") if about_cells => metadata(&folder, &facts, words.contains(&"--no-deps")),
        Some("metadata") => sysroot_metadata(&facts, arguments),
        Some("locate-project") if about_cells => {
            println!("{}", json!({"root": folder.join("Cargo.toml")}));
            Ok(0)
        }
        _ => real(&facts, arguments)
            .status()
            .map(|status| status.code().unwrap_or(1) as u8)
            .with_context(|| format!("{} could not be started", facts.cargo.display())),
    }
}

/// The real cargo, with the environment as the user had it.
pub fn real(facts: &Facts, arguments: &[OsString]) -> Command {
    let mut command = Command::new(&facts.cargo);
    command.args(arguments);
    facts.restore(&mut command);
    command
}

impl Facts {
    fn restore(&self, command: &mut Command) {
        for (name, value) in [("PATH", &self.path), ("CARGO_HOME", &self.cargo_home)] {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// The compiler's stack, in bytes: eight times its own choice.
const STACK: &str = "67108864";

/// Compiles the crate of cells and reports as cargo does with `--message-format=json`. What the
/// compiler says of the student's code it leaves in the session's folder; evcxr hears no more than
/// what it can mend by itself.
fn compile(folder: &Path, facts: &Facts, emit: &[&str]) -> Result<u8> {
    ensure!(!folder.join(ENDED).exists(), "the cell was ended");
    let out = folder.join("out");
    let cell = folder.join("src/lib.rs");
    let generated = fs::read_to_string(&cell)?;
    if diagnostics::is_second_try(&generated) && Report::read(folder).is_some() {
        return refuse();
    }
    Report::remove(folder)?;
    let dependencies = Dependencies::of(folder, facts)?;
    let replaced = Replaced::read(folder);
    let source = source::adapt(&generated, &dependencies.source(), &replaced.names);
    let folder_of_notebook = fs::read_to_string(folder.join(WORKING_DIRECTORY))?;
    let source = macros::put_first(&source);
    let source = literals::restore(&source, &folder.join(LITERALS))?;
    let source = includes::from_folder(&source, Path::new(&folder_of_notebook));
    fs::write(&cell, source)?;
    let mut command = Command::new(&facts.rustc);
    command
        .args([
            "--crate-name=ctx",
            "--crate-type=cdylib",
            "--edition=2024",
            "--error-format=json",
        ])
        .args(emit)
        // Cells are compiled often and run once: what is slow in them happens in the support crate.
        .args([
            "-Copt-level=0",
            "-Cdebuginfo=0",
            "-Ccodegen-units=1",
            "-Cstrip=debuginfo",
        ])
        .args([
            "-Cmetadata=ctx",
            "-Coverflow-checks=on",
            "-Cdebug-assertions=on",
        ]);
    // Long sums are expressions within one another.
    command.env("RUST_MIN_STACK", STACK);
    link_support(&mut command, folder, METADATA, facts);
    dependencies.add_to(&mut command, folder);
    command
        .arg("--out-dir")
        .arg(&out)
        .arg(cell)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut compiler = command
        .spawn()
        .with_context(|| format!("{} could not be started", facts.rustc.display()))?;
    let pid_file = folder.join(COMPILER);
    fs::write(&pid_file, compiler.id().to_string())?;
    let mut errors = Vec::new();
    for line in BufReader::new(compiler.stderr.take().context("stderr is piped")?).lines() {
        let line = line?;
        match serde_json::from_str::<Value>(&line) {
            Ok(message) if message["level"] == "error" => errors.push(message),
            Ok(_) => {}
            Err(_) => eprintln!("{line}"),
        }
    }
    let status = compiler.wait()?;
    fs::remove_file(&pid_file)?;
    ensure!(!folder.join(ENDED).exists(), "the cell was ended");
    if status.success() {
        let artifact = json!({
            "reason": "compiler-artifact",
            "target": {"name": "ctx"},
            "filenames": [out.join(shared_object("ctx"))],
        });
        println!("{artifact}");
        return Ok(0);
    }
    Report::write(folder, &generated, &errors)?;
    // Before the first `?` of a session evcxr writes no type for its error, and mends that.
    let has_error_type = generated.contains("EvcxrUserCodeError");
    if has_error_type && errors.iter().any(diagnostics::is_the_students) {
        return refuse();
    }
    for mut message in errors {
        point_at_the_variable_alone(&mut message);
        let wrapped = json!({"reason": "compiler-message", "message": message});
        println!("{wrapped}");
    }
    Ok(status.code().unwrap_or(1) as u8)
}

/// Tells evcxr that the student's code does not compile, which it cannot mend.
fn refuse() -> Result<u8> {
    let message = json!({
        "message": diagnostics::REFUSED, "level": "error", "code": null, "spans": [],
        "children": [],
    });
    println!(
        "{}",
        json!({"reason": "compiler-message", "message": message})
    );
    Ok(1)
}

/// A variable that the cell itself gives away cannot be kept, and evcxr tries again without keeping
/// it. Where the compiler also points at the cell's last expression as the taker, evcxr would show
/// that by its text, and a figure would be lost.
fn point_at_the_variable_alone(message: &mut Value) {
    const MOVED: &str = "E0382";
    if message["code"]["code"] != MOVED {
        return;
    }
    let is_keeping = |span: &Value| {
        let text = span["text"][0]["text"].as_str().unwrap_or_default();
        span["is_primary"] == true && text.contains("evcxr_variable_store.put_variable")
    };
    let Some(spans) = message["spans"].as_array_mut() else {
        return;
    };
    if spans.iter().any(is_keeping) {
        spans.retain(is_keeping);
        message["children"] = json!([]);
    }
}

/// Lets the compiler find the session's copy of the support crate, and through it the standard
/// library; what the support crate names is in the session's folder of `libraries`.
pub fn link_support(rustc: &mut Command, folder: &Path, libraries: &str, facts: &Facts) {
    let mut rpath = OsString::from("-Clink-arg=-Wl,-rpath,");
    rpath.push(folder);
    let mut dependencies = OsString::from("dependency=");
    dependencies.push(folder.join(libraries));
    let mut library = OsString::from("cuaderno=");
    library.push(&facts.library);
    rustc
        .arg("--sysroot")
        .arg(folder.join("sysroot"))
        .arg(rpath)
        .arg("-L")
        .arg(dependencies)
        .arg("--extern")
        .arg(library)
        .env_remove("RUSTFLAGS");
    facts.restore(rustc);
}

/// The file name of a shared library.
pub fn shared_object(name: &str) -> PathBuf {
    format!(
        "{}{name}{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
    .into()
}

fn metadata(folder: &Path, facts: &Facts, without_dependencies: bool) -> Result<u8> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    let requested = facts.allowed(requested(&manifest, &facts.offered))?;
    ensure!(
        !names_a_support_crate(&manifest),
        "every cell has the workbook's own `cuaderno` and cannot have another one: leave this line \
         out, or write `:dep cuaderno`"
    );
    let is_there = |line: &String| facts.prebuilt.is_some() || facts.offers(line);
    if manifest.contains(ASKED_ALONE) && requested.iter().all(is_there) {
        println!("{{}}");
        return Ok(0);
    }
    let path = folder.to_str().context("the session's path is not UTF-8")?;
    let mut metadata = support::metadata_for_cells(&facts.packages, path);
    if !requested.is_empty() {
        resolved(&requested, facts)?.add_to(&mut metadata);
    }
    if without_dependencies {
        metadata["resolve"] = Value::Null;
    }
    println!("{metadata}");
    Ok(0)
}

/// Metadata of the standard library: the same for as long as the toolchain is.
fn sysroot_metadata(facts: &Facts, arguments: &[OsString]) -> Result<u8> {
    let output = real(facts, arguments).stderr(Stdio::inherit()).output()?;
    std::io::stdout().write_all(&output.stdout)?;
    Ok(output.status.code().unwrap_or(1) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_keeps_a_variable_is_pointed_at_alone() {
        let span = |is_primary: bool, text: &str| json!({"is_primary": is_primary, "text": [{"text": text}]});
        let keeping = span(
            true,
            "evcxr_variable_store.put_variable::<Tensor>(stringify!(a), a);",
        );
        let message = |code: &str, first: &Value| {
            json!({
                "code": {"code": code},
                "spans": [first, span(false, "side_by_side(&[a])?")],
                "children": [{"message": "clone it"}],
            })
        };
        let mut moved = message("E0382", &keeping);
        point_at_the_variable_alone(&mut moved);
        assert_eq!(
            (&moved["spans"], &moved["children"]),
            (&json!([keeping]), &json!([]))
        );
        for other in [
            message("E0382", &span(true, "a.dims()")),
            message("E0521", &keeping),
        ] {
            let mut same = other.clone();
            point_at_the_variable_alone(&mut same);
            assert_eq!(same, other);
        }
    }
}
