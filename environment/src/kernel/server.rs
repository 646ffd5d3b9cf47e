//! The five sockets of a kernel, and the answers that need no engine.

use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Result;
use jupyter_protocol::messaging::{
    CommClose, CommInfoReply, ExecutionState, InterruptReply, IoPubWelcome, ReplyStatus,
    ShutdownReply,
};
use jupyter_protocol::{ConnectionInfo, JupyterMessage, JupyterMessageContent};
use jupyter_zmq_client::{
    KernelHeartbeatConnection, KernelIoPubXPubConnection, RouterRecvConnection,
    RouterSendConnection, SubscriptionEvent, create_kernel_control_connection,
    create_kernel_heartbeat_connection, create_kernel_iopub_xpub_connection,
    create_kernel_shell_connection, create_kernel_stdin_connection,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use uuid::Uuid;

use super::channels::{Incoming, Publisher, Replies, read};
use super::complete::is_complete;
use super::replies::kernel_info;
use super::shared::{Shared, lock};
use super::worker::work;

/// How long the last messages may take to leave.
const FAREWELL: Duration = Duration::from_millis(100);
/// How often a kernel looks whether the program that started it is still there.
const LOOK_FOR_PARENT: Duration = Duration::from_secs(1);

/// Serves until Jupyter asks for the end.
///
/// # Errors
/// If a socket cannot be opened.
pub fn serve(connection: ConnectionInfo) -> Result<ExitCode> {
    let sockets = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let shared = sockets.block_on(run(connection))?;
    shared.end();
    // Not all threads end by themselves: one may be in the middle of a cell.
    std::process::exit(0);
}

async fn run(info: ConnectionInfo) -> Result<Arc<Shared>> {
    let session = Uuid::new_v4().to_string();
    let iopub = create_kernel_iopub_xpub_connection(&info, &session).await?;
    let (shell_out, shell) = create_kernel_shell_connection(&info, &session)
        .await?
        .split();
    let (control_out, control) = create_kernel_control_connection(&info, &session)
        .await?
        .split();
    let (stdin_out, stdin) = create_kernel_stdin_connection(&info, &session)
        .await?
        .split();
    let heartbeat = create_kernel_heartbeat_connection(&info).await?;

    let (publish, published) = unbounded_channel();
    tokio::spawn(publish_all(iopub, published));
    let shared = Arc::new(Shared::new(
        Publisher(publish),
        Replies(send_all(shell_out)),
        Replies(send_all(stdin_out)),
    )?);
    tokio::spawn(beat(heartbeat));
    let (typed, lines) = mpsc::channel();
    tokio::spawn(pass_on_input(stdin, typed));
    let on_ctrl_c = shared.clone();
    ctrlc::set_handler(move || on_ctrl_c.interrupts.add())?;

    let for_worker = shared.clone();
    std::thread::Builder::new()
        .name("worker".to_owned())
        .spawn(move || work(for_worker, lines))?;

    let (end, mut ended) = watch::channel(false);
    let shell_replies = shared.replies.clone();
    let control_replies = Replies(send_all(control_out));
    tokio::spawn(listen(shell, shared.clone(), shell_replies, end.clone()));
    tokio::spawn(listen(
        control,
        shared.clone(),
        control_replies,
        end.clone(),
    ));
    tokio::spawn(end_with_parent(end));
    ended.wait_for(|ended| *ended).await?;
    tokio::time::sleep(FAREWELL).await;
    Ok(shared)
}

/// A way to send on the socket from any thread.
fn send_all(
    mut socket: RouterSendConnection,
) -> tokio::sync::mpsc::UnboundedSender<JupyterMessage> {
    let (sender, mut messages): (_, UnboundedReceiver<JupyterMessage>) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            // A client that is gone waits for no reply.
            let _ = socket.send(message).await;
        }
    });
    sender
}

/// Publishes messages, and welcomes those who begin to watch, so that they know from when on they
/// see everything.
async fn publish_all(
    mut iopub: KernelIoPubXPubConnection,
    mut messages: UnboundedReceiver<JupyterMessage>,
) {
    loop {
        let message = tokio::select! {
            message = messages.recv() => match message {
                Some(message) => message,
                None => return,
            },
            event = iopub.recv_subscription() => match event {
                Ok(SubscriptionEvent::Subscribe(topic)) => IoPubWelcome::new(topic).into(),
                _ => continue,
            },
        };
        // One who watches no more must not keep the others from watching.
        let _ = iopub.send(message).await;
    }
}

async fn beat(mut heartbeat: KernelHeartbeatConnection) {
    while heartbeat.single_heartbeat().await.is_ok() {}
}

async fn pass_on_input(mut stdin: RouterRecvConnection, typed: mpsc::Sender<String>) {
    while let Ok(incoming) = read(&mut stdin).await {
        if let Incoming::Message(message) = incoming
            && let JupyterMessageContent::InputReply(reply) = message.content
            && typed.send(reply.value).is_err()
        {
            return;
        }
    }
}

/// Ends the kernel when the program that started it is gone. Jupyter says by a variable that it
/// wants that.
async fn end_with_parent(end: watch::Sender<bool>) {
    let parent = std::os::unix::process::parent_id();
    if std::env::var_os("JPY_PARENT_PID").is_none() {
        return;
    }
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(LOOK_FOR_PARENT).await;
    }
    let _ = end.send(true);
}

/// Answers what comes on a socket, at once or through the worker.
async fn listen(
    mut socket: RouterRecvConnection,
    shared: Arc<Shared>,
    replies: Replies,
    end: watch::Sender<bool>,
) {
    loop {
        match read(&mut socket).await {
            Ok(Incoming::Message(message)) => {
                let needs_engine = matches!(
                    message.content,
                    JupyterMessageContent::ExecuteRequest(_)
                        | JupyterMessageContent::CompleteRequest(_)
                        | JupyterMessageContent::InspectRequest(_)
                );
                if needs_engine {
                    shared.enqueue(*message);
                } else if answer(&message, &shared, &replies) {
                    let _ = end.send(true);
                    return;
                }
            }
            Ok(Incoming::Unreadable(why)) => eprintln!("a message cannot be read: {why}"),
            Err(error) => {
                eprintln!("a socket is closed: {error}");
                let _ = end.send(true);
                return;
            }
        }
    }
}

/// Answers a request that needs no engine; true if the kernel is to end.
fn answer(request: &JupyterMessage, shared: &Shared, replies: &Replies) -> bool {
    shared.publisher.status(ExecutionState::Busy, request);
    let mut end = false;
    let reply: Option<JupyterMessageContent> = match &request.content {
        JupyterMessageContent::KernelInfoRequest(_) => Some(kernel_info().into()),
        JupyterMessageContent::IsCompleteRequest(asked) => Some(is_complete(&asked.code).into()),
        JupyterMessageContent::HistoryRequest(asked) => {
            Some(lock(&shared.history).answer(asked).into())
        }
        JupyterMessageContent::CommInfoRequest(_) => Some(CommInfoReply::default().into()),
        JupyterMessageContent::CommOpen(opened) => {
            // No widget has a counterpart here.
            let close = CommClose {
                comm_id: opened.comm_id.clone(),
                data: Default::default(),
            };
            shared.publisher.publish(close, request);
            None
        }
        JupyterMessageContent::InterruptRequest(_) => {
            shared.interrupts.add();
            Some(InterruptReply::new().into())
        }
        JupyterMessageContent::ShutdownRequest(asked) => {
            end = true;
            let reply = ShutdownReply {
                restart: asked.restart,
                status: ReplyStatus::Ok,
                error: None,
            };
            shared.publisher.publish(reply.clone(), request);
            Some(reply.into())
        }
        _ => None,
    };
    if let Some(reply) = reply {
        replies.reply(reply, request);
    }
    shared.publisher.status(ExecutionState::Idle, request);
    // Front ends take the last status for the kernel's, whatever it is about.
    if let Some(current) = shared.current() {
        shared.publisher.status(ExecutionState::Busy, &current);
    }
    end
}
