//! The thread that owns the engine: starts it, and works through what needs it in order.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use anyhow::Result;
use jupyter_protocol::messaging::{
    ErrorOutput, ExecuteInput, ExecuteReply, ExecuteRequest, ExecutionState, InputRequest,
    ReplyError, ReplyStatus, StreamContent,
};
use jupyter_protocol::{ExecutionCount, JupyterMessage, JupyterMessageContent};

use super::channels::{Publisher, Replies};
use super::complete;
use super::history::History;
use super::messages::{error_of, message};
use crate::engine::{CellOutput, Engine, Failure, Interrupts, Processes, Settings, Support};
use crate::toolchain::Toolchain;

/// What the worker shares with the threads of the sockets.
pub struct Shared {
    pub publisher: Publisher,
    pub replies: Replies,
    pub input_requests: Replies,
    pub interrupts: Interrupts,
    pub history: Mutex<History>,
    /// The folder that Jupyter started this kernel in.
    pub working_directory: PathBuf,
    requests: Mutex<VecDeque<JupyterMessage>>,
    arrived: Condvar,
    /// What the worker works on.
    current: Mutex<Option<JupyterMessage>>,
    /// What must end when this process does: the engine's processes and its folder.
    to_end: Mutex<Option<(Processes, PathBuf)>>,
}

impl Shared {
    pub fn new(publisher: Publisher, replies: Replies, input_requests: Replies) -> Result<Self> {
        Ok(Self {
            publisher,
            replies,
            input_requests,
            interrupts: Interrupts::default(),
            history: Mutex::default(),
            working_directory: std::env::current_dir()?,
            requests: Mutex::default(),
            arrived: Condvar::new(),
            current: Mutex::default(),
            to_end: Mutex::default(),
        })
    }

    /// Lets the worker answer `request` when it has answered those before.
    pub fn enqueue(&self, request: JupyterMessage) {
        lock(&self.requests).push_back(request);
        self.arrived.notify_all();
    }

    /// The request that is being worked on.
    pub fn current(&self) -> Option<JupyterMessage> {
        lock(&self.current).clone()
    }

    /// Ends the engine's processes and removes its folder.
    pub fn end(&self) {
        if let Some((processes, folder)) = lock(&self.to_end).take() {
            processes.kill();
            // What is left, the next kernel clears away.
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    fn next(&self) -> JupyterMessage {
        let requests = lock(&self.requests);
        let mut requests = self
            .arrived
            .wait_while(requests, |requests| requests.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let next = requests.pop_front().expect("waited until there is one");
        drop(requests);
        *lock(&self.current) = Some(next.clone());
        next
    }

    fn is_idle(&self) -> bool {
        lock(&self.requests).is_empty()
    }

    /// Tells the cell that waits for the engine, if one does, what it waits for.
    fn tell_the_waiting(&self, line: &str) {
        let waiting = lock(&self.requests)
            .front()
            .cloned()
            .or_else(|| self.current());
        if let Some(waiting) = waiting {
            let text = StreamContent::stderr(&format!("{line}\n"));
            self.publisher.publish(text, &waiting);
        }
    }
}

pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

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
        *lock(&worker.shared.current) = None;
        worker
            .shared
            .publisher
            .status(ExecutionState::Idle, &request);
    }
}

struct Worker {
    engine: Option<Engine>,
    /// Cells so far.
    cells: usize,
    typed: mpsc::Receiver<String>,
    shared: Arc<Shared>,
}

impl Worker {
    /// The engine, started if it is not.
    fn engine(&mut self) -> Result<&mut Engine> {
        if self.engine.is_none() {
            let engine = start_engine(&self.shared)?;
            *lock(&self.shared.to_end) = Some((engine.processes(), engine.folder().to_owned()));
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
            engine.execute(FIRST_CELL, None, &|_, _| String::new(), Box::new(|_| {}));
            if engine.reset(&directory).is_err() {
                self.engine = None;
            }
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
        self.reply(failure.as_ref())
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
                    *lock(&value) = contents.get("text/plain").cloned().unwrap_or_default();
                    if silent {
                        return;
                    }
                }
                publisher.publish(message(output, count), &request);
            }
        };
        let (typed, shared) = (&self.typed, &self.shared);
        let ask_user = |prompt: &str, hidden: bool| {
            if !cell.allow_stdin {
                let note =
                    "This front end cannot be asked for input; the cell reads an empty line.\n";
                shared
                    .publisher
                    .publish(StreamContent::stderr(note), request);
                return String::new();
            }
            let asked = InputRequest {
                prompt: prompt.to_owned(),
                password: hidden,
            };
            while typed.try_recv().is_ok() {}
            shared.input_requests.reply(asked, request);
            loop {
                match typed.recv_timeout(Duration::from_millis(50)) {
                    Ok(line) => return line,
                    Err(_) if shared.interrupts.count() > 0 => return String::new(),
                    Err(mpsc::RecvTimeoutError::Disconnected) => return String::new(),
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                }
            }
        };
        let result = engine.execute(&cell.code, None, &ask_user, Box::new(on_output));
        let value = std::mem::take(&mut *lock(&value));
        Ok((value, result.interrupted, result.failure))
    }

    fn reply(&self, failure: Option<&Failure>) -> ExecuteReply {
        ExecuteReply {
            status: failure.map_or(ReplyStatus::Ok, |_| ReplyStatus::Error),
            execution_count: ExecutionCount::new(self.cells),
            payload: vec![],
            user_expressions: Some(Default::default()),
            error: failure.map(|failure| Box::new(error_of(failure))),
        }
    }

    /// The cells that a front end sent together with one that failed are not run.
    fn abort_the_waiting(&self) {
        // They may still be on their way from the socket.
        std::thread::sleep(Duration::from_millis(20));
        let mut requests = lock(&self.shared.requests);
        let is_cell = |request: &JupyterMessage| {
            matches!(request.content, JupyterMessageContent::ExecuteRequest(_))
        };
        for request in requests.iter().filter(|request| is_cell(request)) {
            let aborted = ExecuteReply {
                status: ReplyStatus::Aborted,
                ..self.reply(None)
            };
            self.shared.publisher.status(ExecutionState::Busy, request);
            self.shared.replies.reply(aborted, request);
            self.shared.publisher.status(ExecutionState::Idle, request);
        }
        requests.retain(|request| !is_cell(request));
    }
}

fn start_engine(shared: &Shared) -> Result<Engine> {
    let toolchain = Toolchain::discover()?;
    toolchain.ensure_rust_src()?;
    let told = AtomicBool::new(false);
    let built = AtomicUsize::new(0);
    let on_progress = |line: &str| {
        let line = line.trim();
        if line.starts_with("Compiling") && !told.swap(true, Ordering::Relaxed) {
            shared.tell_the_waiting(
                "The support crate or the toolchain has changed; building it anew ...",
            );
        }
        if line.starts_with("Compiling") {
            let count = built.fetch_add(1, Ordering::Relaxed) + 1;
            shared.tell_the_waiting(&format!("  {count}: {line}"));
        } else if line.starts_with("error") || line.starts_with("-->") {
            shared.tell_the_waiting(line);
        }
    };
    let support = Support::build(&toolchain, Some(&on_progress))?;
    let settings = Settings {
        working_directory: &shared.working_directory,
        interrupts: shared.interrupts.clone(),
        live: true,
    };
    Engine::start(&toolchain, &support, settings)
}
