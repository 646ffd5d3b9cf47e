//! `cargo cuaderno data`: the data sets of the workbook, where they are and whether they are right.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use cuaderno_datasets::{
    Cache, Catalogue, Condition, DataSet, FetchOptions, PlainLines, Progress, catalogue, fetch,
    megabytes,
};
use indicatif::{ProgressBar, ProgressStyle};

/// What to do with the data sets.
#[derive(clap::Subcommand)]
pub enum DataCommand {
    /// List the data sets, and say which are here.
    List,
    /// Fetch data sets into the cache; what is there is verified, and mended if it is wrong.
    Fetch {
        /// The data sets, as `list` names them.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// A folder that has the files, or a folder for each set; it is tried first.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Read every file of the cache again and compare it with the catalogue.
    Verify,
    /// Print the folder of a data set.
    Path {
        /// The data set, as `list` names it.
        name: String,
    },
}

/// Does what `command` says.
///
/// # Errors
/// If a data set is unknown or cannot be fetched, or `verify` found files that are not right.
pub fn run(command: DataCommand) -> Result<()> {
    let cache = Cache::of_user()?;
    match command {
        DataCommand::List => print!("{}", table(catalogue(), &cache)),
        DataCommand::Fetch { names, from } => {
            let sets = names.iter().map(|name| catalogue().get(name));
            let sets = sets.collect::<Result<Vec<_>, _>>()?;
            let mut options = FetchOptions::from_environment();
            options.from = from.or(options.from);
            for set in sets {
                println!("{}", fetch_shown(set, &cache, &options)?.display());
            }
        }
        DataCommand::Verify => {
            let report = Verification::of(catalogue(), &cache)?;
            print!("{}", report.text);
            if !report.to_mend.is_empty() {
                bail!(
                    "files are wrong or missing; mend them with `cargo cuaderno data fetch {}`",
                    report.to_mend.join(" ")
                );
            }
        }
        DataCommand::Path { name } => {
            let set = catalogue().get(&name)?;
            println!("{}", cache.folder(set).display());
            if !cache.is_complete(set) {
                eprintln!("{name} is {}: {}", state(set, &cache), fetch_hint(set));
            }
        }
    }
    Ok(())
}

/// One line a data set, in columns.
fn table(catalogue: &Catalogue, cache: &Cache) -> String {
    let mut rows = vec![["NAME", "TITLE", "SIZE", "STATE", "LICENCE"].map(String::from)];
    rows.extend(catalogue.sets().iter().map(|set| {
        [
            set.name.clone(),
            set.title.clone(),
            megabytes(set.size()),
            state(set, cache),
            set.licence.clone(),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or(0)).collect();

    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line += &format!("{cell:<width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text + &format!("\nThe data sets are in {}.\n", cache.root().display())
}

fn state(set: &DataSet, cache: &Cache) -> String {
    match cache.count_present(set) {
        0 => "not here".to_string(),
        all if all == set.files.len() => "complete".to_string(),
        some => format!("partial ({some} of {} files)", set.files.len()),
    }
}

fn fetch_hint(set: &DataSet) -> String {
    format!("`cargo cuaderno data fetch {}`", set.name)
}

/// Fetches `set` and shows how far it is: as a bar on a terminal, otherwise in lines.
fn fetch_shown(set: &DataSet, cache: &Cache, options: &FetchOptions) -> Result<PathBuf> {
    let style = "{msg}  {bar:30}  {decimal_bytes} of {decimal_total_bytes}";
    let bar = ProgressBar::no_length().with_style(ProgressStyle::with_template(style)?);
    let mut lines = PlainLines::new();
    let fetched = fetch(set, cache, options, &mut |progress| match progress {
        Progress::Downloading {
            file, done, total, ..
        } if !bar.is_hidden() => draw(&bar, file, done, total.unwrap_or(done)),
        Progress::Unpacking {
            file, done, total, ..
        } if !bar.is_hidden() => draw(&bar, file, done, total),
        event => bar.suspend(|| lines.print(event)),
    });
    bar.finish_and_clear();
    Ok(fetched?)
}

fn draw(bar: &ProgressBar, file: &str, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
    if bar.message() != file {
        bar.set_message(file.to_string());
    }
}

/// What `verify` found.
struct Verification {
    /// A line for each file of each set of which something is here.
    text: String,
    /// The sets to fetch again.
    to_mend: Vec<String>,
}

impl Verification {
    fn of(catalogue: &Catalogue, cache: &Cache) -> Result<Self> {
        let mut text = String::new();
        let mut to_mend = Vec::new();
        for set in catalogue.sets() {
            let files = cache.verify(set)?;
            if files
                .iter()
                .all(|file| file.condition == Condition::Missing)
            {
                writeln!(text, "{}: not here", set.name)?;
                continue;
            }
            writeln!(text, "{}:", set.name)?;
            for stored in &files {
                let condition = match stored.condition {
                    Condition::Good => "ok",
                    Condition::Missing => "missing",
                    Condition::Wrong => "wrong",
                };
                writeln!(text, "  {condition:<7}  {}", stored.path.display())?;
            }
            if files.iter().any(|file| file.condition != Condition::Good) {
                writeln!(text, "  mend with {}", fetch_hint(set))?;
                to_mend.push(set.name.clone());
            }
        }
        Ok(Self { text, to_mend })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Two sets of files that say `hello`; `greetings` has two of them.
    fn two_sets() -> Catalogue {
        let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let set = |name: &str, files: &[&str]| {
            let mut text = format!(
                "[[set]]\nname = '{name}'\ntitle = 'The {name}'\ntask = ''\nshapes = ''\n\
                 licence = 'CC0'\ncitation = ''\n"
            );
            for file in files {
                text += &format!("[[set.file]]\nname = '{file}'\nsize = 5\nsha256 = '{hash}'\n");
            }
            text
        };
        Catalogue::parse(&(set("greetings", &["a", "b"]) + &set("farewells", &["c"]))).unwrap()
    }

    fn write(cache: &Cache, file: &str, content: &str) {
        let path = cache.root().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn the_table_is_aligned_and_says_what_is_here() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        write(&cache, "greetings/a", "hello");
        let expected = format!(
            "NAME       TITLE          SIZE  STATE                   LICENCE\n\
             greetings  The greetings  10 B  partial (1 of 2 files)  CC0\n\
             farewells  The farewells  5 B   not here                CC0\n\
             \n\
             The data sets are in {}.\n",
            folder.path().display()
        );
        assert_eq!(table(&two_sets(), &cache), expected);
        write(&cache, "greetings/b", "hello");
        assert!(table(&two_sets(), &cache).contains("10 B  complete  CC0"));
    }

    #[test]
    fn verify_names_each_file_and_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        write(&cache, "greetings/a", "hello");
        write(&cache, "greetings/b", "hullo");
        let report = Verification::of(&two_sets(), &cache).unwrap();
        let data = folder.path().join("greetings");
        assert_eq!(
            report.text,
            format!(
                "greetings:\n  ok       {}\n  wrong    {}\n  mend with `cargo cuaderno data fetch \
                 greetings`\nfarewells: not here\n",
                data.join("a").display(),
                data.join("b").display()
            )
        );
        assert_eq!(report.to_mend, ["greetings"]);

        write(&cache, "greetings/b", "hello");
        let report = Verification::of(&two_sets(), &cache).unwrap();
        assert!(report.to_mend.is_empty(), "{}", report.text);
    }
}
