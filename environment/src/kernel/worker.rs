//! The thread that owns the engine: starts it, and works through what needs it in order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anyhow::Result;
use jupyter_protocol::messaging::{
    ErrorOutput, ExecuteInput, ExecuteReply, ExecuteRequest, ExecutionState, InputRequest,
    ReplyError, ReplyStatus, StreamContent,
};
use jupyter_protocol::{ExecutionCount, JupyterMessage, JupyterMessageContent};

use super::messages::{error_of, message};
use super::shared::{Shared, lock};
use super::{complete, expressions, start};
use crate::engine::{CellOutput, EngineThread, Failure, asks_for_crates};

/// Answers requests that need the engine for as long as this process lives. `typed` brings the lines
/// that the user types.
pub fn work(shared: Arc<Shared>, typed: mpsc::Receiver<String>) {
    let mut worker = Worker {
        engine: None,
        cells: 0,
        typed,
        shared,
    };
    // What goes wrong is told by the first cell, which tries again.
    if worker.engine().is_ok() {
        worker.warm_up();
    }
    loop {
        let request = worker.shared.next();
        worker
            .shared
            .publisher
            .status(ExecutionState::Busy, &request);
        worker.answer(&request);
        worker.shared.done();
        worker
            .shared
            .publisher
            .status(ExecutionState::Idle, &request);
        if let JupyterMessageContent::ExecuteRequest(cell) = &request.content
            && asks_for_crates(&cell.code)
        {
            worker.learn_of_crates();
        }
    }
}

struct Worker {
    engine: Option<EngineThread>,
    /// Cells so far.
    cells: usize,
    typed: mpsc::Receiver<String>,
    shared: Arc<Shared>,
}

impl Worker {
    /// The engine, started if it is not.
    fn engine(&mut self) -> Result<&mut EngineThread> {
        if self.engine.is_none() {
            let engine = start::engine(&self.shared)?;
            self.shared
                .will_end(engine.processes(), engine.folder().to_owned());
            self.engine = Some(engine);
        }
        Ok(self.engine.as_mut().expect("it has just been started"))
    }

    /// Lets the analyser learn the types that every notebook uses, unless a cell waits already; it
    /// would learn them in the first cell.
    fn warm_up(&mut self) {
        const FIRST_CELL: &str = "use cuaderno::prelude::*;\n\
            let mut rng = Rng::new(1);\n\
            let x = rng.normal(0.0, 1.0, &[2, 3])?;\n\
            let y = (x.matmul(&x.t()?)? + 1.0)?.relu()?;";
        let directory = self.shared.working_directory.clone();
        let idle = self.shared.is_idle();
        if let Some(engine) = self.engine.as_mut().filter(|_| idle) {
            engine.execute(FIRST_CELL, None, None, &|_, _| None, Box::new(|_| {}));
            if engine.reset(&directory).is_err() {
                self.engine = None;
            }
        }
    }

    /// Lets the analyser learn the types of crates that a cell has asked for, while the student reads;
    /// otherwise the next cell with a `?` or a method would wait for that.
    fn learn_of_crates(&mut self) {
        const ANY_TRAIT: &str = "let learned: u64 = Some(1u32)?.into()";
        let idle = self.shared.is_idle();
        if let Some(engine) = self.engine.as_mut().filter(|_| idle) {
            // What the analyser says of it does not matter.
            let _ = engine.describe(ANY_TRAIT, "let learned".len());
        }
    }

    fn answer(&mut self, request: &JupyterMessage) {
        let reply: JupyterMessageContent = match &request.content {
            JupyterMessageContent::ExecuteRequest(cell) => self.execute(request, cell).into(),
            JupyterMessageContent::CompleteRequest(asked) => match self.engine() {
                Ok(engine) => complete::complete(engine, &asked.code, asked.cursor_pos).into(),
                Err(_) => return,
            },
            JupyterMessageContent::InspectRequest(asked) => match self.engine() {
                Ok(engine) => complete::inspect(engine, &asked.code, asked.cursor_pos).into(),
                Err(_) => return,
            },
            _ => return,
        };
        let failed = matches!(&reply, JupyterMessageContent::ExecuteReply(reply) if reply.status == ReplyStatus::Error);
        self.shared.replies.reply(reply, request);
        let stops = matches!(&request.content, JupyterMessageContent::ExecuteRequest(cell) if cell.stop_on_error);
        if failed && stops {
            self.abort_the_waiting();
        }
    }

    fn execute(&mut self, request: &JupyterMessage, cell: &ExecuteRequest) -> ExecuteReply {
        let shared = self.shared.clone();
        if cell.code.trim().is_empty() {
            return self.reply(None);
        }
        if !cell.silent {
            self.cells += usize::from(cell.store_history);
            let input = ExecuteInput {
                code: cell.code.clone(),
                execution_count: ExecutionCount::new(self.cells),
            };
            shared.publisher.publish(input, request);
        }
        shared.interrupts.clear();
        let outcome = self.run(request, cell);
        let (value, interrupted, failure) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => (String::new(), false, Some(Failure::not_ready(&error))),
        };
        if cell.store_history && !cell.silent {
            lock(&shared.history).add(self.cells, &cell.code, value);
        }
        if let Some(failure) = &failure {
            let ReplyError {
                ename,
                evalue,
                traceback,
            } = error_of(failure);
            let error = ErrorOutput {
                ename,
                evalue,
                traceback,
            };
            shared.publisher.publish(error, request);
        } else if interrupted {
            let note = "Interrupted: the cell ended early, with what it had. Cells that waited are not run.\n";
            shared
                .publisher
                .publish(StreamContent::stderr(note), request);
            self.abort_the_waiting();
        }
        let mut reply = self.reply(failure.as_ref());
        if let (None, Some(asked), Some(engine)) =
            (&failure, &cell.user_expressions, &mut self.engine)
        {
            reply.user_expressions = Some(expressions::evaluate(engine, asked));
        }
        reply
    }

    /// Runs the cell; returns the text of its value, whether it was interrupted, and its failure.
    fn run(
        &mut self,
        request: &JupyterMessage,
        cell: &ExecuteRequest,
    ) -> Result<(String, bool, Option<Failure>)> {
        self.engine()?;
        let engine = self.engine.as_mut().expect("it has just been started");
        let value = Arc::new(Mutex::new(String::new()));
        let on_output = {
            let (publisher, request) = (self.shared.publisher.clone(), request.clone());
            let (value, silent, count) = (value.clone(), cell.silent, self.cells);
            move |output: &CellOutput| {
                if let CellOutput::Value(contents) = output {
                    *lock(&value) = contents
                        .by_type
                        .get("text/plain")
                        .cloned()
                        .unwrap_or_default();
                    if silent {
                        return;
                    }
                }
                publisher.publish(message(output, count), &request);
            }
        };
        let number = (cell.store_history && !cell.silent).then_some(self.cells);
        let (typed, shared) = (&self.typed, &self.shared);
        let ask_user = |prompt: &str, hidden: bool| {
            if !cell.allow_stdin {
                return None;
            }
            let asked = InputRequest {
                prompt: prompt.to_owned(),
                password: hidden,
            };
            while typed.try_recv().is_ok() {}
            shared.input_requests.reply(asked, request);
            loop {
                match typed.recv_timeout(Duration::from_millis(50)) {
                    Ok(line) => return Some(line),
                    Err(_) if shared.interrupts.count() > 0 => return None,
                    Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                }
            }
        };
        let result = engine.execute(&cell.code, number, None, &ask_user, Box::new(on_output));
        let value = std::mem::take(&mut *lock(&value));
        Ok((value, result.interrupted, result.failure))
    }

    fn reply(&self, failure: Option<&Failure>) -> ExecuteReply {
        ExecuteReply {
            status: failure.map_or(ReplyStatus::Ok, |_| ReplyStatus::Error),
            execution_count: ExecutionCount::new(self.cells),
            payload: vec![],
            user_expressions: Some(HashMap::new()),
            error: failure.map(|failure| Box::new(error_of(failure))),
        }
    }

    /// The cells that a front end sent together with one that failed are not run.
    fn abort_the_waiting(&self) {
        // They may still be on their way from the socket.
        std::thread::sleep(Duration::from_millis(20));
        let cells = self.shared.take_waiting(|request| {
            matches!(request.content, JupyterMessageContent::ExecuteRequest(_))
        });
        for request in &cells {
            let aborted = ExecuteReply {
                status: ReplyStatus::Aborted,
                ..self.reply(None)
            };
            self.shared.publisher.status(ExecutionState::Busy, request);
            self.shared.replies.reply(aborted, request);
            self.shared.publisher.status(ExecutionState::Idle, request);
        }
    }
}
