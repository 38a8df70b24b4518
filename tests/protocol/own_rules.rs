//! A host's own rules: what a delivery shows of a message, and what it lets the host change.

use bytes::Bytes;
use kefu_proto::{
    Accepted, Account, AppId, Body, ChatMessage, Config, Copies, CustomerMessage, Delivery,
    DeviceId, Effect, Encode, EncodeError, Flags, FrameLimit, Identity, Message, MsgId, Outbound,
    Role, Seq, Session, StoreId, StoredMessage, UnixTime, UserId, Version,
};

// That these can be constants is a promise, too.
const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
const SELLER: Account = Account::new(AppId(1453), UserId(2));
const NOW: UnixTime = UnixTime::MAX;
const CONFIG: Config = match Config::new(AppId(1453)) {
    Ok(config) => config,
    Err(_) => panic!("the kefu app is not 0"),
};
const PHONE: Identity = match Identity::new(CUSTOMER, DeviceId(11)) {
    Ok(identity) => identity,
    Err(_) => panic!("neither id is 0"),
};
const SESSION: Session = Session::new(CONFIG, PHONE);

#[test]
fn a_delivery_shows_who_writes_what_to_whom() {
    let delivery = question(Flags::TEXT);
    assert_eq!((delivery.sender(), delivery.receiver()), (CUSTOMER, SELLER));
    let expected = chat(Flags::TEXT, Body::Customer(text("hello")));
    assert_eq!(delivery.message(), &expected);
    assert_eq!((&expected.content()[..], expected.timestamp()), (&b"hello"[..], NOW));

    let desk = Identity::new(SELLER, DeviceId(12)).unwrap();
    let answer = message(Flags::NONE, Body::CustomerSupport(text("hello")));
    let delivery = Session::new(CONFIG, desk).handle(answer, NOW).unwrap();
    assert_eq!((delivery.sender(), delivery.receiver()), (SELLER, CUSTOMER));
}

/// H2.4, H3.3: whoever the two are, the command tells which one is the seller.
#[test]
fn h2_h3_a_delivery_tells_the_seller_from_the_customer() {
    let delivery = question(Flags::NONE);
    assert_eq!((delivery.seller(), delivery.customer()), (SELLER, CUSTOMER));

    // Two users of the kefu app, and either of them writes.
    let other = Account::new(AppId(1453), UserId(9));
    let between =
        CustomerMessage { customer_appid: AppId(1453), customer_id: UserId(9), ..text("") };
    let as_customer = Session::new(CONFIG, Identity::new(other, DeviceId(12)).unwrap());
    let asked = message(Flags::NONE, Body::Customer(between.clone()));
    let asked = as_customer.handle(asked, NOW).unwrap();
    assert_eq!((asked.seller(), asked.customer()), (SELLER, other));
    let as_seller = Session::new(CONFIG, Identity::new(SELLER, DeviceId(12)).unwrap());
    let told = message(Flags::NONE, Body::CustomerSupport(between));
    let told = as_seller.handle(told, NOW).unwrap();
    assert_eq!((told.seller(), told.customer()), (SELLER, other));
}

/// H10.1: command, body and device, and the content shares no memory with the read buffer.
#[test]
fn h10_the_row_of_a_copy_is_what_a_store_keeps_of_it() {
    let Accepted::Persistent(saves) = question(Flags::TEXT).accept() else {
        panic!("no flag says so");
    };
    let [receivers, senders] = saves.requests();
    let row = StoredMessage::new(receivers, MsgId(41));
    assert_eq!(StoredMessage { msgid: MsgId(41), ..StoredMessage::new(senders, MsgId(57)) }, row);
    assert_eq!((row.msgid, row.device_id, row.command.0), (MsgId(41), DeviceId(11), 24));
    let mut body = Vec::new();
    saves.message().encode_body(&mut body).unwrap();
    assert_eq!(row.body, body);
    let end = row.body[36..].as_ptr_range().end;
    assert_ne!(end, saves.message().content().as_ptr_range().end);
}

/// H6.3: one bit decides, whatever the others.
#[test]
fn h6_an_accepted_message_is_stored_unless_it_is_unpersistent() {
    for bits in 0..=255 {
        let flags = Flags(bits);
        let is_persistent = bits & 2 == 0;
        assert_eq!(question(flags).is_persistent(), is_persistent, "{flags:?}");
        match question(flags).accept() {
            Accepted::Persistent(saves) => {
                assert!(is_persistent, "{flags:?}");
                assert_eq!((saves.sender(), saves.receiver()), (CUSTOMER, SELLER));
                assert_eq!(saves.message(), question(flags).message());
            }
            Accepted::Transient(effects) => {
                assert!(!is_persistent, "{flags:?}");
                assert_eq!((effects.sender(), effects.receiver()), (CUSTOMER, SELLER));
                assert_eq!(
                    (effects.message(), effects.copies()),
                    (question(flags).message(), None)
                );
                assert_eq!((effects.len(), effects.is_empty()), (2, false));
            }
        }
    }
}

/// H11.1, H11.3: on the wire it is silence.
#[test]
fn h11_a_refused_message_has_no_effect() {
    for flags in [Flags::NONE, Flags::UNPERSISTENT] {
        let effects = question(flags).refuse();
        assert_eq!((effects.len(), effects.is_empty()), (0, true));
        assert_eq!(effects.iter().next(), None);
        assert_eq!(effects.copies(), None);
        assert_eq!((effects.sender(), effects.receiver()), (CUSTOMER, SELLER));
        assert_eq!(effects.message(), question(flags).message());
    }
}

/// H11.3.
#[test]
fn h11_other_content_is_stored_pushed_and_sent() {
    for flags in [Flags::NONE, Flags::UNPERSISTENT] {
        let expected = chat(flags, Body::Customer(text("*****")));
        let mut delivery = question(flags);
        delivery.set_content("*****", FrameLimit::CLIENT).unwrap();
        assert_eq!(delivery.message(), &expected);
        let mut saved = 0;
        let effects = delivery.save_with(|save| {
            saved += 1;
            assert_eq!(save.message(), &expected);
            Ok::<_, ()>(MsgId(saved))
        });
        let effects = effects.unwrap();
        assert_eq!(effects.message(), &expected);
        let first = effects.iter().next().unwrap();
        assert_eq!(first.message(), Outbound::Chat(&expected));
        assert_eq!(
            (saved, first.name()),
            match flags {
                Flags::NONE => (2, "PushMessage"),
                _ => (0, "SendAppMessage"),
            }
        );
    }
}

/// W2.4: a limit is exclusive, and a body begins with 36 bytes.
#[test]
fn w2_content_that_no_reader_would_take_is_refused_and_changes_nothing() {
    for limit in [FrameLimit::new(40), FrameLimit::CLIENT] {
        let most = usize::try_from(limit.get()).unwrap() - 36 - 1;
        let mut delivery = question(Flags::NONE);
        let error = delivery.set_content(vec![b'x'; most + 1], limit).unwrap_err();
        assert_eq!(error, EncodeError::BodyTooLong { length: 36 + most + 1, limit });
        assert_eq!(delivery, question(Flags::NONE));
        assert_eq!(delivery.set_content(vec![b'x'; most], limit), Ok(()));
        assert_eq!(delivery.message().content(), &vec![b'x'; most]);
    }
}

#[test]
fn a_copy_says_whose_it_is() {
    let Accepted::Persistent(saves) = question(Flags::NONE).accept() else { panic!() };
    let [receivers, senders] = saves.requests();
    assert_eq!((receivers.role(), receivers.queue()), (Role::Receiver, SELLER));
    assert_eq!((senders.role(), senders.queue()), (Role::Sender, CUSTOMER));
    for save in [receivers, senders] {
        assert_eq!((save.sender(), save.receiver()), (CUSTOMER, SELLER));
        assert_eq!((save.device_id(), save.message()), (DeviceId(11), saves.message()));
    }
}

/// A seller may be a customer of the kefu app and write to themselves: both copies go to one queue.
#[test]
fn the_two_copies_of_a_message_to_oneself_are_told_apart() {
    let identity = Identity::new(SELLER, DeviceId(12)).unwrap();
    let body =
        CustomerMessage { customer_appid: SELLER.appid, customer_id: SELLER.uid, ..text("") };
    let to_oneself = message(Flags::NONE, Body::Customer(body));
    let mut copies = Vec::new();
    let delivery = Session::new(CONFIG, identity).handle(to_oneself, NOW).unwrap();
    let effects = delivery.save_with(|save| {
        assert_eq!((save.queue(), save.sender(), save.receiver()), (SELLER, SELLER, SELLER));
        copies.push(save.role());
        Ok::<_, ()>(MsgId(i64::try_from(copies.len()).unwrap()))
    });
    let expected = Copies { receiver: MsgId(1).into(), sender: MsgId(2).into() };
    assert_eq!(effects.unwrap().copies(), Some(expected));
    assert_eq!(copies, [Role::Receiver, Role::Sender]);
}

/// H7.3, H7.4, H7.5, H7.6.
#[test]
fn h7_the_ids_of_both_copies_are_told_to_their_owners() {
    let Accepted::Persistent(saves) = question(Flags::NONE).accept() else { panic!() };
    let message = saves.message().clone();
    let copies = Copies { receiver: MsgId(9002).into(), sender: MsgId(501).into() };
    let effects = saves.confirm(copies);
    assert_eq!(effects.copies(), Some(copies));
    assert!(effects.iter().eq([
        Effect::PushMessage { to: SELLER, message: &message },
        Effect::SendAppMessage { to: SELLER, message: Outbound::SyncNotify(MsgId(9002)) },
        Effect::SendMessage { to: CUSTOMER, message: Outbound::SyncNotify(MsgId(501)) },
        Effect::EnqueueMessage { message: Outbound::Ack(Seq(3).into()) },
    ]));
}

/// From customer 7/1 to seller 2.
fn question(flags: Flags) -> Delivery {
    SESSION.handle(message(flags, Body::Customer(text("hello"))), NOW).unwrap()
}

fn chat(flags: Flags, body: Body) -> ChatMessage {
    ChatMessage::try_from(message(flags, body)).unwrap()
}

fn message(flags: Flags, body: Body) -> Message {
    Message { seq: Seq(3), version: Version(1), flags, body }
}

fn text(content: &'static str) -> CustomerMessage {
    CustomerMessage {
        customer_appid: CUSTOMER.appid,
        customer_id: CUSTOMER.uid,
        store_id: StoreId(5),
        seller_id: SELLER.uid,
        timestamp: NOW,
        content: Bytes::from_static(content.as_bytes()),
    }
}
