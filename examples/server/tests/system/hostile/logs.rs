//! Logs never stop the server.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::process::Stdio;

use kefu_testing::client::{Client, auth_token, customer, question, seller};
use kefu_testing::process::free_port;
use kefu_testing::{http, until, within};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::target;

/// Enough lines to fill a pipe several times: each login and each push has one.
const LINES: usize = 3_000;

#[tokio::test]
async fn nobody_reads_the_log() {
    let (mut child, tcp, folder) = start(false).await;
    // Held open, and never read.
    let unread = child.stderr.take();
    assert_serves_and_stops(&mut child, tcp, &folder).await;
    drop(unread);
}

#[tokio::test]
async fn the_log_is_closed() {
    let (mut child, tcp, folder) = start(false).await;
    drop(child.stderr.take());
    assert_serves_and_stops(&mut child, tcp, &folder).await;
}

#[tokio::test]
async fn the_log_is_on_a_full_disk() {
    let (mut child, tcp, folder) = start(true).await;
    assert_serves_and_stops(&mut child, tcp, &folder).await;
}

/// Pushes are lines of the log: those that go nowhere are delivered all the same.
async fn assert_serves_and_stops(child: &mut Child, tcp: SocketAddr, folder: &TempDir) {
    let mut asker = Client::log_in(tcp, customer(1), "phone").await;
    for number in 0..LINES {
        asker.send(question(customer(1), seller(1), format!("question {number}"))).await;
        if number % 100 == 99 {
            assert_eq!(asker.receive_all().await.len(), 100);
        }
        if number % 10 == 0 {
            let mut nobody = Client::connect(tcp).await;
            nobody.send(auth_token("nobody", "x")).await;
            nobody.receive("an AUTH_STATUS").await;
        }
    }
    let database = Connection::open(folder.path().join("data/kefu.db")).unwrap();
    until("the push outbox is empty", async || {
        database.query_one("SELECT count(*) FROM push", [], |row| row.get(0)) == Ok(0_i64)
    })
    .await;
    assert_stops(child).await;
}

/// Its stdout is closed once it is ready.
async fn start(is_disk_full: bool) -> (Child, SocketAddr, TempDir) {
    let folder = TempDir::new().unwrap();
    let mut command = target::command(&folder, &[]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    if is_disk_full {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        command.stderr(full);
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = within("a ready server", lines.next_line()).await.unwrap() {
        if let Some(rest) = line.strip_prefix("ready: clients on ") {
            let addr = rest.split(',').next().unwrap().parse().unwrap();
            return (child, addr, folder);
        }
    }
    panic!("not ready");
}

/// Whoever starts a server need not read what it says.
#[tokio::test]
async fn stdout_is_full_or_closed() {
    for stdout in ["/dev/full", "&-"] {
        let folder = TempDir::new().unwrap();
        let tcp = free_port();
        let http = free_port();
        let (listen, page) = (format!("127.0.0.1:{tcp}"), format!("127.0.0.1:{http}"));
        let server = target::command_at(&folder, &["--listen", &listen, "--http", &page], &[]);
        let shell = format!(r#"exec "$0" "$@" >{stdout}"#);
        let mut command = Command::new("/bin/sh");
        command.env_clear().args(["-c", &shell]);
        command.arg(server.as_std().get_program()).args(server.as_std().get_args());
        command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let addr = SocketAddr::from(([127, 0, 0, 1], tcp));
        until("it serves", async || {
            assert!(child.try_wait().unwrap().is_none(), "it has ended with stdout {stdout}");
            TcpStream::connect(addr).await.is_ok()
        })
        .await;
        Client::log_in(addr, customer(1), "phone").await.receive_all().await;
        let status = http::get_status(([127, 0, 0, 1], http).into(), "/healthz").await;
        assert_eq!(status, 200);
        assert_stops(&mut child).await;
    }
}

async fn assert_stops(child: &mut Child) {
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(within("its exit", child.wait()).await.unwrap().code(), Some(0));
}
