//! Expressions that a front end sends with a cell to learn their values when it has run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jupyter_protocol::messaging::{ExpressionResult, ReplyError};

use super::messages::error_of;
use super::shared::lock;
use crate::engine::{CellOutput, EngineThread};
use crate::media::{display_metadata, media};

/// The value of each expression, or what is wrong with it.
pub fn evaluate(
    engine: &mut EngineThread,
    expressions: &HashMap<String, String>,
) -> HashMap<String, ExpressionResult> {
    let value = |(name, code): (&String, &String)| (name.clone(), evaluate_one(engine, code));
    expressions.iter().map(value).collect()
}

fn evaluate_one(engine: &mut EngineThread, code: &str) -> ExpressionResult {
    let value = Arc::new(Mutex::new(None));
    let seen = value.clone();
    let on_output = move |output: &CellOutput| {
        if let CellOutput::Value(contents) = output {
            *lock(&seen) = Some(contents.clone());
        }
    };
    let result = engine.execute(code, None, None, &|_, _| None, Box::new(on_output));
    if let Some(failure) = &result.failure {
        let ReplyError {
            ename,
            evalue,
            traceback,
        } = error_of(failure);
        return ExpressionResult::Error {
            ename,
            evalue,
            traceback,
        };
    }
    let contents = lock(&value).take().unwrap_or_default();
    ExpressionResult::Ok {
        data: media(&contents),
        metadata: display_metadata(&contents),
    }
}
