//! Customer and seller on different servers.

use kefu_proto::{Body, Flags, Message, MsgId};
use kefu_testing::client::{answer, customer, question, seller};

use super::servers::Service;

/// From the beginning of a queue; 0 would mean the kept key.
const BEGINNING: MsgId = MsgId(-1);

#[tokio::test]
async fn a_question_and_its_answer_go_from_one_server_to_another() {
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut desk = service.log_in(1, seller(2), "desk").await;

    let seq = phone.send(question(customer(1), seller(2), "what does it cost?")).await;
    phone.receive_ack(seq).await;
    let key = desk.receive_notify().await;
    let found = desk.sync(BEGINNING).await;
    assert_eq!((found.contents(), found.end), (vec![&b"what does it cost?"[..]], key));

    let seq = desk.send(answer(seller(2), customer(1), "nothing")).await;
    desk.receive_ack(seq).await;
    let key = phone.receive_notify().await;
    let found = phone.sync(BEGINNING).await;
    assert_eq!((found.contents(), found.end), (vec![&b"nothing"[..]], key));
    for client in [&mut phone, &mut desk] {
        assert_eq!(client.receive_all().await, []);
    }

    // A third device of each reads the same on the third server.
    let whole = [&b"what does it cost?"[..], b"nothing"];
    for account in [customer(1), seller(2)] {
        let mut later = service.log_in(2, account, "later").await;
        assert_eq!(later.sync(BEGINNING).await.contents(), whole);
    }
}

#[tokio::test]
async fn h6_a_transient_message_reaches_who_is_on_another_server_and_is_not_stored() {
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut tablet = service.log_in(1, customer(1), "tablet").await;
    let mut desk = service.log_in(1, seller(2), "desk").await;
    let mut home = service.log_in(2, seller(2), "home").await;
    let flags = Flags::UNPERSISTENT | Flags::TEXT;
    let seq = phone.send_flagged(flags, question(customer(1), seller(2), "typing")).await;
    phone.receive_ack(seq).await;
    for connection in [&mut desk, &mut home] {
        let message = connection.receive("the message").await;
        let Message { flags: received, body: Body::Customer(chat), .. } = message else {
            panic!("{message:?}")
        };
        assert_eq!((received, &chat.content[..]), (flags, &b"typing"[..]));
    }
    // The next message shows that nothing else came before it.
    let seq = phone.send(question(customer(1), seller(2), "hello")).await;
    phone.receive_ack(seq).await;
    for connection in [&mut desk, &mut home, &mut tablet] {
        connection.receive_notify().await;
    }
    assert_eq!(desk.sync(BEGINNING).await.contents(), [b"hello"]);
}

/// The notify of a save never overtakes the save.
#[tokio::test]
async fn who_syncs_on_another_server_at_once_when_notified_finds_the_message() {
    const MANY: usize = 300;
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut readers =
        [service.log_in(1, seller(2), "desk").await, service.log_in(2, seller(2), "home").await];
    let mut known = MsgId(-1);
    for number in 0..MANY {
        let content = format!("message {number}");
        let seq = phone.send(question(customer(1), seller(2), content.clone())).await;
        let mut reached = known;
        for reader in &mut readers {
            reached = reader.receive_notify().await;
            let found = reader.sync(known).await;
            assert_eq!((found.contents(), found.end), (vec![content.as_bytes()], reached));
        }
        assert!(reached > known);
        known = reached;
        phone.receive_ack(seq).await;
    }
}

/// Notifies and queues have the order of the messages, however fast they are sent.
#[tokio::test]
async fn messages_in_a_row_stay_in_order_on_the_other_server() {
    const MANY: usize = 200;
    let Some(service) = Service::<2>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut desk = service.log_in(1, seller(2), "desk").await;
    let content = |number: usize| format!("message {number}");
    let mut sent = Vec::new();
    for number in 0..MANY {
        let body = question(customer(1), seller(2), content(number));
        sent.extend_from_slice(&phone.frame(Flags::NONE, body));
    }
    phone.write(&sent).await;
    let acks = phone.receive_all().await;
    let seqs: Vec<_> = acks.iter().map(|ack| &ack.body).collect();
    assert!(seqs.is_sorted_by_key(|body| match body {
        Body::Ack(ack) => ack.seq.0,
        other => panic!("{other:?} instead of an ACK"),
    }));
    assert_eq!(seqs.len(), MANY);
    let newest = phone.sync(BEGINNING).await.end;
    let mut keys = vec![desk.receive_notify().await];
    while keys.last() != Some(&newest) {
        // One may stand for several (S13.2).
        keys.push(desk.receive_notify().await);
    }
    assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    let found = desk.sync(BEGINNING).await;
    let expected: Vec<_> = (0..MANY).map(content).collect();
    assert!(found.contents().into_iter().eq(expected.iter().map(String::as_bytes)));
}
