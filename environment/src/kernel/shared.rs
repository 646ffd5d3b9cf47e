//! What the threads of the sockets and the thread of the engine share.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use jupyter_protocol::JupyterMessage;
use jupyter_protocol::messaging::StreamContent;

use super::channels::{Publisher, Replies};
use super::history::History;
use crate::engine::{Interrupts, Processes};

/// Requests on their way to the engine, and what belongs to the kernel as a whole.
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
    /// What the engine's start has told last, until it is ready.
    preparing: Mutex<Option<String>>,
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
            preparing: Mutex::default(),
            to_end: Mutex::default(),
        })
    }

    /// Lets the worker answer `request` when it has answered those before.
    pub fn enqueue(&self, request: JupyterMessage) {
        if let (true, Some(line)) = (self.is_idle(), lock(&self.preparing).clone()) {
            self.tell(&line, &request);
        }
        lock(&self.requests).push_back(request);
        self.arrived.notify_all();
    }

    /// Takes those of the waiting requests that `is_taken` says.
    pub fn take_waiting(&self, is_taken: fn(&JupyterMessage) -> bool) -> Vec<JupyterMessage> {
        let mut requests = lock(&self.requests);
        let (taken, left): (Vec<_>, Vec<_>) = requests.drain(..).partition(is_taken);
        *requests = left.into();
        taken
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

    /// Waits for the next request, which is the current one until [`Self::done`].
    pub fn next(&self) -> JupyterMessage {
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

    /// The current request is answered.
    pub fn done(&self) {
        *lock(&self.current) = None;
    }

    /// Whether nothing waits.
    pub fn is_idle(&self) -> bool {
        lock(&self.requests).is_empty()
    }

    /// What must end when this process does.
    pub fn will_end(&self, processes: Processes, folder: PathBuf) {
        *lock(&self.to_end) = Some((processes, folder));
    }

    /// Tells the cell that waits for the engine what it waits for, or the one that will.
    pub fn tell_the_waiting(&self, line: &str) {
        *lock(&self.preparing) = Some(line.to_owned());
        let first = lock(&self.requests).front().cloned();
        if let Some(waiting) = self.current().or(first) {
            self.tell(line, &waiting);
        }
    }

    /// The engine needs no more preparation.
    pub fn is_prepared(&self) {
        *lock(&self.preparing) = None;
    }

    fn tell(&self, line: &str, request: &JupyterMessage) {
        let text = StreamContent::stderr(&format!("{line}\n"));
        self.publisher.publish(text, request);
    }
}

/// The contents of `shared`, also where a thread panicked with them.
pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
