//! What waits for a connection, and what gives way (S13).

use bytes::Bytes;
use kefu_proto::{
    Accepted, Account, Ack, AppId, Appended, Body, Config, CustomerMessage, CustomerMessageV2,
    Delivery, DeviceId, Effect, Effects, Flags, Identity, LeftOut, Message, MsgId, Outbound,
    Outbox, OutboxBounds, OwnedOutbound, Pushed, Seq, Session, StoreId, UnixTime, UserId,
};

const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
const SELLER: Account = Account::new(AppId(1453), UserId(2));
const LEFT_COPY: Pushed = Pushed::LeftOut(LeftOut::LiveCopy);
const LEFT_CHAT: Pushed = Pushed::LeftOut(LeftOut::Unpersistent);

/// S13.1
#[test]
fn s13_1_what_waits_comes_out_in_its_order() {
    let mut outbox = outbox(100, 100_000);
    let given = [chat("a"), copy(1, "b"), ack(1), notify(1), chat("c"), live_ack(3), ack(2)];
    for (message, waiting) in given.iter().zip(1..) {
        assert_eq!(outbox.push(message.clone()), Pushed::Kept);
        assert_eq!((outbox.len(), outbox.is_empty()), (waiting, false));
    }
    assert_eq!(drained(&mut outbox), given);
    assert_eq!((outbox.len(), outbox.bytes(), outbox.is_empty()), (0, 0, true));
}

/// S13.2: the greatest is the one, whichever comes last.
#[test]
fn s13_2_of_several_notifies_the_greatest_waits() {
    for (given, greatest) in [([4, 5, 6], 6), ([6, 5, 4], 6), ([4, 6, 5], 6), ([-1, -2, -3], -1)] {
        let mut outbox = outbox(0, 0);
        let became = given.map(|msgid| outbox.push(notify(msgid)));
        assert_eq!(became, [Pushed::Kept, Pushed::Merged, Pushed::Merged]);
        assert_eq!((outbox.len(), outbox.bytes()), (1, 0));
        assert_eq!(drained(&mut outbox), [notify(greatest)]);
        // The next begins anew.
        assert_eq!(outbox.push(notify(-7)), Pushed::Kept);
        assert_eq!(drained(&mut outbox), [notify(-7)]);
    }
}

/// S13.2: with the live copies before it, a client needs no sync. Behind anything else it would only
/// come later.
#[test]
fn s13_2_a_notify_comes_behind_its_live_copies_and_nothing_else() {
    let mut outbox = outbox(100, 100_000);
    for message in [chat("a"), copy(1, "b"), notify(1), chat("c"), ack(1), live_ack(2)] {
        assert_eq!(outbox.push(message), Pushed::Kept);
    }
    assert_eq!(outbox.push(notify(3)), Pushed::Merged);
    assert_eq!(outbox.pop(), Some(chat("a")));
    assert_eq!(outbox.push(copy(4, "d")), Pushed::Kept);
    assert_eq!(outbox.push(chat("e")), Pushed::Kept);
    assert_eq!(outbox.push(notify(4)), Pushed::Merged);
    assert_eq!(outbox.push(chat("f")), Pushed::Kept);
    assert_eq!(outbox.push(notify(5)), Pushed::Merged);
    let rest = [
        copy(1, "b"),
        chat("c"),
        ack(1),
        live_ack(2),
        copy(4, "d"),
        notify(5),
        chat("e"),
        chat("f"),
    ];
    assert_eq!(drained(&mut outbox), rest);
    // The live copies that have gone out do not matter any more.
    for message in [chat("g"), chat("h"), notify(6), chat("i")] {
        outbox.push(message);
    }
    assert_eq!(outbox.push(notify(7)), Pushed::Merged);
    assert_eq!(drained(&mut outbox), [chat("g"), chat("h"), notify(7), chat("i")]);
}

/// S13.2: live copies that keep coming as fast as they go out do not put it off for ever.
#[test]
fn s13_2_a_notify_is_not_put_off_for_ever() {
    for messages in [2, 3, 10] {
        let mut outbox = outbox(messages, 1_000_000);
        outbox.push(copy(1, "a"));
        outbox.push(notify(1));
        let mut waited = 0;
        let told = loop {
            let msgid = 2 + i64::try_from(waited).unwrap();
            outbox.push(copy(msgid, "a"));
            outbox.push(notify(msgid));
            match outbox.pop().unwrap().get() {
                Outbound::SyncNotify(told) => break told,
                _ => waited += 1,
            }
            assert!(waited < 100, "never");
        };
        assert_eq!(waited, messages + 1);
        assert_eq!(told, MsgId(2 + i64::try_from(waited).unwrap()), "and it is the newest");
        // It starts anew.
        assert_eq!(outbox.push(copy(50, "a")), Pushed::Kept);
    }
}

/// S13.3: with its METADATA, and so are those behind it, which the client would drop. Once it has
/// been told where to go on, live copies are of use again.
#[test]
fn s13_3_a_live_copy_that_does_not_fit_is_left_out_up_to_the_next_notify() {
    let mut outbox = outbox(2, 100_000);
    for message in [copy(1, "a"), copy(2, "b")] {
        assert_eq!(outbox.push(message), Pushed::Kept);
    }
    assert_eq!(outbox.push(copy(3, "c")), LEFT_COPY);
    assert_eq!(outbox.push(notify(3)), Pushed::Kept);
    assert_eq!(outbox.pop(), Some(copy(1, "a")));
    assert_eq!(outbox.push(copy(4, "d")), LEFT_COPY, "there is room, but it is of no use");
    assert_eq!(outbox.push(chat("e")), Pushed::Kept);
    assert_eq!(outbox.push(notify(4)), Pushed::Merged);
    assert_eq!(outbox.pop(), Some(copy(2, "b")));
    assert_eq!(outbox.push(copy(5, "f")), LEFT_COPY);
    assert_eq!(outbox.pop(), Some(notify(4)));
    assert_eq!(outbox.push(copy(6, "g")), Pushed::Kept);
    assert_eq!(drained(&mut outbox), [chat("e"), copy(6, "g")]);
}

/// S13.4: by messages, and by bytes.
#[test]
fn s13_4_an_unpersistent_message_that_does_not_fit_is_left_out() {
    let mut outbox = outbox(2, 100_000);
    assert_eq!(outbox.push(notify(1)), Pushed::Kept);
    for message in [chat("a"), chat("b")] {
        assert_eq!(outbox.push(message), Pushed::Kept, "a notify takes no place");
    }
    assert_eq!(outbox.push(chat("c")), LEFT_CHAT);
    assert_eq!(drained(&mut outbox), [notify(1), chat("a"), chat("b")]);
    assert_eq!(outbox.push(chat("d")), Pushed::Kept);
}

/// A message takes its size and its content; exactly at the bound it fits.
#[test]
fn s13_4_s13_3_the_bound_in_bytes_is_exact() {
    let size = size_of::<OwnedOutbound>();
    for (content, fits) in [(99, true), (100, true), (101, false)] {
        let content = "x".repeat(content);
        for (message, left_out) in [(chat(&content), LEFT_CHAT), (copy(2, &content), LEFT_COPY)] {
            let mut outbox = outbox(100, size + 50 + size + 100);
            assert_eq!(outbox.push(copy(1, &"y".repeat(50))), Pushed::Kept);
            assert_eq!(outbox.bytes(), size + 50);
            assert_eq!(outbox.push(message), if fits { Pushed::Kept } else { left_out });
            let more = if fits { size + content.len() } else { 0 };
            assert_eq!(outbox.bytes(), size + 50 + more);
            outbox.pop();
            assert_eq!(outbox.bytes(), more);
        }
    }
    assert_eq!(OutboxBounds::default(), OutboxBounds { messages: 4096, bytes: 262_144 });
}

/// S13.5: there are as many as the host has taken messages of the client.
#[test]
fn s13_5_no_ack_is_left_out() {
    let mut outbox = outbox(1, 200);
    for seq in 0..1000 {
        assert_eq!(outbox.push(ack(seq)), Pushed::Kept);
        assert_eq!(outbox.push(live_ack(seq.into())), Pushed::Kept);
        assert_eq!(outbox.push(chat("x")), LEFT_CHAT);
        assert_eq!(outbox.push(copy(1, "x")), LEFT_COPY);
    }
    assert_eq!((outbox.len(), outbox.bytes()), (2000, 2000 * size_of::<OwnedOutbound>()));
    assert_eq!(drained(&mut outbox).len(), 2000);
}

/// What waits behind others does not keep the read buffer in memory that it came in. What goes out
/// at once is not copied.
#[test]
fn what_waits_keeps_no_read_buffer_in_memory() {
    let made: [fn(Bytes) -> OwnedOutbound; 2] =
        [|content| chat_of(content), |content| copy_of(1, content)];
    for make in made {
        let mut outbox = outbox(100, 100_000);
        for (waiting, is_shared) in (0..10).zip([true, true].into_iter().chain([false; 8])) {
            let read = Bytes::from(vec![b'x'; 16 * 1024]);
            assert_eq!(outbox.push(make(read.slice(100..200))), Pushed::Kept);
            assert_eq!(read.is_unique(), !is_shared, "{waiting}");
        }
        let same = make(Bytes::from(vec![b'x'; 100]));
        assert!(drained(&mut outbox).iter().all(|message| *message == same));
    }
}

#[test]
fn debug_of_an_outbox_shows_how_much_waits_and_never_what() {
    let mut outbox = outbox(7, 1000);
    outbox.push(chat("secret"));
    let bytes = size_of::<OwnedOutbound>() + 6;
    let expected = format!(
        "Outbox {{ bounds: OutboxBounds {{ messages: 7, bytes: 1000 }}, len: 1, bytes: {bytes}, .. }}"
    );
    assert_eq!(format!("{outbox:?}"), expected);
    assert_eq!(
        format!("{:?}", Outbox::default()),
        format!("{:?}", Outbox::new(OutboxBounds::default()))
    );
}

/// Exact, so that a change of what half a million of them take is noticed.
#[test]
fn an_outbox_and_what_waits_in_it_are_small() {
    assert_eq!((size_of::<Outbox>(), size_of::<OwnedOutbound>()), (104, 96));
}

fn outbox(messages: usize, bytes: usize) -> Outbox {
    Outbox::new(OutboxBounds { messages, bytes })
}

fn drained(outbox: &mut Outbox) -> Vec<OwnedOutbound> {
    std::iter::from_fn(|| outbox.pop()).collect()
}

fn notify(msgid: i64) -> OwnedOutbound {
    Outbound::SyncNotify(MsgId(msgid)).into_owned()
}

fn ack(seq: i32) -> OwnedOutbound {
    Outbound::Ack(Ack::from(Seq(seq))).into_owned()
}

fn live_ack(msgid: i64) -> OwnedOutbound {
    stored(msgid, Bytes::new()).iter().last().unwrap().message().into_owned()
}

fn copy(msgid: i64, content: &str) -> OwnedOutbound {
    copy_of(msgid, content.to_owned().into())
}

fn copy_of(msgid: i64, content: Bytes) -> OwnedOutbound {
    let effects = stored(msgid, content);
    let copy = effects.iter().find(|effect| matches!(effect, Effect::SendAppMessage { .. }));
    copy.unwrap().message().into_owned()
}

fn chat(content: &str) -> OwnedOutbound {
    chat_of(content.to_owned().into())
}

fn chat_of(content: Bytes) -> OwnedOutbound {
    let accepted = handled(Body::Customer(CustomerMessage {
        customer_appid: CUSTOMER.appid,
        customer_id: CUSTOMER.uid,
        store_id: StoreId(1),
        seller_id: SELLER.uid,
        timestamp: UnixTime::from(1),
        content,
    }));
    let Accepted::Transient(effects) = accepted.accept() else { panic!("to be stored") };
    effects.iter().next().unwrap().message().into_owned()
}

/// The effects of a CUSTOMER_V2 of which both copies have this id.
fn stored(msgid: i64, content: Bytes) -> Effects {
    let (sender, receiver, timestamp) = (CUSTOMER, SELLER, UnixTime::from(1));
    let delivery =
        handled(Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content }));
    let appended = Appended { msgid: MsgId(msgid), previous: Some(MsgId(msgid - 1)) };
    delivery.save_with(|_| Ok::<_, ()>(appended)).unwrap()
}

fn handled(body: Body) -> Delivery {
    let config = Config::new(AppId(1453)).unwrap();
    let session = Session::new(config, Identity::new(CUSTOMER, DeviceId(11)).unwrap());
    let message = Message { flags: Flags::UNPERSISTENT, ..Message::from(body) };
    session.handle(message, UnixTime::from(1)).unwrap()
}
