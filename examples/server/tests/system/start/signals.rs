//! Signals at every moment.

use std::process::Stdio;
use std::time::{Duration, Instant};

use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::http;
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::support::process::{ServerProcess, command};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn signals_without_a_meaning_do_nothing() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path(), &[]).await;
    let mut client = Client::log_in(server.tcp, customer(1), "phone").await;
    for signal in [
        Signal::USR1,
        Signal::USR2,
        Signal::QUIT,
        Signal::ALARM,
        Signal::PIPE,
        Signal::IO,
        Signal::VTALARM,
        Signal::PROF,
        Signal::POWER,
        Signal::STKFLT,
        Signal::XCPU,
        Signal::XFSZ,
        Signal::HUP,
    ] {
        server.signal(signal);
        sleep(Duration::from_millis(20)).await;
        assert_eq!(client.receive_all().await, [], "{signal:?}: {}", server.log());
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn sigterm_ends_a_server_that_waits_for_nats() {
    for signal in [Signal::TERM, Signal::INT] {
        // It accepts connections and says nothing.
        let hung = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("nats://{}", hung.local_addr().unwrap());
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path());
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--store", &address]);
        let starting = spawn(command);
        let _connection = kefu_testing::within("a connection", hung.accept()).await.unwrap();
        assert_ends(starting, signal).await;
    }
}

#[tokio::test]
async fn sigterm_ends_a_server_that_waits_for_a_locked_store() {
    let folder = TempDir::new().unwrap();
    ServerProcess::start(folder.path(), &[]).await.kill().await;
    let database = Connection::open(folder.path().join("kefu.db")).unwrap();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    let mut starting = spawn(command);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(starting.try_wait().unwrap(), None, "it waits");
    let since = Instant::now();
    assert_ends(starting, Signal::TERM).await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_second_sigterm_ends_it_at_once() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path(), &["--stop-timeout", "60"]).await;
    let mut asker = Client::log_in(server.tcp, customer(1), "phone").await;
    // The message is in flight while this transaction is open.
    let database = Connection::open(folder.path().join("kefu.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    asker.send(question(customer(1), seller(2), "too late")).await;
    http::until_metric(server.http, "kefu_messages_accepted_total", 1).await;
    server.signal(Signal::TERM);
    server.until_logged("stopping").await;
    sleep(Duration::from_millis(500)).await;
    let since = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(1), "{}", server.log());
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert!(server.log().contains("stopped by a second signal"), "{}", server.log());
}

fn spawn(mut command: Command) -> Child {
    command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

/// Without a panic: nothing goes on without its runtime.
async fn assert_ends(starting: Child, signal: Signal) {
    let since = Instant::now();
    let pid = i32::try_from(starting.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    let ended = kefu_testing::within("its exit", starting.wait_with_output()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let log = String::from_utf8_lossy(&ended.stderr);
    assert!(!log.contains("panicked"), "{log}");
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
}
