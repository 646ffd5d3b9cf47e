//! Jupyter's sockets: what comes in, and two ways out.

use anyhow::Result;
use jupyter_protocol::{
    Header, JupyterMessage, JupyterMessageContent, Status, messaging::ExecutionState,
};
use jupyter_zmq_client::{Connection, RawMessage};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use zeromq::SocketRecv;

/// To everybody who watches.
#[derive(Clone)]
pub struct Publisher(pub UnboundedSender<JupyterMessage>);

impl Publisher {
    /// Publishes what happened because of `parent`.
    pub fn publish(&self, content: impl Into<JupyterMessageContent>, parent: &JupyterMessage) {
        let message = JupyterMessage::new(content, Some(parent));
        let topic = message.message_type().as_bytes().to_vec();
        // After the sockets are closed nobody watches.
        let _ = self.0.send(message.with_zmq_identities(vec![topic.into()]));
    }

    /// Publishes that work on `parent` begins or has ended.
    pub fn status(&self, execution_state: ExecutionState, parent: &JupyterMessage) {
        self.publish(Status { execution_state }, parent);
    }
}

/// To the one who asked.
#[derive(Clone)]
pub struct Replies(pub UnboundedSender<JupyterMessage>);

impl Replies {
    /// Answers `request`.
    pub fn reply(&self, content: impl Into<JupyterMessageContent>, request: &JupyterMessage) {
        // After the sockets are closed nobody waits for it.
        let _ = self.0.send(JupyterMessage::new(content, Some(request)));
    }
}

/// What came on a socket.
pub enum Incoming {
    Message(Box<JupyterMessage>),
    /// Not a message of this protocol, or not signed with our key.
    Unreadable(String),
}

/// Waits for the next message.
///
/// # Errors
/// If the socket is closed.
pub async fn read<S: SocketRecv>(connection: &mut Connection<S>) -> Result<Incoming> {
    let frames = connection.socket.recv().await?;
    let message = RawMessage::from_multipart(frames, &connection.mac)
        .map_err(anyhow::Error::from)
        .and_then(understand);
    Ok(match message {
        Ok(message) => Incoming::Message(Box::new(message)),
        Err(error) => Incoming::Unreadable(format!("{error:#}")),
    })
}

/// The message in these frames. Clients leave out what has a default.
fn understand(raw: RawMessage) -> Result<JupyterMessage> {
    let header: Header = serde_json::from_slice(&raw.jparts[0])?;
    let mut content: Value = serde_json::from_slice(&raw.jparts[3])?;
    for (field, value) in defaults(&header.msg_type) {
        if content.get(*field).is_none_or(Value::is_null) {
            content[*field] = value();
        }
    }
    let content = JupyterMessageContent::from_type_and_content(&header.msg_type, content)?;
    Ok(JupyterMessage {
        zmq_identities: raw.zmq_identities,
        header,
        parent_header: serde_json::from_slice(&raw.jparts[1]).ok(),
        metadata: serde_json::from_slice(&raw.jparts[2])?,
        content,
        buffers: raw.jparts[4..].to_vec(),
        channel: None,
    })
}

type Default = (&'static str, fn() -> Value);

fn defaults(message_type: &str) -> &'static [Default] {
    match message_type {
        "history_request" => &[
            ("hist_access_type", || json!("tail")),
            ("output", || json!(false)),
            ("raw", || json!(true)),
            ("start", || json!(0)),
            ("stop", || json!(i32::MAX)),
            ("n", || json!(i32::MAX)),
            ("pattern", || json!("*")),
            ("unique", || json!(false)),
        ],
        "execute_request" => &[
            ("silent", || json!(false)),
            ("store_history", || json!(true)),
            ("user_expressions", || json!({})),
        ],
        "shutdown_request" => &[("restart", || json!(false))],
        _ => &[],
    }
}
