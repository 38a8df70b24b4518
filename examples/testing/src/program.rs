//! Programs that tests need and that not every machine has.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::process::{free_port, pid};
use crate::{until, within};

/// A program that serves a port, with a folder of its own. Killed when it is dropped.
pub struct Program {
    command: fn(&Path, u16) -> Command,
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Program {
    /// `None` if the program is not installed: see [`spawn`].
    pub async fn start(command: fn(&Path, u16) -> Command) -> Option<Self> {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let child = spawn(command(folder.path(), port))?;
        let program = Self { command, folder, port, child };
        program.until_ready().await;
        Some(program)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub async fn pause(&self) {
        pause(&self.child).await;
    }

    pub fn resume(&self) {
        resume(&self.child);
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        within("its end", self.child.kill()).await.unwrap();
    }

    /// Starts it again after [`kill`](Self::kill), in its folder and on its port.
    pub async fn restart(&mut self) {
        self.child = spawn((self.command)(self.folder.path(), self.port)).unwrap();
        self.until_ready().await;
    }

    async fn until_ready(&self) {
        let addr = SocketAddr::from(([127, 0, 0, 1], self.port));
        until("its port is open", async || TcpStream::connect(addr).await.is_ok()).await;
    }
}

/// `nats-server`, or the one at the path in the variable `NATS_SERVER`.
pub fn nats_server() -> Command {
    Command::new(env::var_os("NATS_SERVER").unwrap_or_else(|| "nats-server".into()))
}

/// Starts a program. `None` if it is not installed: the test is to be [skipped](skip).
pub fn spawn(mut command: Command) -> Option<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.kill_on_drop(true).spawn() {
        Ok(child) => Some(child),
        Err(error) => {
            let program = command.as_std().get_program().display().to_string();
            assert!(error.kind() == io::ErrorKind::NotFound, "{program}: {error}");
            skip(&program);
            None
        }
    }
}

/// Says, once for each program, that the tests that need it are skipped. In CI that is a failure.
pub fn skip(program: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    assert!(env::var_os("CI").is_none(), "{program} is not installed, and CI skips nothing");
    if SAID.lock().unwrap().insert(program.to_owned()) {
        // Not `eprintln`, whose output the test harness captures.
        let _ = writeln!(io::stderr(), "skipped: tests that need {program}, not installed here");
    }
}

/// SIGSTOP, until none of its threads runs: its ports stay open, and it answers nothing.
pub async fn pause(child: &Child) {
    kill_process(pid(child), Signal::STOP).unwrap();
    until("it has stopped", async || threads(child).all(|state| state == 'T')).await;
}

/// SIGCONT, after [`pause`].
pub fn resume(child: &Child) {
    kill_process(pid(child), Signal::CONT).unwrap();
}

/// The states of its threads.
fn threads(child: &Child) -> impl Iterator<Item = char> {
    let threads = fs::read_dir(format!("/proc/{}/task", pid(child))).unwrap();
    threads.map(|thread| {
        let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
        // The state follows the name, which is in parentheses.
        stat.rsplit(") ").next().unwrap().chars().next().unwrap()
    })
}
