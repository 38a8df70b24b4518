//! SIGTERM while clients do all they can to keep the server.

use std::time::{Duration, Instant};

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::flood::{connect_narrowly, flood};
use kefu_testing::websocket::{WebSocket, raw};
use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::target::{MIB, Target};

/// --stop-timeout, some moments for HTTP and the store, and a slow machine.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn it_stops_whatever_its_clients_do() {
    let mut target = Target::start(&["--stop-timeout", "3", "--login-timeout", "300"]).await;
    let (tcp, http) = (target.server.tcp, target.server.http);
    fill_queue(&target).await;

    let unread = unread_syncs(&target).await;
    let mut pings = WebSocket::over(connect_narrowly(http).await, &format!("ws://{http}/ws"))
        .await
        .into_stream();
    flood(&mut pings, &raw(0x89, 100, &[0; 100]).repeat(500), 16 * MIB).await;
    let mut part = target.log_in_web(customer(2)).await.into_stream();
    part.write_all(&raw(0x02, 3, b"par")).await.unwrap();
    let mut half = target.log_in(customer(3), "half").await;
    half.write(b"\0\0\x01").await;
    let mut answers = connect_narrowly(http).await;
    flood(&mut answers, &b"GET / HTTP/1.1\r\nhost: here\r\n\r\n".repeat(100), MIB).await;
    let mut header = TcpStream::connect(http).await.unwrap();
    header.write_all(b"GET / HTT").await.unwrap();
    let silent = (TcpStream::connect(tcp).await.unwrap(), TcpStream::connect(http).await.unwrap());

    let since = Instant::now();
    target.server.signal(Signal::TERM);
    assert_eq!(target.server.exit().await.code(), Some(0), "{}", target.server.log());
    assert!(since.elapsed() < SOON, "{:?}: {}", since.elapsed(), target.server.log());
    drop((unread, pings, part, half, answers, header, silent));
}

/// Saves that cannot end are waited for no longer than --stop-timeout.
#[tokio::test]
async fn it_stops_while_nothing_can_be_saved() {
    let mut target = Target::start(&["--stop-timeout", "2"]).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    let held = target.hold_saves();
    for _ in 0..100 {
        asker.send(question(customer(1), seller(1), "x")).await;
    }
    target.until_metric("kefu_messages_accepted_total", 100).await;
    let since = Instant::now();
    target.server.signal(Signal::TERM);
    assert_eq!(target.server.exit().await.code(), Some(0), "{}", target.server.log());
    assert!(since.elapsed() < SOON, "{:?}: {}", since.elapsed(), target.server.log());
    drop(held);
}

async fn fill_queue(target: &Target) {
    let mut asker = target.log_in(customer(1), "phone").await;
    for _ in 0..20 {
        asker.send(question(customer(1), seller(1), vec![b'x'; 30_000])).await;
    }
    assert_eq!(asker.receive_all().await.len(), 20);
}

async fn unread_syncs(target: &Target) -> Client {
    let mut lazy = Client::on(connect_narrowly(target.server.tcp).await);
    lazy.authenticate(seller(1), "lazy").await;
    let mut frames = Vec::new();
    for _ in 0..200 {
        frames.extend_from_slice(&lazy.frame(Flags::NONE, Body::Sync(MsgId(-1))));
    }
    lazy.write(&frames).await;
    lazy.receive("a SYNC_BEGIN").await;
    lazy
}
