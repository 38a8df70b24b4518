//! A client that does not read.

use std::net::SocketAddr;

use kefu_proto::{Body, Flags};
use kefu_testing::client::{Client, answer, customer, question, seller};
use kefu_testing::websocket::WebSocket;
use tokio::net::TcpSocket;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

/// A small outbox for each connection.
const OUTBOX: &[&str] = &["--outbox", "16"];
/// Few enough to fit into any outbox.
const AT_ONCE: usize = 8;
/// More than the socket buffers can hold.
const ENOUGH: usize = 4_000;

on_each_store!(
    a_slow_reader_is_closed_and_nobody_else_waits,
    a_slow_reader_of_a_websocket_is_closed_too,
    what_a_slow_reader_has_in_flight_is_finished,
);

async fn a_slow_reader_is_closed_and_nobody_else_waits(store: Store) {
    let server = Server::start_on(store, OUTBOX).await;
    let mut slow = log_in_narrowly(server.tcp).await;
    let mut healthy = server.log_in(seller(2), "healthy").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let sent = overflow(&server, &mut asker, &mut healthy).await;

    server.until_closed("slow", 1).await;
    server.until_metric("kefu_connections", 2).await;
    let received = slow.receive_rest().await.len();
    assert!(received > 0 && received < sent, "{received} of {sent}, and then the end");
    for client in [&mut healthy, &mut asker] {
        assert_eq!(client.receive_all().await, []);
    }
}

async fn a_slow_reader_of_a_websocket_is_closed_too(store: Store) {
    let server = Server::start_on(store, OUTBOX).await;
    let mut slow = WebSocket::log_in(server.http, seller(2), "slow").await;
    let mut healthy = server.log_in(seller(2), "healthy").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let sent = overflow(&server, &mut asker, &mut healthy).await;

    server.until_closed("slow", 1).await;
    server.until_metric("kefu_connections", 2).await;
    let received = slow.receive_rest().await.len();
    assert!(received > 0 && received < sent, "{received} of {sent}, and then the end");
}

/// S7: a client that does not read may still have sent.
async fn what_a_slow_reader_has_in_flight_is_finished(store: Store) {
    let server = Server::start_on(store, OUTBOX).await;
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

/// A customer sends transient messages, all of which `healthy` reads, until the outbox of another
/// connection of the seller is full.
async fn overflow(server: &Server, asker: &mut Client, healthy: &mut Client) -> usize {
    let content = vec![b'x'; 30_000];
    for sent in (0..ENOUGH).step_by(AT_ONCE) {
        if server.metric("kefu_outbox_drops_total").await > 0 {
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

/// With a small receive buffer, so that little fits in between.
async fn log_in_narrowly(addr: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut client = Client::on(socket.connect(addr).await.unwrap());
    client.authenticate(seller(2), "slow").await;
    client
}
