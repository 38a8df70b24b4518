//! One chat in two versions: an app of 2018 and a desk of today.

use kefu_proto::{Body, Flags, Message, MsgId, Seq};
use kefu_testing::client::{Client, answer, customer, message_v2, question, seller};
use kefu_testing::http;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

/// From the beginning of a queue; 0 would mean the kept key.
const BEGINNING: MsgId = MsgId(-1);

on_each_store!(
    d2_an_app_of_2018_and_a_desk_of_today_talk_to_each_other,
    d3_what_is_typed_reaches_either_in_its_own_form,
    h13_a_message_in_the_name_of_another_is_met_with_silence,
);

async fn d2_an_app_of_2018_and_a_desk_of_today_talk_to_each_other(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut app = server.log_in(customer(1), "phone").await;
    let mut desk = Client::log_in_v2(server.tcp, seller(2), "desk").await;

    let seq = app.send(question(customer(1), seller(2), "is it in stock?")).await;
    app.receive_ack(seq).await;
    // H14.10: a CUSTOMER has no live copy, in no dialect.
    let key = desk.receive_notify().await;
    let (end, found) = desk.sync_v2(MsgId(0)).await;
    let [(flags, chat)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((end, *flags), (key, Flags::NONE));
    assert_eq!((chat.sender, chat.receiver), (customer(1), seller(2)));
    assert_eq!(chat.content, "is it in stock?");

    let seq = desk.send(message_v2(seller(2), customer(1), "yes")).await;
    receive_v2_ack(&mut desk, seq).await;
    // D3.1: the app gets the notify alone.
    let key = app.receive_notify().await;
    let found = app.sync(BEGINNING).await;
    assert_eq!((found.contents(), found.end), (vec![&b"yes"[..]], key));
    assert_eq!(found.messages[0].customer_id, customer(1).uid);
    assert_eq!(found.messages[0].seller_id, seller(2).uid);
    for client in [&mut app, &mut desk] {
        assert_eq!(client.receive_all().await, []);
    }

    // Another device of each, of the other version, has the whole history.
    let mut tablet = Client::log_in_v2(server.tcp, customer(1), "tablet").await;
    let (_, found) = tablet.sync_v2(BEGINNING).await;
    let contents: Vec<_> = found.iter().map(|(_, chat)| &chat.content[..]).collect();
    assert_eq!(contents, [&b"is it in stock?"[..], b"yes"]);
    let mut old_desk = server.log_in(seller(2), "old desk").await;
    let found = old_desk.sync(BEGINNING).await;
    assert_eq!(found.contents(), [&b"is it in stock?"[..], b"yes"]);
}

/// An ACK, behind its METADATA if the store knows what was before (H14.9).
async fn receive_v2_ack(client: &mut Client, seq: Seq) {
    let mut message = client.receive("an ACK").await;
    if matches!(message.body, Body::Metadata(_)) {
        message = client.receive("an ACK").await;
    }
    assert_eq!(message.body, Body::Ack(seq.into()));
}

async fn d3_what_is_typed_reaches_either_in_its_own_form(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut app = server.log_in(customer(1), "phone").await;
    let mut desk = Client::log_in_v2(server.tcp, seller(2), "desk").await;
    let mut old_desk = server.log_in(seller(2), "old desk").await;
    let flags = Flags::UNPERSISTENT | Flags::TEXT;
    let seq = app.send_flagged(flags, question(customer(1), seller(2), "...")).await;
    app.receive_ack(seq).await;
    let message = desk.receive("the message").await;
    let Message { flags: received, body: Body::CustomerV2(chat), .. } = message else {
        panic!("{message:?}")
    };
    assert_eq!((received, chat.sender, &chat.content[..]), (flags, customer(1), &b"..."[..]));
    assert!(matches!(old_desk.receive("the message").await.body, Body::Customer(_)));

    let seq = old_desk.send_flagged(flags, answer(seller(2), customer(1), "...")).await;
    old_desk.receive_ack(seq).await;
    assert!(matches!(app.receive("the message").await.body, Body::CustomerSupport(_)));
}

async fn h13_a_message_in_the_name_of_another_is_met_with_silence(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut phone = Client::log_in_v2(server.tcp, customer(1), "phone").await;
    let mut desk = Client::log_in_v2(server.tcp, seller(2), "desk").await;
    phone.send(message_v2(customer(3), seller(2), "not I")).await;
    phone.send(message_v2(customer(1), customer(3), "no seller")).await;
    assert_eq!(phone.receive_all().await, [], "no ACK, whatever its status");
    assert_eq!(desk.receive_all().await, []);
    for reason in ["sender_mismatch", "no_kefu_side"] {
        let refused = format!("kefu_messages_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(http::metric(server.http, &refused).await, 1, "{reason}");
    }
    let seq = phone.send(message_v2(customer(1), seller(2), "hello")).await;
    receive_v2_ack(&mut phone, seq).await;
}
