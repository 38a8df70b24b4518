//! A client that does not read.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{
    Client, Frames, answer, auth_token, customer, parse, question, seller, token,
};
use kefu_testing::websocket::WebSocket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

/// A small outbox for each connection.
const OUTBOX: &[&str] = &["--outbox", "16"];
const DROPPED: &str = "kefu_outbox_drops_total{reason=\"unpersistent\"}";
const SECOND: Duration = Duration::from_secs(1);
/// Few enough to fit into any outbox.
const AT_ONCE: usize = 8;
/// More than the socket buffers can hold.
const ENOUGH: usize = 4_000;

on_each_store!(
    a_slow_reader_misses_what_does_not_fit_and_nobody_waits,
    a_slow_reader_of_a_websocket_does_so_too,
    a_client_that_takes_nothing_is_closed,
    what_a_client_has_in_flight_that_takes_nothing_is_finished,
    who_reads_slowly_is_not_closed,
);

async fn a_slow_reader_misses_what_does_not_fit_and_nobody_waits(store: Store) {
    let server = Server::start_on(store, OUTBOX).await;
    let mut slow = log_in_narrowly(server.tcp).await;
    let mut healthy = server.log_in(seller(2), "healthy").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let sent = overflow(&server, &mut asker, &mut healthy).await;

    let received = slow.receive_all().await.len();
    assert!(received > 0 && received < sent, "{received} of {sent}");
    let seq = asker.send(question(customer(1), seller(2), "hello")).await;
    asker.receive_ack(seq).await;
    for client in [&mut slow, &mut healthy] {
        client.receive_notify().await;
        assert_eq!(client.receive_all().await, []);
    }
    assert_eq!(slow.sync(MsgId(0)).await.contents(), [b"hello"]);
}

async fn a_slow_reader_of_a_websocket_does_so_too(store: Store) {
    let server = Server::start_on(store, OUTBOX).await;
    let mut slow = WebSocket::log_in(server.http, seller(2), "slow").await;
    let mut healthy = server.log_in(seller(2), "healthy").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let sent = overflow(&server, &mut asker, &mut healthy).await;

    slow.send(Body::Ping).await;
    let mut received = 0;
    while parse(slow.receive_frame("what was sent, and a PONG").await).body != Body::Pong {
        received += 1;
    }
    assert!(received > 0 && received < sent, "{received} of {sent}");
}

async fn a_client_that_takes_nothing_is_closed(store: Store) {
    let options = [OUTBOX, &["--unreachable-timeout", "1"]].concat();
    let server = Server::start_on(store, &options).await;
    let mut slow = log_in_narrowly(server.tcp).await;
    let mut healthy = server.log_in(seller(2), "healthy").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    overflow(&server, &mut asker, &mut healthy).await;

    server.until_closed("slow", 1).await;
    server.until_metric("kefu_connections", 2).await;
    slow.receive_rest().await;
    for client in [&mut healthy, &mut asker] {
        assert_eq!(client.receive_all().await, []);
    }
}

/// S7: a client that does not read may still have sent.
async fn what_a_client_has_in_flight_that_takes_nothing_is_finished(store: Store) {
    let options = [OUTBOX, &["--unreachable-timeout", "1"]].concat();
    let server = Server::start_on(store, &options).await;
    let mut slow = log_in_narrowly(server.tcp).await;
    let mut healthy = server.log_in(seller(2), "healthy").await;
    let mut receiver = server.log_in(customer(5), "phone").await;
    let mut asker = server.log_in(customer(1), "phone").await;

    // The message stays in flight.
    let held = server.hold_saves().await;
    slow.send(answer(seller(2), customer(5), "good day")).await;
    server.until_metric("kefu_messages_accepted_total", 1).await;
    overflow(&server, &mut asker, &mut healthy).await;
    held.release();
    receiver.receive_notify().await;
    healthy.receive_notify().await;
    server.until_closed("slow", 1).await;
}

/// 10 kB a second is enough.
async fn who_reads_slowly_is_not_closed(store: Store) {
    let options = [OUTBOX, &["--unreachable-timeout", "3"]].concat();
    let server = Server::start_on(store, &options).await;
    let mut socket = narrow(server.tcp).await;
    let login = Frames::default().next(Flags::NONE, auth_token(&token(seller(2)), "slow"));
    socket.write_all(&login).await.unwrap();
    let mut healthy = server.log_in(seller(2), "healthy").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    server.until_metric("kefu_connections", 3).await;
    overflow(&server, &mut asker, &mut healthy).await;
    let since = Instant::now();
    let mut read = [0; 1_000];
    while since.elapsed() < 8 * SECOND {
        socket.read_exact(&mut read).await.unwrap();
        for client in [&mut healthy, &mut asker] {
            assert_eq!(client.receive_all().await, []);
        }
        sleep(SECOND / 10).await;
    }
    assert_eq!(server.metric("kefu_connections").await, 3);
}

/// A customer sends transient messages, all of which `healthy` reads, until the outbox of another
/// connection of the seller is full.
async fn overflow(server: &Server, asker: &mut Client, healthy: &mut Client) -> usize {
    let content = vec![b'x'; 30_000];
    for sent in (0..ENOUGH).step_by(AT_ONCE) {
        if server.metric(DROPPED).await > 0 {
            return sent;
        }
        for _ in 0..AT_ONCE {
            let body = question(customer(1), seller(2), content.clone());
            asker.send_flagged(Flags::UNPERSISTENT, body).await;
        }
        assert_eq!(asker.receive_all().await.len(), AT_ONCE, "an ACK for each");
        for _ in 0..AT_ONCE {
            let message = healthy.receive("what was sent").await;
            assert!(matches!(message.body, Body::Customer(_)), "{message:?}");
        }
    }
    panic!("{ENOUGH} messages are queued for a client that does not read");
}

async fn log_in_narrowly(addr: SocketAddr) -> Client {
    let mut client = Client::on(narrow(addr).await);
    client.authenticate(seller(2), "slow").await;
    client
}

/// With a small receive buffer, so that little fits in between.
async fn narrow(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(addr).await.unwrap()
}
