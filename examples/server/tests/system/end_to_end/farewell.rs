//! S7: how connections end.

use bytes::BytesMut;
use kefu_proto::{Body, Flags, MsgId, Seq};
use kefu_testing::client::{Client, answer, auth_token, customer, parse, question, seller, token};
use kefu_testing::websocket::WebSocket;
use tokio_tungstenite::tungstenite::Message;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

/// A PING with a body.
const UNDECODABLE: &[u8] = b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!";
/// More than one read from a socket can take.
const MANY: usize = 1_000;
/// Few enough for the socket buffers: closing discards what is not sent yet.
const FEW: usize = 100;

on_each_store!(
    s7_what_a_client_sends_before_it_closes_is_sent,
    s7_so_does_its_push,
    s7_what_a_client_sends_before_it_closes_its_websocket_is_sent,
    s7_after_an_undecodable_frame_what_was_queued_is_written_and_nothing_else,
    s7_an_undecodable_frame_ends_a_connection_before_its_login_too,
    s7_over_websocket_what_was_queued_is_written_before_the_end,
    who_has_left_is_told_nothing_and_holds_nobody_up,
);

async fn s7_what_a_client_sends_before_it_closes_is_sent(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut asker = Client::connect(server.tcp).await;
    let sent = login_and_questions(&mut asker, MANY);
    asker.write(&sent).await;
    // A client that closes with unread answers makes the server's next write fail.
    drop(asker);
    assert_notified(&server, &mut desk, MANY).await;
}

async fn s7_so_does_its_push(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let sent = questions(&mut asker, MANY);
    asker.write(&sent).await;
    drop(asker);
    let expected = u64::try_from(MANY).unwrap();
    server.until_metric("kefu_pushes_total", expected).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    assert_questions(&mut desk, MANY).await;
}

async fn s7_what_a_client_sends_before_it_closes_its_websocket_is_sent(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut asker = WebSocket::log_in(server.http, customer(1), "phone").await;
    for number in 0..FEW {
        asker.send(numbered(number)).await;
    }
    drop(asker);
    assert_notified(&server, &mut desk, FEW).await;
}

async fn s7_after_an_undecodable_frame_what_was_queued_is_written_and_nothing_else(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut sent = questions(&mut asker, 3);
    sent.extend_from_slice(UNDECODABLE);
    sent.extend_from_slice(&asker.frame(Flags::NONE, Body::Ping));
    sent.extend_from_slice(&asker.frame(Flags::NONE, numbered(3)));
    asker.write(&sent).await;
    let rest: Vec<_> = asker.receive_rest().await.into_iter().map(|frame| frame.body).collect();
    assert_eq!(rest, [2, 3, 4].map(|seq| Body::Ack(Seq(seq).into())));
    assert_eq!(asker.fragment(), b"");
    server.until_closed("undecodable", 1).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    assert_questions(&mut desk, 3).await;
}

async fn s7_an_undecodable_frame_ends_a_connection_before_its_login_too(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut nobody = Client::connect(server.tcp).await;
    let ping = nobody.frame(Flags::NONE, Body::Ping);
    nobody.write(&[&ping[..], UNDECODABLE, &ping].concat()).await;
    let rest: Vec<_> = nobody.receive_rest().await.into_iter().map(|frame| frame.body).collect();
    assert_eq!(rest, [Body::Pong]);
    server.until_closed("undecodable", 1).await;
}

async fn s7_over_websocket_what_was_queued_is_written_before_the_end(store: Store) {
    let server = Server::start_on(store, &[]).await;
    for (index, bad) in [
        Message::Binary(UNDECODABLE.into()),
        Message::Binary(UNDECODABLE[..11].into()),
        Message::Text("hello".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let mut asker = WebSocket::log_in(server.http, customer(1), "phone").await;
        for number in 0..3 {
            asker.send(numbered(index * 3 + number)).await;
        }
        asker.send_message(bad.clone()).await;
        let rest = asker.receive_rest().await.into_iter();
        let rest: Vec<_> = rest.map(|frame| parse(frame).body).collect();
        assert_eq!(rest, [2, 3, 4].map(|seq| Body::Ack(Seq(seq).into())), "then {bad:?}");
    }
    let mut desk = server.log_in(seller(2), "desk").await;
    assert_questions(&mut desk, 9).await;
}

async fn who_has_left_is_told_nothing_and_holds_nobody_up(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let asker = server.log_in(customer(1), "phone").await;
    drop(asker);
    server.until_closed("left", 1).await;
    server.until_metric("kefu_connections", 1).await;
    let seq = desk.send(answer(seller(2), customer(1), "hello?")).await;
    desk.receive_ack(seq).await;
    server.until_metric("kefu_pushes_total", 1).await;
}

fn login_and_questions(client: &mut Client, count: usize) -> BytesMut {
    let login = client.frame(Flags::NONE, auth_token(&token(customer(1)), "phone"));
    let mut sent = BytesMut::from(&login[..]);
    sent.unsplit(questions(client, count));
    sent
}

fn questions(client: &mut Client, count: usize) -> BytesMut {
    let frames = (0..count).map(|number| client.frame(Flags::NONE, numbered(number)));
    frames.flatten().collect()
}

fn numbered(number: usize) -> Body {
    question(customer(1), seller(2), format!("message {number}"))
}

/// The seller's queue holds these, and its only connection is told so. One notify may stand for
/// several (S13.2).
async fn assert_notified(server: &Server, desk: &mut Client, count: usize) {
    server.until_metric("kefu_connections", 1).await;
    let mut other = server.log_in(seller(2), "other").await;
    let end = assert_questions(&mut other, count).await;
    while desk.receive_notify().await < end {}
    assert_eq!(desk.receive_all().await, []);
}

/// The seller's queue holds these, each once and in order, and ends at this key.
async fn assert_questions(desk: &mut Client, count: usize) -> MsgId {
    let found = desk.sync(MsgId(-1)).await;
    let expected: Vec<_> = (0..count).map(|number| format!("message {number}")).collect();
    assert!(
        found.contents().into_iter().eq(expected.iter().map(String::as_bytes)),
        "{} of {count}",
        found.messages.len()
    );
    found.end
}
