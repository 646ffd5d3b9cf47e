//! A notebook as the headless run reads and writes it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use nbformat::v4::{Cell, DisplayData, ErrorOutput, ExecuteResult, MultilineString, Output};

use crate::engine::{CellOutput, Failure, Stream};
use crate::media::{display_metadata, media};

/// A notebook in format 4.
pub struct Notebook(nbformat::v4::Notebook);

/// A code cell of it.
pub struct CodeCell<'a> {
    source: &'a [String],
    execution_count: &'a mut Option<i32>,
    outputs: &'a mut Vec<Output>,
}

impl Notebook {
    /// Reads the notebook at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, is not a notebook, or is in a format before 4.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
        let notebook = match nbformat::parse_notebook(&text) {
            Ok(nbformat::Notebook::V4(notebook)) => notebook,
            Ok(nbformat::Notebook::V4QuirksMode(quirks)) => quirks.repair(),
            Ok(nbformat::Notebook::Legacy(notebook)) => {
                nbformat::upgrade_legacy_notebook(notebook)?
            }
            Ok(nbformat::Notebook::V3(_)) => bail!(
                "{name} is a notebook in format 3; convert it with `jupyter nbconvert --to notebook`"
            ),
            Ok(_) => bail!("{name} is a notebook in a format that is not known here"),
            Err(error) => bail!("{name} is not a Jupyter notebook: {error}"),
        };
        Ok(Self(notebook))
    }

    /// The code cells that hold code, in order, without the outputs they had.
    pub fn code_cells(&mut self) -> Vec<CodeCell<'_>> {
        let cells = self.0.cells.iter_mut().filter_map(|cell| match cell {
            Cell::Code {
                source,
                execution_count,
                outputs,
                ..
            } => {
                outputs.clear();
                *execution_count = None;
                Some(CodeCell {
                    source,
                    execution_count,
                    outputs,
                })
            }
            _ => None,
        });
        cells
            .filter(|cell| !cell.source().trim().is_empty())
            .collect()
    }

    /// The notebook as a file holds it.
    pub fn to_json(&self) -> Result<String> {
        let notebook = nbformat::Notebook::V4(self.0.clone());
        Ok(nbformat::serialize_notebook(&notebook)? + "\n")
    }
}

impl CodeCell<'_> {
    pub fn source(&self) -> String {
        self.source.concat()
    }

    /// Records that the cell ran as the `number`-th of the notebook.
    pub fn set_result(self, number: usize, output: &[CellOutput], failure: Option<&Failure>) {
        *self.execution_count = Some(number as i32);
        *self.outputs = output
            .iter()
            .map(|output| to_jupyter(output, number))
            .collect();
        if let Some(failure) = failure {
            self.outputs.push(Output::Error(ErrorOutput {
                ename: failure.name.to_owned(),
                evalue: failure.value.clone(),
                traceback: failure.readable().lines().map(str::to_owned).collect(),
            }));
        }
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
