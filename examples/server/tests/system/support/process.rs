//! The server as a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;

use kefu_testing::process::{Process, output};
use rusqlite::Connection;
use rustix::process::{Pid, Signal};
use tokio::process::Command;

use super::store::Store;

/// Killed when it is dropped.
pub struct ServerProcess {
    process: Process,
    pub tcp: SocketAddr,
    pub http: SocketAddr,
    /// What it wrote to stdout, up to its `ready` line.
    pub greeting: Vec<String>,
    store: Store,
}

impl ServerProcess {
    /// Starts a server on free ports and waits until it is ready.
    pub async fn start(data: &Path, options: &[&str]) -> Self {
        Self::start_on(Store::Embedded, data, options).await
    }

    pub async fn start_on(store: Store, data: &Path, options: &[&str]) -> Self {
        let mut command = command(data);
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(options);
        command.args(["--store", &store.address()]);
        Self { store, ..Self::spawn(command).await }
    }

    /// Starts a server with this command line, which must name its ports.
    pub async fn spawn(command: Command) -> Self {
        let (process, greeting, (tcp, http)) = Process::spawn(command, addresses).await;
        Self { process, tcp, http, greeting, store: Store::Embedded }
    }

    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// SIGKILL.
    pub async fn kill(self) {
        self.process.kill().await;
    }

    pub async fn exit(&mut self) -> ExitStatus {
        self.process.exit().await
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    pub async fn until_logged(&self, text: &str) {
        self.process.until_logged(text).await;
    }

    /// How many pushes wait to be delivered.
    pub async fn outbox(&self, data: &Path) -> i64 {
        match &self.store {
            Store::Nats(nats) => nats.messages_in("kefu_pushes").await,
            Store::Embedded => {
                let database = Connection::open(data.join("kefu.db")).unwrap();
                database.query_one("SELECT count(*) FROM push", [], |row| row.get(0)).unwrap()
            }
        }
    }
}

/// A server's command line without ports. It inherits nothing from the test's environment.
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

/// Runs a server that must refuse to start with exit status 1, and returns the one line of why.
pub async fn refusal(command: Command) -> String {
    let output = output(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{said}");
    let line = said.strip_prefix("kefu-server: ").unwrap_or_else(|| panic!("{said:?}"));
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{said:?}");
    line.trim_end().to_owned()
}

/// `ready: clients on 127.0.0.1:1, WebSocket at ws://127.0.0.1:2/ws`, or `wss`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (tcp, http) = line.strip_prefix("ready: clients on ")?.split_once(", WebSocket at ws")?;
    let http = http.strip_prefix('s').unwrap_or(http).strip_prefix("://")?;
    Some((tcp.parse().ok()?, http.strip_suffix("/ws")?.parse().ok()?))
}
