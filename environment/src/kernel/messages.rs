//! What a cell puts out, as Jupyter's messages.

use jupyter_protocol::messaging::{
    ClearOutput, DisplayData, ExecuteResult, ReplyError, StreamContent, Transient,
    UpdateDisplayData,
};
use jupyter_protocol::{ExecutionCount, JupyterMessageContent};

use crate::engine::{CellOutput, Contents, Failure, Stream};
use crate::media::{display_metadata, media};

/// The message that tells a front end of `output`; `count` is the cell's number.
pub fn message(output: &CellOutput, count: usize) -> JupyterMessageContent {
    let transient = |id: Option<&String>| Transient {
        display_id: id.cloned(),
    };
    let shown = |contents: &Contents| (media(contents), display_metadata(contents));
    match output {
        CellOutput::Text(Stream::Stdout, text) => StreamContent::stdout(text).into(),
        CellOutput::Text(Stream::Stderr, text) => StreamContent::stderr(text).into(),
        CellOutput::Value(contents) => {
            let (data, metadata) = shown(contents);
            ExecuteResult {
                execution_count: ExecutionCount::new(count),
                data,
                metadata,
                transient: Some(Transient::default()),
            }
            .into()
        }
        CellOutput::Display(contents, id) => {
            let (data, metadata) = shown(contents);
            DisplayData {
                data,
                metadata,
                transient: Some(transient(id.as_ref())),
            }
            .into()
        }
        CellOutput::Update(contents, id) => {
            let (data, metadata) = shown(contents);
            UpdateDisplayData {
                data,
                metadata,
                transient: transient(Some(id)),
            }
            .into()
        }
        CellOutput::Clear { wait } => ClearOutput { wait: *wait }.into(),
    }
}

/// The failure as Jupyter has it.
pub fn error_of(failure: &Failure) -> ReplyError {
    ReplyError {
        ename: failure.name.to_owned(),
        evalue: failure.value.clone(),
        traceback: failure.readable().lines().map(str::to_owned).collect(),
    }
}
