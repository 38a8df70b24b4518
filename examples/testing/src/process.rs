//! A process whose output is read.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::{until, within};

/// Killed when it is dropped. If the test fails, its log is printed.
pub struct Process {
    child: Child,
    log: Log,
    /// Reads the log, until the process has closed it.
    reading: JoinHandle<()>,
}

impl Process {
    /// Starts a process and waits until `ready` finds what it looks for in a line on stdout.
    /// Returns all lines up to that one, and what was found.
    pub async fn spawn<R>(
        mut command: Command,
        ready: impl Fn(&str) -> Option<R>,
    ) -> (Self, Vec<String>, R) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let (log, reading) = Log::of(child.stderr.take().unwrap());
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = Vec::new();
        loop {
            let Some(line) = within("a process to be ready", stdout.next_line()).await.unwrap()
            else {
                let status = within("its exit", child.wait()).await;
                panic!("not ready, but {status:?} and\n{}", log.text());
            };
            let found = ready(&line);
            lines.push(line);
            if let Some(found) = found {
                return (Self { child, log, reading }, lines, found);
            }
        }
    }

    pub fn pid(&self) -> Pid {
        pid(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// SIGKILL.
    pub async fn kill(mut self) {
        within("its end", self.child.kill()).await.unwrap();
    }

    /// Waits until it has ended, and until all that it has logged is read.
    pub async fn exit(&mut self) -> ExitStatus {
        let status = within("its exit", self.child.wait()).await.unwrap();
        if !self.reading.is_finished() {
            within("the end of its log", &mut self.reading).await.unwrap();
        }
        status
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    pub async fn until_logged(&self, text: &str) {
        until(&format!("{text:?} is logged"), async || self.log.text().contains(text)).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of the process:\n{}", self.log.text());
        }
    }
}

pub(crate) fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap()
}

/// Runs a command to its end.
pub async fn output(mut command: Command) -> Output {
    within("its exit", command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap()
}

/// A port that stays free while a server restarts: below the ephemeral ports, and given to no
/// other test of this program. Random, since other programs may be choosing one, too.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    let mut ports = std::iter::repeat_with(|| fastrand::u16(12_000..32_000));
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    ports.find(|&port| is_free(port) && given.insert(port)).unwrap()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Reads in the background, so that the process never blocks on a full pipe.
    fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> (Self, JoinHandle<()>) {
        let log = Self::default();
        let lines = Arc::clone(&log.0);
        let reading = tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                lines.lock().unwrap().push(line);
            }
        });
        (log, reading)
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}
