//! Who receives what, and what is stored.

use kefu_proto::{Body, Flags, Message, MsgId, UnixTime, Version};
use kefu_testing::client::{Client, answer, customer, question, seller};
use kefu_testing::until;

use crate::support::on_each_store;
use crate::support::process::ServerProcess;
use crate::support::server::Server;
use crate::support::store::Store;

/// From the beginning of a queue; 0 would mean the kept key.
const BEGINNING: MsgId = MsgId(-1);

on_each_store!(
    h7_two_devices_of_a_user_stay_in_step,
    h7_all_connections_of_the_receiver_are_told,
    msgids_go_on_after_those_of_an_earlier_service,
    h7_who_is_not_there_is_pushed_and_finds_the_message_by_sync,
    h7_a_push_goes_through_the_outbox_to_its_sink_and_once,
    h6_a_transient_message_to_nobody_is_acknowledged_and_gone,
    h6_a_transient_message_reaches_who_is_there_and_is_never_stored,
    s10_a_repeat_under_the_same_uuid_is_acknowledged_and_stored_once,
    s2_a_queue_of_many_pages_comes_whole_and_in_order,
    users_of_different_apps_with_the_same_uid_are_strangers,
);

async fn h7_two_devices_of_a_user_stay_in_step(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut phone = server.log_in(customer(1), "phone").await;
    let mut tablet = server.log_in(customer(1), "tablet").await;
    let mut desk = server.log_in(seller(2), "desk").await;

    let seq = phone.send(question(customer(1), seller(2), "hello")).await;
    phone.receive_ack(seq).await;
    let sent = tablet.receive_notify().await;
    assert_eq!(phone.receive_all().await, [], "the sending device needs no notice");
    desk.receive_notify().await;
    let seq = desk.send(answer(seller(2), customer(1), "good day")).await;
    desk.receive_ack(seq).await;
    let came = phone.receive_notify().await;
    assert_eq!(tablet.receive_notify().await, came);
    assert!(sent < came, "{sent} {came}");

    let on_phone = phone.sync(BEGINNING).await;
    assert_eq!(on_phone.contents(), [b"good day"], "what this device sent is left out (S2)");
    let on_tablet = tablet.sync(BEGINNING).await;
    assert_eq!(on_tablet.contents(), [&b"hello"[..], b"good day"]);
    assert_eq!((on_phone.end, on_tablet.end), (came, came));
}

async fn h7_all_connections_of_the_receiver_are_told(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut from = server.log_in(customer(1), "phone").await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut home = server.log_in(seller(2), "home").await;
    let mut other = server.log_in(seller(3), "desk").await;
    let seq = from.send(question(customer(1), seller(2), "hello")).await;
    from.receive_ack(seq).await;
    assert_eq!(desk.receive_notify().await, home.receive_notify().await);
    assert_eq!(other.receive_all().await, [], "another seller");
    drop(home);
    server.until_closed("left", 1).await;
    let seq = from.send(question(customer(1), seller(2), "still there?")).await;
    from.receive_ack(seq).await;
    desk.receive_notify().await;
}

async fn msgids_go_on_after_those_of_an_earlier_service(store: Store) {
    const LAST: MsgId = MsgId(5_000_000_001);
    let server = Server::start_on(store, &["--msgids-after", &LAST.to_string()]).await;
    let mut from = server.log_in(customer(1), "phone").await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut newest = LAST;
    for number in 0..300 {
        let seq = from.send(question(customer(1), seller(2), format!("{number}"))).await;
        from.receive_ack(seq).await;
        let notified = desk.receive_notify().await;
        assert!(notified > newest, "{notified} after {newest}");
        newest = notified;
    }
    // A client that has seen all messages of the earlier service, and a new one.
    for after in [LAST, BEGINNING] {
        let found = desk.sync(after).await;
        assert_eq!((found.begin, found.messages.len(), found.end), (after, 300, newest));
    }
    assert_eq!(desk.sync(newest).await.messages, []);
}

async fn h7_who_is_not_there_is_pushed_and_finds_the_message_by_sync(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut from = server.log_in(customer(1), "phone").await;
    let seq = from.send(question(customer(1), seller(2), "anybody?")).await;
    from.receive_ack(seq).await;
    server.until_metric("kefu_pushes_total", 1).await;

    let mut desk = server.log_in(seller(2), "desk").await;
    let found = desk.sync(MsgId(0)).await;
    assert_eq!((found.begin, found.contents()), (MsgId(0), vec![&b"anybody?"[..]]));
    desk.send(Body::SyncKey(found.end)).await;
    let again = desk.sync(MsgId(0)).await;
    assert_eq!((again.begin, again.contents(), again.end), (found.end, vec![], found.end));

    let seq = from.send(question(customer(1), seller(2), "ah!")).await;
    from.receive_ack(seq).await;
    assert_eq!(server.metric("kefu_pushes_total").await, 1, "no push for who is there");
}

async fn h7_a_push_goes_through_the_outbox_to_its_sink_and_once(store: Store) {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start_on(store, folder.path(), &[]).await;
    let mut from = Client::log_in(server.tcp, customer(1), "phone").await;
    for number in 1..=3 {
        let seq = from.send(question(customer(1), seller(2), "secret words")).await;
        from.receive_ack(seq).await;
        until(&format!("{number} pushes are logged"), async || {
            server.log().matches("push to=1453/2 command=CUSTOMER").count() == number
        })
        .await;
        until("the outbox is empty", async || server.outbox(folder.path()).await == 0).await;
    }
    let log = server.log();
    assert!(!log.contains("words"), "contents are nobody's business: {log}");
}

async fn h6_a_transient_message_to_nobody_is_acknowledged_and_gone(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut from = server.log_in(customer(1), "phone").await;
    let body = question(customer(1), seller(2), "typing");
    let seq = from.send_flagged(Flags::UNPERSISTENT, body).await;
    from.receive_ack(seq).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut tablet = server.log_in(customer(1), "tablet").await;
    for queue in [&mut desk, &mut tablet] {
        let found = queue.sync(BEGINNING).await;
        assert_eq!((found.contents(), found.end), (vec![], BEGINNING));
    }
    assert_eq!(server.metric("kefu_saves_total").await, 0);
    assert_eq!(server.metric("kefu_pushes_total").await, 0);
    assert_eq!(server.metric("kefu_messages_accepted_total").await, 1);
}

async fn h6_a_transient_message_reaches_who_is_there_and_is_never_stored(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut from = server.log_in(customer(1), "phone").await;
    let mut tablet = server.log_in(customer(1), "tablet").await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut home = server.log_in(seller(2), "home").await;
    let flags = Flags::UNPERSISTENT | Flags(0x80);
    let seq = from.send_flagged(flags, question(customer(1), seller(2), "typing")).await;
    from.receive_ack(seq).await;
    for connection in [&mut desk, &mut home] {
        let message = connection.receive("the message").await;
        assert_typing(&message, flags);
        assert_eq!(message.seq.0, 2, "the connection's own number (W7)");
    }
    assert_eq!(tablet.receive_all().await, []);
    assert_eq!(desk.sync(BEGINNING).await.end, BEGINNING);
    assert_eq!(server.metric("kefu_saves_total").await, 0);
}

fn assert_typing(message: &Message, expected: Flags) {
    let Message { version, flags, body: Body::Customer(chat), .. } = message else {
        panic!("{message:?}")
    };
    assert_eq!((*version, *flags), (Version(1), expected));
    assert_eq!(&chat.content[..], b"typing");
    assert!(chat.timestamp > UnixTime::from(1_000_000_000), "the server's clock (H4)");
}

async fn s10_a_repeat_under_the_same_uuid_is_acknowledged_and_stored_once(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut from = server.log_in(customer(1), "phone").await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let once = r#"{"text":"once","uuid":"a-1"}"#;
    let mut notified = Vec::new();
    for _ in 0..2 {
        let seq = from.send(question(customer(1), seller(2), once)).await;
        from.receive_ack(seq).await;
        notified.push(desk.receive_notify().await);
    }
    assert_eq!(notified[0], notified[1]);
    assert_eq!(desk.sync(BEGINNING).await.contents(), [once.as_bytes()]);
    let mut tablet = server.log_in(customer(1), "tablet").await;
    assert_eq!(tablet.sync(BEGINNING).await.contents(), [once.as_bytes()]);
    server.until_metric("kefu_repeats_total", 1).await;

    // Without a uuid it is another message, as with the original.
    for _ in 0..2 {
        let seq = from.send(question(customer(1), seller(2), "plain")).await;
        from.receive_ack(seq).await;
    }
    assert_eq!(desk.sync(BEGINNING).await.contents().len(), 3);
}

async fn s2_a_queue_of_many_pages_comes_whole_and_in_order(store: Store) {
    const MANY: usize = 1_500;
    let server = Server::start_on(store, &[]).await;
    let mut from = server.log_in(customer(1), "phone").await;
    let content = |number: usize| format!("message {number} {}", "x".repeat(400));
    let mut sent = Vec::new();
    for number in 0..MANY {
        let body = question(customer(1), seller(2), content(number));
        sent.extend_from_slice(&from.frame(Flags::NONE, body));
    }
    from.write(&sent).await;
    assert_eq!(from.receive_all().await.len(), MANY);
    let mut desk = server.log_in(seller(2), "desk").await;
    let found = desk.sync_all(BEGINNING).await;
    let expected: Vec<_> = (0..MANY).map(content).collect();
    assert!(found.contents().into_iter().eq(expected.iter().map(String::as_bytes)));
}

async fn users_of_different_apps_with_the_same_uid_are_strangers(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(2), "phone").await;
    let mut namesake = server.log_in(seller(2), "phone").await;
    let seq = asker.send(question(customer(2), seller(3), "hello")).await;
    asker.receive_ack(seq).await;
    assert_eq!(namesake.receive_all().await, []);
    assert_eq!(namesake.sync(BEGINNING).await.messages, []);
}
