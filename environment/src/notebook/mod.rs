//! A notebook as the command reads and writes it.

mod python_json;

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use nbformat::v4::{DisplayData, ErrorOutput, ExecuteResult, MultilineString, Output};
use serde::Serialize;
use serde_json::{Value, json};

use crate::engine::{CellOutput, Failure, Stream};
use crate::media::{display_metadata, media};
use python_json::PythonJson;

/// The minor version of format 4 since which cells have ids.
const CELLS_HAVE_IDS: u64 = 5;

/// A notebook in format 4. What no run needs to understand stays as it was in the file.
#[derive(Debug)]
pub struct Notebook {
    json: Value,
    /// What was mended in it.
    mended: Vec<String>,
}

/// A cell of it, an object.
#[derive(Clone, Copy)]
pub struct Cell<'a>(&'a Value);

/// A code cell that a run gives its result, an object.
pub struct CodeCell<'a>(&'a mut Value);

impl Notebook {
    /// Reads the notebook at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, is not a notebook, or is in a format other than 4.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
        Self::parse(&text).with_context(|| format!("{name} is not a Jupyter notebook"))
    }

    /// As forgiving as Jupyter's own library. No error tells what the text holds.
    ///
    /// # Errors
    /// If the text is not a notebook in format 4.
    pub fn parse(text: &str) -> Result<Self> {
        let read = PythonJson::read(text.trim_start_matches('\u{feff}'));
        let mut json: Value = serde_json::from_str(&read.text)?;
        match json["nbformat"].as_f64() {
            Some(4.0) => {}
            Some(format) => bail!(
                "it is in format {format}; convert it with \
                 `jupyter nbconvert --to notebook --nbformat 4`"
            ),
            None => bail!("it does not say its format (`\"nbformat\": 4`)"),
        }
        ensure!(json["cells"].is_array(), "it has no list of cells");
        for (number, cell) in (1..).zip(cells(&json)) {
            ensure!(cell.is_object(), "its cell {number} is no object");
            ensure!(
                source(cell).is_some(),
                "the source of its cell {number} is not text"
            );
        }
        let mut mended = read.mended();
        mended.extend(mend(&mut json));
        Ok(Self { json, mended })
    }

    /// What was mended, in a sentence; `None` if nothing had to be.
    pub fn mended(&self) -> Option<String> {
        (!self.mended.is_empty()).then(|| format!("mended: {}.", self.mended.join("; ")))
    }

    /// All cells, in order.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        cells(&self.json).iter().map(Cell)
    }

    /// The same notebook of only the cells that `is_kept`, without their outputs.
    pub fn cut(&self, is_kept: impl Fn(Cell) -> bool) -> Self {
        let kept = self.cells().filter(|cell| is_kept(*cell));
        let kept = kept.map(|Cell(cell)| {
            let mut cell = cell.clone();
            if cell["cell_type"] == "code" {
                cell["outputs"] = json!([]);
                cell["execution_count"] = Value::Null;
            }
            cell
        });
        let mut json = self.json.clone();
        json["cells"] = kept.collect();
        Self {
            json,
            mended: vec![],
        }
    }

    /// Adds what `of_cell` makes of a cell to its metadata, under `name`.
    pub fn annotate(&mut self, name: &str, of_cell: impl Fn(Cell) -> Option<Value>) {
        for cell in cells_mut(&mut self.json) {
            if let Some(value) = of_cell(Cell(cell)) {
                cell["metadata"][name] = value;
            }
        }
    }

    /// The code cells that hold code, in order.
    pub fn code_cells(&mut self) -> Vec<CodeCell<'_>> {
        cells_mut(&mut self.json)
            .iter_mut()
            .filter(|cell| cell["cell_type"] == "code")
            .map(CodeCell)
            .filter(|cell| !cell.source().trim().is_empty())
            .collect()
    }

    /// The notebook as Jupyter writes it to a file.
    pub fn to_json(&self) -> Result<String> {
        let mut text = Vec::new();
        let layout = serde_json::ser::PrettyFormatter::with_indent(b" ");
        self.json
            .serialize(&mut serde_json::Serializer::with_formatter(
                &mut text, layout,
            ))?;
        text.push(b'\n');
        Ok(String::from_utf8(text)?)
    }
}

impl<'a> Cell<'a> {
    /// The cell that `json` describes.
    pub fn of(json: &'a Value) -> Self {
        Self(json)
    }

    /// The name by which nbgrader knows the cell, or nothing.
    pub fn grade_id(self) -> &'a str {
        self.0["metadata"]["nbgrader"]["grade_id"]
            .as_str()
            .unwrap_or_default()
    }

    /// The id, which notebooks before format 4.5 do not have.
    pub fn id(self) -> &'a str {
        self.0["id"].as_str().unwrap_or_default()
    }

    pub fn is_code(self) -> bool {
        self.0["cell_type"] == "code"
    }

    pub fn source(self) -> String {
        source(self.0).unwrap_or_default()
    }

    /// What the author wrote under `name` for this workbook.
    pub fn note(self, name: &str) -> &'a Value {
        &self.0["metadata"]["cuaderno"][name]
    }

    /// Whether the author marked the cell with `tag`.
    pub fn has_tag(self, tag: &str) -> bool {
        match &self.0["metadata"]["tags"] {
            Value::Array(tags) => tags.iter().any(|other| other == tag),
            // Written by hand: a single tag, or several with commas.
            Value::String(tags) => tags.split(',').any(|other| other.trim() == tag),
            _ => false,
        }
    }
}

impl CodeCell<'_> {
    pub fn source(&self) -> String {
        Cell(self.0).source()
    }

    /// Whether the author marked the cell with `tag`.
    pub fn has_tag(&self, tag: &str) -> bool {
        Cell(self.0).has_tag(tag)
    }

    /// Records that the cell ran as the `number`-th of the notebook.
    ///
    /// # Errors
    /// If the output cannot be written as JSON, which no output is known to cause.
    pub fn set_result(
        self,
        number: usize,
        output: &[CellOutput],
        failure: Option<&Failure>,
    ) -> Result<()> {
        let mut outputs: Vec<Output> = (output.iter())
            .map(|output| to_jupyter(output, number))
            .collect();
        if let Some(failure) = failure {
            outputs.push(Output::Error(ErrorOutput {
                ename: failure.name.to_owned(),
                evalue: failure.value.clone(),
                traceback: failure.readable().lines().map(str::to_owned).collect(),
            }));
        }
        self.0["execution_count"] = json!(number);
        self.0["outputs"] = serde_json::to_value(outputs)?;
        Ok(())
    }
}

fn cells(notebook: &Value) -> &[Value] {
    notebook["cells"].as_array().map_or(&[], Vec::as_slice)
}

fn cells_mut(notebook: &mut Value) -> &mut [Value] {
    notebook["cells"]
        .as_array_mut()
        .map_or(&mut [], Vec::as_mut_slice)
}

/// The text of a cell, which files hold whole or as lines. A cell without one is empty.
fn source(cell: &Value) -> Option<String> {
    match &cell["source"] {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Gives the notebook what the format asks for and programs forget, and says what it was.
fn mend(notebook: &mut Value) -> Vec<String> {
    let mut mended = Vec::new();
    if !notebook["metadata"].is_object() {
        notebook["metadata"] = json!({});
        mended.push("the notebook had no metadata".to_owned());
    }
    for (name, empty) in [("metadata", json!({})), ("source", json!(""))] {
        let count = fill(cells_mut(notebook).iter_mut(), name, &empty);
        mended.extend(count.map(|count| format!("{count} without `{name}`")));
    }
    for (name, empty) in [("outputs", json!([])), ("execution_count", Value::Null)] {
        let code = cells_mut(notebook)
            .iter_mut()
            .filter(|cell| cell["cell_type"] == "code");
        let count = fill(code, name, &empty);
        mended.extend(count.map(|count| format!("{count} without `{name}`")));
    }
    let minor = notebook["nbformat_minor"].as_u64().unwrap_or(0);
    let ids = cells(notebook).iter().any(|cell| cell.get("id").is_some());
    if minor < CELLS_HAVE_IDS && ids {
        mended.push(format!(
            "cells had ids, which format 4.{minor} does not know; it is 4.{CELLS_HAVE_IDS} now"
        ));
        notebook["nbformat_minor"] = json!(CELLS_HAVE_IDS);
    }
    if minor >= CELLS_HAVE_IDS || ids {
        mended.extend(
            give_ids(cells_mut(notebook))
                .map(|count| format!("{count} without a valid id of its own")),
        );
    }
    mended
}

/// Sets `name` where cells lack it; says how many, if any.
fn fill<'a>(
    cells: impl Iterator<Item = &'a mut Value>,
    name: &str,
    empty: &Value,
) -> Option<String> {
    let mut count = 0;
    for cell in cells.filter(|cell| cell.get(name).is_none()) {
        cell[name] = empty.clone();
        count += 1;
    }
    counted(count)
}

/// Gives an id to each cell that has none, one that the format does not allow, or that of a cell
/// before it; says how many, if any.
fn give_ids(cells: &mut [Value]) -> Option<String> {
    let mut taken: HashSet<String> = cells.iter().filter_map(valid_id).collect();
    let mut seen = HashSet::new();
    let mut count = 0;
    for (number, cell) in (1..).zip(cells) {
        if valid_id(cell).is_some_and(|id| seen.insert(id)) {
            continue;
        }
        let mut id = format!("cell-{number}");
        while !taken.insert(id.clone()) {
            id.push('-');
        }
        seen.insert(id.clone());
        cell["id"] = json!(id);
        count += 1;
    }
    counted(count)
}

fn valid_id(cell: &Value) -> Option<String> {
    let id = cell["id"].as_str()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    ((1..=64).contains(&id.len()) && id.chars().all(allowed)).then(|| id.to_owned())
}

fn counted(cells: usize) -> Option<String> {
    match cells {
        0 => None,
        1 => Some("1 cell".to_owned()),
        count => Some(format!("{count} cells")),
    }
}

fn to_jupyter(output: &CellOutput, number: usize) -> Output {
    match output {
        CellOutput::Text(stream, text) => Output::Stream {
            name: match stream {
                Stream::Stdout => "stdout".to_owned(),
                Stream::Stderr => "stderr".to_owned(),
            },
            text: MultilineString(text.clone()),
        },
        CellOutput::Value(contents) => Output::ExecuteResult(ExecuteResult {
            execution_count: jupyter_protocol::ExecutionCount(number),
            data: media(contents),
            metadata: display_metadata(contents),
        }),
        CellOutput::Display(contents, _) | CellOutput::Update(contents, _) => {
            Output::DisplayData(DisplayData {
                data: media(contents),
                metadata: display_metadata(contents),
            })
        }
        CellOutput::Clear { .. } => unreachable!("a page holds what it shows"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(rest: Value) -> Value {
        let mut cell = json!({
            "cell_type": "code", "metadata": {}, "execution_count": null, "outputs": [],
            "source": "1 + 1", "id": "a",
        });
        for (name, value) in rest.as_object().unwrap() {
            cell[name] = value.clone();
        }
        cell
    }

    fn notebook(minor: u64, cells: Vec<Value>) -> Value {
        json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": minor})
    }

    /// What the notebook reads as, and what is said of it.
    fn read(json: &Value) -> (Value, Option<String>) {
        let notebook = Notebook::parse(&json.to_string()).unwrap();
        let written = serde_json::from_str(&notebook.to_json().unwrap()).unwrap();
        (written, notebook.mended())
    }

    fn ids(notebook: &Value) -> Vec<&str> {
        let ids = cells(notebook).iter().map(|cell| cell["id"].as_str());
        ids.collect::<Option<_>>().unwrap()
    }

    #[test]
    fn what_is_not_understood_stays_as_it_was() {
        let old_result = json!({
            "output_type": "execute_result", "execution_count": null, "metadata": {},
            "data": {"image/png": "iVBORw0KGgo="},
        });
        let mut unusual = notebook(
            6,
            vec![
                json!({
                    "cell_type": "raw", "id": "r", "metadata": {}, "source": ["a\n", "b"],
                    "attachments": {"a.png": {"image/png": "iVBORw0KGgo="}},
                }),
                json!({"cell_type": "of the future", "id": "f", "metadata": {}, "source": ""}),
                code(json!({
                    "outputs": [old_result],
                    "metadata": {"tags": "one", "collapsed": "false", "mine": {"b": [1, 2.5]}},
                })),
            ],
        );
        unusual["metadata"] = json!({
            "authors": ["N. N. P.", "Luis Q."],
            "kernelspec": {"name": "rust"},
            "language_info": {"name": "rust", "version": 1.95},
        });
        assert_eq!(read(&unusual), (unusual.clone(), None));
        let old = notebook(
            4,
            vec![json!({"cell_type": "markdown", "metadata": {}, "source": ""})],
        );
        assert_eq!(read(&old), (old.clone(), None));
    }

    #[test]
    fn ids_that_are_not_unique_or_not_allowed_are_replaced() {
        let long = "x".repeat(65);
        let with =
            |ids: &[&str]| notebook(5, ids.iter().map(|id| code(json!({"id": id}))).collect());
        let (same, said) = read(&with(&["same", "same", "cell-2", "same"]));
        assert_eq!(ids(&same), ["same", "cell-2-", "cell-2", "cell-4"]);
        assert_eq!(
            said.unwrap(),
            "mended: 2 cells without a valid id of its own."
        );
        let (bad, _) = read(&with(&["cell 1.a", "", &long, "ä", "fine_-9"]));
        assert_eq!(
            ids(&bad),
            ["cell-1", "cell-2", "cell-3", "cell-4", "fine_-9"]
        );
    }

    #[test]
    fn ids_make_a_notebook_one_of_format_4_5() {
        let (mended, said) = read(&notebook(4, vec![code(json!({})), code(json!({}))]));
        assert_eq!(mended["nbformat_minor"], 5);
        assert_eq!(ids(&mended), ["a", "cell-2"]);
        assert!(said.unwrap().contains("which format 4.4 does not know"));
    }

    #[test]
    fn what_is_missing_is_empty() {
        let bare = json!({"nbformat": 4, "nbformat_minor": 5, "cells": [
            {"cell_type": "code", "id": "a", "source": "1 + 1"},
            {"cell_type": "markdown", "id": "b"},
        ]});
        let (mended, said) = read(&bare);
        assert_eq!(mended["metadata"], json!({}));
        assert_eq!(mended["cells"][0], code(json!({})));
        assert_eq!(
            mended["cells"][1],
            json!({"cell_type": "markdown", "id": "b", "metadata": {}, "source": ""})
        );
        assert_eq!(
            said.unwrap(),
            "mended: the notebook had no metadata; 2 cells without `metadata`; \
             1 cell without `source`; 1 cell without `outputs`; 1 cell without `execution_count`."
        );
    }

    #[test]
    fn what_python_writes_and_json_does_not_have_is_mended() {
        let text =
            notebook(5, vec![code(json!({"outputs": [{"x": 0.5, "y": "half"}]}))]).to_string();
        let python = text.replace("0.5", "NaN").replace("half", r"\ud83d");
        let mended = Notebook::parse(&python).unwrap();
        assert_eq!(
            mended.json["cells"][0]["outputs"],
            json!([{"x": null, "y": "\u{fffd}"}])
        );
        assert_eq!(
            mended.mended().unwrap(),
            "mended: numbers that JSON does not have (NaN, Infinity) are null now: 1; \
             halves of characters (lone surrogates) are U+FFFD now: 1."
        );
    }

    #[test]
    fn tags_are_a_list_or_a_text() {
        let tagged = |tags: Value| {
            let mut cell = code(json!({"metadata": {"tags": tags}}));
            CodeCell(&mut cell).has_tag("skip-execution")
        };
        assert!(tagged(json!(["slow", "skip-execution"])));
        assert!(tagged(json!("slow, skip-execution")));
        assert!(!tagged(json!(["skip-execution-not"])));
        assert!(!tagged(json!({"skip-execution": true})));
    }

    #[test]
    fn what_is_no_notebook_is_refused_without_its_content() {
        let refused = |text: &str| format!("{:#}", Notebook::parse(text).unwrap_err());
        assert!(refused("not json").contains("line 1 column"));
        assert_eq!(
            refused("[1]"),
            "it does not say its format (`\"nbformat\": 4`)"
        );
        assert!(refused(r#"{"nbformat": 3, "worksheets": []}"#).contains("format 3; convert"));
        assert_eq!(refused(r#"{"nbformat": 4}"#), "it has no list of cells");
        let secret = notebook(5, vec![code(json!({"source": {"secret": "secret"}}))]);
        assert_eq!(
            refused(&secret.to_string()),
            "the source of its cell 1 is not text"
        );
        assert_eq!(
            refused(&notebook(5, vec![json!("secret")]).to_string()),
            "its cell 1 is no object"
        );
        let text = notebook(5, vec![code(json!({"source": "secret"}))]).to_string();
        let bom = format!("\u{feff}{text}");
        assert!(Notebook::parse(&bom).is_ok());
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            assert!(!refused(&text[..end]).contains("secret"));
        }
    }

    /// All notebooks that come of `whole` when one of its parts is missing or something else.
    fn damaged(whole: &Value) -> Vec<Value> {
        let mut all: Vec<Value> =
            [json!(null), json!(-1), json!("text"), json!([]), json!({})].into();
        match whole {
            Value::Array(parts) => {
                for at in 0..parts.len() {
                    all.extend(damaged(&parts[at]).into_iter().map(|part| {
                        let mut whole = whole.clone();
                        whole[at] = part;
                        whole
                    }));
                }
            }
            Value::Object(parts) => {
                for name in parts.keys() {
                    let mut without = parts.clone();
                    without.remove(name);
                    all.push(Value::Object(without));
                    all.extend(damaged(&parts[name]).into_iter().map(|part| {
                        let mut whole = whole.clone();
                        whole[name] = part;
                        whole
                    }));
                }
            }
            _ => {}
        }
        all
    }

    #[test]
    fn whatever_part_is_damaged_the_notebook_is_read_or_refused() {
        let cell = code(json!({
            "source": ["1\n", "2"],
            "metadata": {"tags": ["slow"]},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["a"]}],
        }));
        let whole = notebook(
            5,
            vec![cell, json!({"cell_type": "markdown", "source": "b"})],
        );
        let (mut read, mut refused) = (0, 0);
        for damaged in damaged(&whole) {
            let Ok(mut notebook) = Notebook::parse(&damaged.to_string()) else {
                refused += 1;
                continue;
            };
            for cell in notebook.code_cells() {
                cell.has_tag("slow");
                cell.set_result(1, &[], None).unwrap();
            }
            let again = Notebook::parse(&notebook.to_json().unwrap()).unwrap();
            assert_eq!(again.mended(), None, "{damaged}");
            read += 1;
        }
        assert!(read > 50 && refused > 20, "{read} read, {refused} refused");
    }
}
