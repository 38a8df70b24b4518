//! A client that gets no ACK sends again (S10, H8).

use bytes::BytesMut;
use kefu_proto::{AppId, Body, CustomerMessage, Flags, MsgId, Request, Seq, StoreId, UserId};

use super::client::{
    bare_online, chat, frame, frame_of, log_in, now, online, received, sync_keys, text,
};

/// The second save of the first try fails; the ACK of the second try is lost: the client sends
/// three times. S10.2, S10.3, H8.1.
#[test]
fn s10_h8_an_idempotent_store_has_a_repeat_once_and_another_store_again() {
    // The seller is told the id of the first copy twice, or those of the second and the fourth.
    for (idempotent, copies, ids) in [(true, 2, [32, 32]), (false, 5, [192, 512])] {
        let mut server = online("customer");
        log_in(&mut server, "seller", b"tok-1453-2");
        server.store.idempotent = idempotent;
        server.store.room = Some(1);
        server.receive("customer", &frame_of(&chat(Flags::NONE)));
        assert_eq!(received(&mut server, "customer"), []);
        assert_eq!(received(&mut server, "seller"), []);
        server.store.room = None;
        for seq in 4..=5 {
            server.receive("customer", &frame(seq, chat(Flags::NONE).body));
            let acknowledged = received(&mut server, "customer").pop().map(|(_, _, body)| body);
            assert_eq!(acknowledged, Some(Body::Ack(Seq(seq).into())));
        }
        assert_eq!(sync_keys(received(&mut server, "seller")), ids.map(MsgId));
        assert_eq!(server.store.copies(), copies);
    }
}

/// S10.1: the same mark to or from somebody else is another message. So is another mark, and a
/// message without one.
#[test]
fn s10_1_only_sender_receiver_and_mark_together_make_a_repeat() {
    let mut server = online("customer");
    log_in(&mut server, "seller", b"tok-1453-2");
    server.store.idempotent = true;
    let other_seller = CustomerMessage { seller_id: UserId(3), ..text() };
    let other_mark = CustomerMessage { content: "again".into(), ..text() };
    let other_store = CustomerMessage { store_id: StoreId(9), ..text() };
    // A seller may be a customer of the kefu app, too; this one writes to themselves.
    let (customer_appid, customer_id) = (AppId(1453), UserId(2));
    let other_sender = CustomerMessage { customer_appid, customer_id, ..text() };
    let no_mark = CustomerMessage { content: "".into(), ..text() };
    for (who, message, copies) in [
        ("customer", &text(), 2),
        ("customer", &text(), 2),
        ("customer", &other_seller, 4),
        ("customer", &other_mark, 6),
        ("customer", &other_store, 6),
        ("seller", &other_sender, 8),
        ("seller", &other_sender, 8),
        ("customer", &no_mark, 10),
        ("customer", &no_mark, 12),
    ] {
        server.receive(who, &frame(1, Body::Customer(message.clone())));
        assert_eq!(server.store.copies(), copies, "{message:?}");
    }
}

/// W7.6: one widely used client begins again with 1 after a login and after a sync.
#[test]
fn w7_6_messages_with_the_same_number_are_different_messages() {
    let mut server = online("customer");
    server.store.idempotent = true;
    for content in ["one", "two"] {
        let message = CustomerMessage { content: content.into(), ..text() };
        server.receive("customer", &frame(1, Body::Customer(message)));
    }
    let acks = received(&mut server, "customer");
    assert_eq!(acks, [(2, 1, Body::Ack(Seq(1).into())), (3, 1, Body::Ack(Seq(1).into()))]);
    assert_eq!(server.store.copies(), 4);
}

/// S7.3: what a client has sent is finished without it.
#[test]
fn s7_3_a_message_outlives_its_connection() {
    let mut online = bare_online();
    let mut read = BytesMut::from(&frame_of(&chat(Flags::NONE))[..]);
    let Ok(Some(Request::Deliver(delivery))) = online.receive(&mut read, now()) else {
        panic!("a message was sent")
    };
    drop((online, read));
    let effects = delivery.save_with(|_| Ok::<_, ()>(MsgId(1))).unwrap();
    let names: Vec<_> = effects.iter().map(|effect| effect.name()).collect();
    assert_eq!(names, ["PushMessage", "SendAppMessage", "SendMessage", "EnqueueMessage"]);
}
