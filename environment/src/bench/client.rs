//! A Jupyter client that measures a kernel as a front end meets it.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jupyter_protocol::messaging::{ExecutionState, KernelInfoRequest};
use jupyter_protocol::{
    ConnectionInfo, ExecuteRequest, JupyterMessage, JupyterMessageContent, Transport,
};
use jupyter_zmq_client::{
    ClientIoPubConnection, ClientShellConnection, create_client_iopub_connection,
    create_client_shell_connection_with_identity, peek_ports_with_listeners,
    peer_identity_for_session,
};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

/// A kernel process and the connection to it.
pub struct Client {
    sockets: Runtime,
    shell: ClientShellConnection,
    iopub: ClientIoPubConnection,
    kernel: Child,
    started: Instant,
    _connection_file: NamedTempFile,
}

/// What the messages of a session are named after.
const SESSION: &str = "cuaderno-bench";

impl Client {
    /// Starts a kernel of this binary; returns after how long it has said who it is, too.
    pub fn start() -> Result<(Self, Duration)> {
        let sockets = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (ports, reserved) = sockets.block_on(peek_ports_with_listeners(localhost, 5))?;
        let info = ConnectionInfo {
            ip: localhost.to_string(),
            transport: Transport::TCP,
            shell_port: ports[0],
            iopub_port: ports[1],
            stdin_port: ports[2],
            control_port: ports[3],
            hb_port: ports[4],
            key: SESSION.to_owned(),
            signature_scheme: "hmac-sha256".to_owned(),
            kernel_name: None,
        };
        let mut file = NamedTempFile::new()?;
        file.write_all(&serde_json::to_vec(&info)?)?;
        drop(reserved);
        let started = Instant::now();
        let kernel = Command::new(std::env::current_exe()?)
            .args(["kernel", "--connection-file"])
            .arg(file.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let (shell, iopub) = sockets.block_on(async {
            let identity = peer_identity_for_session(SESSION)?;
            let shell =
                create_client_shell_connection_with_identity(&info, SESSION, identity).await?;
            let iopub = create_client_iopub_connection(&info, "", SESSION).await?;
            anyhow::Ok((shell, iopub))
        })?;
        let mut client = Self {
            sockets,
            shell,
            iopub,
            kernel,
            started,
            _connection_file: file,
        };
        client.sockets.block_on(async {
            client.shell.send(KernelInfoRequest {}.into()).await?;
            client.shell.read().await
        })?;
        let known = started.elapsed();
        Ok((client, known))
    }

    /// How long ago the kernel was started.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Runs a cell; returns how long it took until the front end knew of its end.
    ///
    /// # Errors
    /// If it fails.
    pub fn execute(&mut self, code: &str) -> Result<Duration> {
        match self.answer(code)? {
            (duration, None) => Ok(duration),
            (_, Some(failure)) => bail!("The measured cell failed:\n{code}\n{failure}"),
        }
    }

    /// Runs a cell that may fail; returns how long it took until the front end knew of its end, and
    /// the error.
    pub fn answer(&mut self, code: &str) -> Result<(Duration, Option<String>)> {
        let request: JupyterMessage = ExecuteRequest::new(code.to_owned()).into();
        let id = request.header.msg_id.clone();
        let start = Instant::now();
        let failure = self.sockets.block_on(async {
            let mut failure = None;
            self.shell.send(request).await?;
            loop {
                let message = self.iopub.read().await?;
                if message
                    .parent_header
                    .as_ref()
                    .is_none_or(|parent| parent.msg_id != id)
                {
                    continue;
                }
                match message.content {
                    JupyterMessageContent::Status(status)
                        if status.execution_state == ExecutionState::Idle =>
                    {
                        break anyhow::Ok(failure);
                    }
                    JupyterMessageContent::ErrorOutput(error) => failure = Some(error.evalue),
                    _ => {}
                }
            }
        })?;
        Ok((start.elapsed(), failure))
    }

    /// The memory of the kernel process, in megabytes; the runtime process is not in it.
    pub fn megabytes(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.kernel.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kilobytes.context("the system does not tell the memory of a process")? / 1024.0)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Its engine ends with it, and the next one clears its folder away.
        let _ = self.kernel.kill();
        let _ = self.kernel.wait();
    }
}
