//! A server as a process of its own.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::nats::{self, Nats};
use super::program;
use super::{until, within};

/// Killed when it is dropped.
pub struct Process {
    child: Child,
    pub tcp: SocketAddr,
    pub http: SocketAddr,
    /// What it said on stdout up to its `ready` line.
    pub greeting: Vec<String>,
    log: Log,
    nats: Option<Nats>,
}

impl Process {
    /// Starts a server on free ports and waits until it is ready.
    pub async fn start(data: &Path, options: &[&str]) -> Self {
        let mut command = command(data);
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(options);
        let nats = if nats::IS_STORE { Some(Nats::start().await) } else { None };
        if let Some(nats) = &nats {
            command.args(["--store", &nats.url()]);
        }
        let mut process = Self::spawn(command).await;
        process.nats = nats;
        process
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
        Self { child, tcp, http, greeting, log, nats: None }
    }

    pub fn pid(&self) -> Pid {
        program::pid(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// How many pushes wait for their sink.
    pub async fn outbox(&self, data: &Path) -> i64 {
        if let Some(nats) = &self.nats {
            return nats.messages_in("kefu_pushes").await;
        }
        let database = Connection::open(data.join("kefu.db")).unwrap();
        database.query_one("SELECT count(*) FROM push", [], |row| row.get(0)).unwrap()
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

/// Runs a server that must not start: it says why in one line, which is returned, and exits with status 1.
pub async fn refusal(command: Command) -> String {
    let output = output(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{said}");
    let line = said.strip_prefix("kefu-server: ").unwrap_or_else(|| panic!("{said:?}"));
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{said:?}");
    line.trim_end().to_owned()
}

/// A port that stays free while a server is down: below those that the system gives to whoever asks for any, and none that
/// another test of this program has been given. A random one, since other programs may be looking for theirs.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    let mut ports = std::iter::repeat_with(|| fastrand::u16(12_000..32_000));
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    ports.find(|&port| is_free(port) && given.insert(port)).unwrap()
}

/// `ready: clients on 127.0.0.1:1, WebSocket at ws://127.0.0.1:2/ws`, or `wss`
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (tcp, http) = line.strip_prefix("ready: clients on ")?.split_once(", WebSocket at ws")?;
    let http = http.strip_prefix('s').unwrap_or(http).strip_prefix("://")?;
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
