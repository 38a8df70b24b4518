//! Requests are answered in their order.

use std::time::Duration;

use kefu_proto::{Body, Flags, MsgId, Seq, Version};
use kefu_testing::client::{customer, question, seller};
use tokio::time::timeout;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

on_each_store!(
    a_ping_behind_many_messages_is_answered_after_their_acks,
    a_sync_behind_messages_finds_them_and_comes_after_their_acks,
    s11_what_is_sent_behind_a_sync_is_answered_behind_its_begin,
    w7_frames_are_numbered_from_1_on_whatever_they_are,
    a_client_that_sends_one_byte_at_a_time_is_served_like_any_other,
    h7_nothing_follows_a_message_before_it_is_stored,
);

async fn a_ping_behind_many_messages_is_answered_after_their_acks(store: Store) {
    const MANY: i32 = 3_000;
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut sent = Vec::new();
    for number in 0..MANY {
        // Messages that need no disk must not overtake those that do.
        let flags = if number % 3 == 0 { Flags::UNPERSISTENT } else { Flags::TEXT };
        let body = question(customer(1), seller(2), format!("message {number}"));
        sent.extend_from_slice(&asker.frame(flags, body));
    }
    let first = asker.last().0 - MANY + 1;
    sent.extend_from_slice(&asker.frame(Flags::NONE, Body::Ping));
    asker.write(&sent).await;
    for seq in first..first + MANY {
        asker.receive_ack(Seq(seq)).await;
    }
    assert_eq!(asker.receive("a PONG").await.body, Body::Pong);
    assert_eq!(asker.receive_all().await, []);
}

async fn a_sync_behind_messages_finds_them_and_comes_after_their_acks(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut sent = Vec::new();
    for content in ["one", "two", "three"] {
        sent.extend_from_slice(
            &asker.frame(Flags::NONE, question(customer(1), seller(2), content)),
        );
    }
    sent.extend_from_slice(&asker.frame(Flags::NONE, Body::Sync(MsgId(0))));
    sent.extend_from_slice(&asker.frame(Flags::NONE, question(customer(1), seller(2), "four")));
    asker.write(&sent).await;

    let last = asker.last().0;
    for seq in last - 4..last - 1 {
        asker.receive_ack(Seq(seq)).await;
    }
    // The fourth message is taken while the sync is answered. This device's own messages are left
    // out (S2), but the sync key is past them.
    let (mut answers, mut has_ack) = (Vec::new(), false);
    while answers.len() < 2 || !has_ack {
        match asker.receive("an ACK, a SYNC_BEGIN and a SYNC_END").await.body {
            Body::Ack(ack) => has_ack = ack.seq == Seq(last),
            answer => answers.push(answer),
        }
    }
    let [Body::SyncBegin(MsgId(0)), Body::SyncEnd(end)] = answers[..] else {
        panic!("{answers:?}")
    };
    let mut tablet = server.log_in(customer(1), "tablet").await;
    let behind = tablet.sync(end).await;
    assert!(matches!(&behind.contents()[..], [] | [b"four"]), "{:?}", behind.contents());

    // One notify may stand for several (S13.2).
    assert!((1..=4).contains(&desk.receive_all().await.len()));
    let found = desk.sync(MsgId(0)).await;
    assert_eq!(found.contents(), [&b"one"[..], b"two", b"three", b"four"]);
}

async fn s11_what_is_sent_behind_a_sync_is_answered_behind_its_begin(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut sent = asker.frame(Flags::NONE, Body::Sync(MsgId(0))).to_vec();
    sent.extend_from_slice(&asker.frame(Flags::NONE, Body::Ping));
    asker.write(&sent).await;
    let begin = asker.receive("a SYNC_BEGIN").await.body;
    assert!(matches!(begin, Body::SyncBegin(_)), "{begin:?}");
    let mut rest = [asker.receive("a PONG").await.body, asker.receive("a SYNC_END").await.body];
    rest.sort_by_key(|body| *body == Body::Pong);
    assert!(matches!(rest, [Body::SyncEnd(_), Body::Pong]), "{rest:?}");
}

async fn w7_frames_are_numbered_from_1_on_whatever_they_are(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut tablet = server.log_in(customer(1), "tablet").await;
    for _ in 0..10 {
        tablet.send(question(customer(1), seller(2), "x")).await;
        asker.send(question(customer(1), seller(2), "x")).await;
    }
    for client in [&mut tablet, &mut asker] {
        // Number 1 was the AUTH_STATUS. Ten ACKs and at most ten SYNC_NOTIFYs follow (S13.2), in
        // any order.
        let (mut acks, mut seq) = (0, 1);
        while acks < 10 {
            let frame = client.receive("an ACK or SYNC_NOTIFY").await;
            seq += 1;
            assert_eq!((frame.seq, frame.version), (Seq(seq), Version(1)), "{frame:?}");
            acks += usize::from(matches!(frame.body, Body::Ack(_)));
        }
        assert!(seq <= 21, "{seq}");
    }
}

async fn a_client_that_sends_one_byte_at_a_time_is_served_like_any_other(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut sent = asker.frame(Flags::NONE, question(customer(1), seller(2), "slowly")).to_vec();
    sent.extend_from_slice(&asker.frame(Flags::NONE, Body::Ping));
    for byte in sent {
        asker.write(&[byte]).await;
        // The server reads each byte before the next is sent.
        tokio::task::yield_now().await;
    }
    asker.receive_ack(Seq(asker.last().0 - 1)).await;
    assert_eq!(asker.receive("a PONG").await.body, Body::Pong);
}

async fn h7_nothing_follows_a_message_before_it_is_stored(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut desk = server.log_in(seller(2), "desk").await;

    let held = server.hold_saves().await;
    let seq = asker.send(question(customer(1), seller(2), "hello")).await;
    server.until_metric("kefu_messages_accepted_total", 1).await;
    assert_eq!(desk.receive_all().await, [], "a notify before it is stored");
    let early = timeout(Duration::from_millis(200), asker.next()).await;
    assert!(early.is_err(), "before it is stored: {early:?}");
    assert_eq!(server.metric("kefu_saves_total").await, 0);

    held.release();
    asker.receive_ack(seq).await;
    desk.receive_notify().await;
    server.until_metric("kefu_saves_total", 2).await;
}
