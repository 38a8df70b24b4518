//! stdout and stderr that nobody reads, or that cannot be written.

use std::io::{PipeReader, Write, pipe};
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::process::free_port;
use kefu_testing::{http, until, within};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::support::process::command;

/// Enough for a process that waits for nobody.
const SOON: Duration = Duration::from_secs(5);

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug)]
enum Broken {
    /// Nobody reads it, and it is full.
    Full,
    /// Whoever read it has gone.
    Gone,
    /// A full disk.
    DiskFull,
}

const ALL: [Broken; 3] = [Broken::Full, Broken::Gone, Broken::DiskFull];

impl Broken {
    /// The stream, and what keeps a pipe open.
    fn open(self) -> (Stdio, Option<PipeReader>) {
        let (reader, mut writer) = pipe().unwrap();
        match self {
            Self::Full => {
                // What a pipe takes on Linux.
                writer.write_all(&vec![b'x'; 64 * 1024]).unwrap();
                (writer.into(), Some(reader))
            }
            Self::Gone => (writer.into(), None),
            Self::DiskFull => {
                let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
                (full.into(), None)
            }
        }
    }
}

struct Mute {
    child: Child,
    _readers: [Option<PipeReader>; 2],
}

impl Mute {
    fn spawn(mut command: Command, broken: Broken) -> Self {
        let ((out, out_reader), (err, err_reader)) = (broken.open(), broken.open());
        command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
        Self { child: command.spawn().unwrap(), _readers: [out_reader, err_reader] }
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    }

    async fn exit(&mut self) -> ExitStatus {
        let since = Instant::now();
        let status = within("its exit", self.child.wait()).await.unwrap();
        assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
        status
    }
}

#[tokio::test]
async fn the_server_goes_on_whatever_becomes_of_its_lines() {
    for broken in ALL {
        let folder = TempDir::new().unwrap();
        let [tcp, web] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let mut command = command(folder.path());
        command.args(["--listen", &tcp.to_string(), "--http", &web.to_string()]);
        command.env("RUST_LOG", "debug,async_nats=off");
        let mut server = Mute::spawn(command, broken);
        until("it is ready", async || TcpStream::connect(web).await.is_ok()).await;

        let mut asker = Client::log_in(tcp, customer(1), "phone").await;
        for _ in 0..1000 {
            // Each is a push, and so a line.
            let seq = asker.send(question(customer(1), seller(2), "hello")).await;
            asker.receive_ack(seq).await;
        }
        let lines = "kefu_log_lines_dropped_total";
        // A full pipe is followed by 256 KiB that wait for it.
        until(&format!("lines are dropped: {broken:?}"), async || {
            let seq = asker.send(question(customer(1), seller(2), "hello")).await;
            asker.receive_ack(seq).await;
            http::metric(web, lines).await > 10
        })
        .await;
        let pushes = http::metric(web, "kefu_pushes_total").await;
        assert!(pushes >= 1000, "{broken:?}: {pushes}");
        server.terminate();
        assert_eq!(server.exit().await.code(), Some(0), "{broken:?}");
    }
}

#[tokio::test]
async fn it_refuses_to_start_whatever_becomes_of_the_reason() {
    for broken in ALL {
        let folder = TempDir::new().unwrap();
        let mut no_tokens = command(folder.path());
        no_tokens.args(["--tokens", "/nowhere/tokens.toml"]);
        assert_eq!(Mute::spawn(no_tokens, broken).exit().await.code(), Some(1), "{broken:?}");
        let mut no_command_line = command(folder.path());
        no_command_line.arg("--colour");
        assert_eq!(Mute::spawn(no_command_line, broken).exit().await.code(), Some(2), "{broken:?}");
    }
}

/// `kefu-server >&- 2>&-`
#[tokio::test]
async fn it_serves_without_streams() {
    let folder = TempDir::new().unwrap();
    let web = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_kefu-server")).arg("--data").arg(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--http", &web.to_string()]);
    let mut server = Mute::spawn(command, Broken::Gone);
    until("it is ready", async || TcpStream::connect(web).await.is_ok()).await;
    assert_eq!(http::get(web, "/healthz").await.status, 200);
    server.terminate();
    assert_eq!(server.exit().await.code(), Some(0));
}
