//! Bounded answers to a SYNC, and rows that nobody can read.

use async_nats::HeaderMap;
use kefu_proto::{Flags, MsgId};
use kefu_testing::client::{Client, customer, message_v2, question, seller};
use kefu_testing::http;

use crate::service::servers::Place;
use crate::support::nats::Nats;
use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

/// From the beginning of a queue; 0 would mean the kept key.
const BEGINNING: MsgId = MsgId(-1);

on_each_store!(
    s12_a_long_queue_comes_in_several_answers_in_either_version,
    d4_a_key_beyond_the_queue_is_answered_with_its_end,
);

async fn s12_a_long_queue_comes_in_several_answers_in_either_version(store: Store) {
    const MANY: usize = 1_100;
    let server = Server::start_on(store, &[]).await;
    let mut phone = server.log_in(customer(1), "phone").await;
    let contents: Vec<_> = (0..MANY).map(|number| format!("message {number}")).collect();
    let mut sent = Vec::new();
    for content in &contents {
        let body = question(customer(1), seller(2), content.clone());
        sent.extend_from_slice(&phone.frame(Flags::NONE, body));
    }
    phone.write(&sent).await;
    assert_eq!(phone.receive_all().await.len(), MANY);

    let mut old_desk = server.log_in(seller(2), "old desk").await;
    let first = old_desk.sync(BEGINNING).await;
    assert_eq!(first.messages.len(), 1_000);
    assert_eq!(old_desk.receive_notify().await, MsgId(first.end.0 + 1));
    let rest = old_desk.sync(first.end).await;
    let found: Vec<_> = [first.contents(), rest.contents()].concat();
    assert!(found.iter().copied().eq(contents.iter().map(String::as_bytes)));
    assert_eq!(old_desk.receive_all().await, []);

    let mut desk = Client::log_in_v2(server.tcp, seller(2), "desk").await;
    let (end, mut found) = desk.sync_v2(BEGINNING).await;
    assert_eq!((end, found.len()), (first.end, 1_000));
    assert_eq!(desk.receive_notify().await, MsgId(end.0 + 1));
    found.extend(desk.sync_v2(end).await.1);
    let found = found.iter().map(|(_, chat)| &chat.content[..]);
    assert!(found.eq(contents.iter().map(String::as_bytes)));
    assert_eq!(desk.receive_all().await, []);
}

async fn d4_a_key_beyond_the_queue_is_answered_with_its_end(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = Client::log_in_v2(server.tcp, seller(2), "desk").await;
    let beyond = MsgId(5_000);
    assert_eq!(desk.sync_v2(beyond).await, (beyond, vec![]), "the queue is empty");
    let mut phone = server.log_in(customer(1), "phone").await;
    phone.send(question(customer(1), seller(2), "hello")).await;
    let newest = desk.receive_notify().await;
    assert_eq!(desk.sync_v2(beyond).await, (newest, vec![]));
    let mut old_desk = server.log_in(seller(2), "old desk").await;
    assert_eq!(old_desk.sync(beyond).await.end, beyond, "as in version 1 (S2.4)");
}

#[tokio::test]
async fn d4_a_row_that_nobody_can_read_is_left_out_and_logged_once() {
    let Some(nats) = Nats::start().await else { return };
    let client = async_nats::connect(nats.url()).await.unwrap();
    let place = Place::new(nats.url());
    let server = place.server(&[]).await;
    let mut phone = Client::log_in_v2(server.tcp, customer(1), "phone").await;
    phone.send(message_v2(customer(1), seller(2), "before")).await;
    phone.receive_all().await;
    let context = async_nats::jetstream::new(client);
    let mut headers = HeaderMap::new();
    headers.insert("Kefu-Command", "64");
    headers.insert("Kefu-Device", "0");
    let subject = "kefu.queue.2.1453.2";
    let published = context.publish_with_headers(subject, headers, "secret words".into()).await;
    published.unwrap().await.unwrap();
    phone.send(message_v2(customer(1), seller(2), "behind")).await;
    phone.receive_all().await;

    for device in ["desk", "home"] {
        let mut desk = Client::log_in_v2(server.tcp, seller(2), device).await;
        let (_, found) = desk.sync_v2(BEGINNING).await;
        let found: Vec<_> = found.iter().map(|(_, chat)| &chat.content[..]).collect();
        assert_eq!(found, [&b"before"[..], b"behind"]);
    }
    let unreadable = http::metric(server.http, "kefu_unreadable_rows_total").await;
    assert_eq!(unreadable, 2);
    server.until_logged("an unreadable row").await;
    let log = server.log();
    assert_eq!(log.matches("an unreadable row").count(), 1, "{log}");
    assert!(log.contains("queue=1453/2") && !log.contains("words"), "{log}");
}
