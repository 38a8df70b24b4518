//! SIGTERM and Ctrl-C: finish what is in flight, close, exit 0.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use kefu_proto::{Body, MsgId};
use kefu_testing::client::{Client, answer, customer, question, seller};
use kefu_testing::sender::Sender;
use kefu_testing::websocket::WebSocket;
use kefu_testing::{http, until};
use rusqlite::Connection;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::process::ServerProcess;

/// Fast enough even on a slow machine.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn asked_to_stop_it_ends_its_connections_and_exits_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = TempDir::new().unwrap();
        let mut server = ServerProcess::start(folder.path(), &[]).await;
        let mut idle = Client::log_in(server.tcp, customer(1), "phone").await;
        let mut nobody = Client::connect(server.tcp).await;
        nobody.receive_all().await;
        // Browsers open connections in advance, and keep them open afterwards.
        let unused = TcpStream::connect(server.http).await.unwrap();
        let web = WebSocket::connect(server.http).await;
        let trace = http::open(server.http, "/trace?token=tok-7-1").await;
        let mut half_asked = TcpStream::connect(server.http).await.unwrap();
        half_asked.write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\n").await.unwrap();

        let since = Instant::now();
        server.signal(signal);
        assert_eq!(idle.receive_rest().await, []);
        assert_eq!(nobody.receive_rest().await, []);
        assert_eq!(server.exit().await.code(), Some(0), "{}", server.log());
        assert!(since.elapsed() < SOON, "{:?}: {}", since.elapsed(), server.log());
        drop((unused, web, trace, half_asked));
    }
}

#[tokio::test]
async fn asked_to_stop_under_load_it_has_all_that_it_acked_on_disk() {
    for _ in 0..3 {
        let folder = TempDir::new().unwrap();
        let mut server = ServerProcess::start(folder.path(), &[]).await;
        let mut sender = Sender::new(customer(1), seller(2));
        let addr = server.tcp;
        let stop = async {
            until("some is acknowledged", async || {
                http::metric(server.http, "kefu_saves_total").await >= 300
            })
            .await;
            let since = Instant::now();
            server.signal(Signal::TERM);
            assert_eq!(server.exit().await.code(), Some(0));
            assert!(since.elapsed() < SOON, "{:?}: {}", since.elapsed(), server.log());
        };
        tokio::join!(sender.send_until_gone(addr), stop);
        assert!(sender.acked() >= 100);
        assert_eq!(
            TcpStream::connect(addr).await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        assert!(is_log_empty(folder.path()), "a server that stops leaves a whole database");

        let server = ServerProcess::start(folder.path(), &[]).await;
        sender.check(server.tcp).await;
        server.kill().await;
    }
}

/// The write-ahead log of a database that was closed is empty, or gone.
fn is_log_empty(data: &Path) -> bool {
    fs::metadata(data.join("kefu.db-wal")).map_or(true, |log| log.len() == 0)
}

#[tokio::test]
async fn asked_to_stop_it_finishes_what_is_in_flight() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path(), &[]).await;
    let mut asker = Client::log_in(server.tcp, customer(1), "phone").await;
    let mut desk = Client::log_in(server.tcp, seller(2), "desk").await;
    // The message is in flight while this transaction is open.
    let database = Connection::open(folder.path().join("kefu.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let seq = asker.send(question(customer(1), seller(2), "just in time")).await;
    http::until_metric(server.http, "kefu_messages_accepted_total", 1).await;
    server.signal(Signal::TERM);
    assert_eq!(desk.receive_rest().await, [], "nothing in flight: closed at once");
    database.execute_batch("ROLLBACK").unwrap();
    asker.receive_ack(seq).await;
    assert_eq!(asker.receive_rest().await, []);
    assert_eq!(server.exit().await.code(), Some(0), "{}", server.log());

    let server = ServerProcess::start(folder.path(), &[]).await;
    let mut desk = Client::log_in(server.tcp, seller(2), "desk").await;
    assert_eq!(desk.sync(MsgId(0)).await.contents(), [b"just in time"]);
    let seq = desk.send(answer(seller(2), customer(1), "thanks")).await;
    desk.receive_ack(seq).await;
}

#[tokio::test]
async fn asked_to_stop_it_does_not_wait_for_ever_for_a_client_that_does_not_read() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path(), &["--stop-timeout", "1"]).await;
    let mut asker = Client::log_in(server.tcp, customer(1), "phone").await;
    let content = vec![b'x'; 30_000];
    for _ in 0..9 {
        asker.send(question(customer(1), seller(2), content.clone())).await;
    }
    assert_eq!(asker.receive_all().await.len(), 9);
    let mut lazy = Client::log_in(server.tcp, seller(2), "desk").await;
    // The answers are more than the socket buffers can hold.
    for _ in 0..45 {
        lazy.send(Body::Sync(MsgId(-1))).await;
    }
    lazy.receive("a SYNC_BEGIN").await;
    // By now the server waits for the reader.
    sleep(Duration::from_millis(500)).await;
    let since = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0), "{}", server.log());
    assert!(since.elapsed() < SOON, "{:?}: {}", since.elapsed(), server.log());
    assert!(server.log().contains("left unfinished"), "{}", server.log());
}
