//! Programs that tests need and not every machine has.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Once;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::process::free_port;
use super::{until, within};

/// One that serves a port, with a folder of its own. Killed when it is dropped.
pub struct Program {
    command: fn(&Path, u16) -> Command,
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Program {
    pub async fn start(command: fn(&Path, u16) -> Command) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let child = start(command(folder.path(), port));
        let program = Self { command, folder, port, child };
        program.until_ready().await;
        program
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub async fn stop(&self) {
        stop(&self.child).await;
    }

    pub fn go_on(&self) {
        go_on(&self.child);
    }

    pub async fn kill(&mut self) {
        within("its end", self.child.kill()).await.unwrap();
    }

    /// In its folder, on its port.
    pub async fn start_again(&mut self) {
        self.child = start((self.command)(self.folder.path(), self.port));
        self.until_ready().await;
    }

    async fn until_ready(&self) {
        let addr = SocketAddr::from(([127, 0, 0, 1], self.port));
        until("its port is open", async || TcpStream::connect(addr).await.is_ok()).await;
    }
}

/// Starts a program. Without it the whole test program is skipped; in CI it has failed.
pub fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && std::env::var_os("CI").is_none() =>
        {
            static ONCE: Once = Once::new();
            ONCE.call_once(|| {
                let program = command.as_std().get_program().display();
                // Not `eprintln`, which is captured.
                let _ = writeln!(
                    io::stderr(),
                    "skipped: these tests need {program}, which is not installed"
                );
                std::process::exit(0);
            });
            unreachable!("the program has ended")
        }
        Err(error) => panic!("{}: {error}", command.as_std().get_program().display()),
    }
}

/// SIGSTOP, until none of its threads runs: it is there and does nothing.
pub async fn stop(child: &Child) {
    kill_process(pid(child), Signal::STOP).unwrap();
    until("it has stopped", async || threads(child).all(|state| state == 'T')).await;
}

/// After [`stop`].
pub fn go_on(child: &Child) {
    kill_process(pid(child), Signal::CONT).unwrap();
}

/// Their states.
fn threads(child: &Child) -> impl Iterator<Item = char> {
    let threads = fs::read_dir(format!("/proc/{}/task", pid(child))).unwrap();
    threads.map(|thread| {
        let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
        // Behind the name, which is in brackets.
        stat.rsplit(") ").next().unwrap().chars().next().unwrap()
    })
}

pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap()
}
