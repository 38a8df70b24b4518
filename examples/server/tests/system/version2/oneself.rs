//! A message to oneself: what comes to the sending connection comes before its ACK (H7.4, H7.6).

use kefu_proto::{Body, Flags, Metadata, MsgId};
use kefu_testing::client::{Client, message_v2, question, seller};

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

const ROUNDS: usize = 20;

on_each_store!(
    h7_the_notify_of_a_message_to_oneself_comes_before_its_ack,
    h6_so_does_the_message_itself_if_it_is_not_stored,
);

async fn h7_the_notify_of_a_message_to_oneself_comes_before_its_ack(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    for _ in 0..ROUNDS {
        let seq = desk.send(question(seller(2), seller(2), "a note")).await;
        desk.receive_notify().await;
        desk.receive_ack(seq).await;
    }
    assert_eq!(desk.receive_all().await, [], "not the notify of the sender's copy (H7.5)");
}

async fn h6_so_does_the_message_itself_if_it_is_not_stored(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    for _ in 0..ROUNDS {
        let note = question(seller(2), seller(2), "...");
        let seq = desk.send_flagged(Flags::UNPERSISTENT, note).await;
        assert!(matches!(desk.receive("the message").await.body, Body::Customer(_)));
        desk.receive_ack(seq).await;
    }
}

#[tokio::test]
async fn h14_the_ack_of_a_copy_to_oneself_continues_it() {
    let server = Server::start(&[]).await;
    let mut desk = Client::log_in_v2(server.tcp, seller(2), "desk").await;
    let mut last = MsgId(0);
    for _ in 0..ROUNDS {
        let seq = desk.send(message_v2(seller(2), seller(2), "a note")).await;
        let (Metadata { sync_key, prev_sync_key }, _) = desk.receive_copy().await;
        assert_eq!((prev_sync_key, desk.receive_notify().await), (last, sync_key));
        let own = desk.receive_live_ack(seq).await;
        assert_eq!(own.prev_sync_key, sync_key);
        last = own.sync_key;
    }
}
