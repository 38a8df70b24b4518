//! A server whose memory, handles and time are measured from outside.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kefu_proto::Account;
use kefu_testing::client::{Client, customer, seller};
use kefu_testing::http;
use kefu_testing::process::free_port;
use kefu_testing::websocket::WebSocket;
use kefu_testing::{DEADLINE, until};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::sleep;

use crate::support::process::{self, ServerProcess};
use crate::support::server::write_tokens;

pub const MIB: usize = 1024 * 1024;

/// A process of its own, which knows the customers and the sellers 1 to 999.
pub struct Target {
    pub server: ServerProcess,
    pub folder: TempDir,
    /// Where its metrics are.
    admin: SocketAddr,
}

impl Target {
    pub async fn start(options: &[&str]) -> Self {
        Self::start_in(TempDir::new().unwrap(), options).await
    }

    /// With a line in its log for each connection, however many there are.
    pub async fn start_talkative(options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = command(&folder, options);
        command.env("RUST_LOG", "kefu_server=debug");
        let server = ServerProcess::spawn(command).await;
        Self { admin: server.http, server, folder }
    }

    /// With a folder that may have data already.
    pub async fn start_in(folder: TempDir, options: &[&str]) -> Self {
        let server = ServerProcess::spawn(command(&folder, options)).await;
        Self { admin: server.http, server, folder }
    }

    /// In a shell, behind these words of it.
    pub async fn start_behind(shell: &str, options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let server = command(&folder, options);
        let mut command = Command::new("/bin/sh");
        command.env_clear().args(["-c", &format!(r#"{shell}; exec "$0" "$@""#)]);
        command.arg(server.as_std().get_program()).args(server.as_std().get_args());
        let server = ServerProcess::spawn(command).await;
        Self { admin: server.http, server, folder }
    }

    /// With both ports at this address.
    pub async fn start_at(ip: &str, options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let (addr, admin) = (format!("{ip}:0"), SocketAddr::from(([127, 0, 0, 1], free_port())));
        let ports = ["--listen", &addr, "--http", &addr, "--admin", &admin.to_string()];
        let server = ServerProcess::spawn(command_at(&folder, &ports, options)).await;
        Self { server, folder, admin }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn tokens(&self) -> PathBuf {
        self.folder.path().join("tokens.toml")
    }

    pub async fn log_in(&self, account: Account, device: &str) -> Client {
        Client::log_in(self.server.tcp, account, device).await
    }

    pub async fn log_in_web(&self, account: Account) -> WebSocket {
        WebSocket::log_in(self.server.http, account, "").await
    }

    /// Nothing is saved until the connection is dropped.
    pub fn hold_saves(&self) -> Connection {
        let database = Connection::open(self.data().join("kefu.db")).unwrap();
        database.execute_batch("BEGIN IMMEDIATE").unwrap();
        database
    }

    pub async fn metric(&self, name: &str) -> u64 {
        http::metric(self.admin, name).await
    }

    pub async fn until_metric(&self, name: &str, value: u64) {
        http::until_metric(self.admin, name, value).await;
    }

    /// Waits until so many connections have logged in, and no others are left of those that had.
    pub async fn until_online(&self, connections: u64) {
        self.until_metric("kefu_connections{state=\"online\"}", connections).await;
        self.until_metric("kefu_connections{state=\"closing\"}", 0).await;
    }

    /// Waits until this many connections have ended for this reason.
    pub async fn until_closed(&self, reason: &str, count: u64) {
        let name = format!("kefu_connections_closed_total{{reason=\"{reason}\"}}");
        self.until_metric(&name, count).await;
    }

    /// Its memory (RSS), in bytes.
    pub fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    /// As [`memory`](Self::memory), with what it has reserved and not used.
    pub fn reserved(&self) -> usize {
        self.status("VmData:")
    }

    fn status(&self, name: &str) -> usize {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let kib: usize = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        kib * 1024
    }

    /// Fails if its memory has grown by more than this. It is looked at for a second, since what
    /// was sent may still be on its way.
    pub async fn assert_growth(&self, before: usize, most: usize, what: &str) {
        for _ in 0..10 {
            let grown = self.memory().saturating_sub(before);
            println!("{what}: {} KiB more", grown / 1024);
            assert!(grown <= most, "{what}: {} MiB more", grown / MIB);
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until its memory has grown by no more than this.
    pub async fn until_back(&self, before: usize, most: usize, what: &str) {
        let mut left = DEADLINE;
        let pause = Duration::from_millis(100);
        while self.memory() > before + most {
            let grown = (self.memory() - before) / 1024;
            assert!(left > Duration::ZERO, "{what}: still {grown} KiB more");
            left = left.saturating_sub(pause);
            sleep(pause).await;
        }
    }

    /// How many file handles it has open.
    pub fn handles(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.server.pid())).unwrap().count()
    }

    pub async fn until_handles(&self, most: usize, what: &str) {
        until(&format!("{what}: {most} handles"), async || self.handles() <= most).await;
    }

    /// The processor time that it has used.
    pub fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
        // Linux counts in hundredths of a second.
        Duration::from_millis(ticks * 10)
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.server.pid())).unwrap()
    }
}

/// The command line of a server in this folder, which has its tokens from then on.
pub fn command(folder: &TempDir, options: &[&str]) -> Command {
    command_at(folder, &["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], options)
}

/// As [`command`], with these ports.
pub fn command_at(folder: &TempDir, ports: &[&str], options: &[&str]) -> Command {
    let tokens = folder.path().join("tokens.toml");
    let uids = 1..=999;
    write_tokens(&tokens, uids.clone().map(customer).chain(uids.map(seller)));
    let mut command = process::command(&folder.path().join("data"));
    command.args(ports).arg("--tokens").arg(tokens).args(options);
    command
}
