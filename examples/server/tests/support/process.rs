//! A server as a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::{until, within};

/// Killed when it is dropped.
pub struct Process {
    child: Child,
    pub tcp: SocketAddr,
    pub http: SocketAddr,
    /// What it said on stdout up to its `ready` line.
    pub greeting: Vec<String>,
    log: Log,
}

impl Process {
    /// Starts a server on free ports and waits until it is ready.
    pub async fn start(data: &Path, options: &[&str]) -> Self {
        let mut command = command(data);
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(options);
        Self::spawn(command).await
    }

    pub async fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let log = Log::of(child.stderr.take().unwrap());
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut greeting = Vec::new();
        let addresses = loop {
            let Some(line) = within("`ready`", stdout.next_line()).await.unwrap() else {
                let status = within("its exit", child.wait()).await;
                panic!("no `ready`, but {status:?} and\n{}", log.text());
            };
            let addresses = addresses(&line);
            greeting.push(line);
            if let Some(addresses) = addresses {
                break addresses;
            }
        };
        let (tcp, http) = addresses;
        Self { child, tcp, http, greeting, log }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// SIGKILL, as the last thing that it hears.
    pub async fn kill(mut self) {
        within("its end", self.child.kill()).await.unwrap();
    }

    pub async fn exit(&mut self) -> ExitStatus {
        within("its exit", self.child.wait()).await.unwrap()
    }

    /// What it has logged by now.
    pub fn log(&self) -> String {
        self.log.text()
    }

    pub async fn until_logged(&self, text: &str) {
        until(&format!("{text:?} is logged"), async || self.log.text().contains(text)).await;
    }
}

/// What it said helps to see why a test failed.
impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log.text());
        }
    }
}

/// A server's command line without ports. Nothing of the test's environment gets in its way.
pub fn command(data: &Path) -> Command {
    let mut command = bare_command();
    command.arg("--data").arg(data);
    command
}

pub fn bare_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kefu-server"));
    command.env_clear();
    command
}

/// Runs a command to its end, which must come.
pub async fn output(mut command: Command) -> Output {
    within("its exit", command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap()
}

/// A port that stays free while a server is down: below those that the system gives to whoever asks for any. A random one, since
/// others may be looking for theirs at the same time.
pub fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| fastrand::u16(12_000..32_000));
    ports.find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok()).unwrap()
}

/// `ready: clients on 127.0.0.1:1, WebSocket at ws://127.0.0.1:2/ws`
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (tcp, http) =
        line.strip_prefix("ready: clients on ")?.split_once(", WebSocket at ws://")?;
    Some((tcp.parse().ok()?, http.strip_suffix("/ws")?.parse().ok()?))
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Reads on in the background, so that the process never waits for its reader.
    fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let log = Self::default();
        let lines = Arc::clone(&log.0);
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                lines.lock().unwrap().push(line);
            }
        });
        log
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}
