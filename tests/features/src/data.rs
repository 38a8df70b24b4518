//! Feature `serde`: ids, messages and effects as data, here as JSON.

use std::fmt::Debug;
use std::net::Ipv4Addr;

use bytes::Bytes;
use kefu_proto::{Accepted, Account, Ack, AckStatus, AppId, Appended, AuthStatus, AuthToken, Body};
use kefu_proto::{ChatMessage, Command, Config, Copies, CustomerMessage, CustomerMessageV2};
use kefu_proto::{Delivery, DeviceId, Dialect, Flags, Identity, LoginStatus, Message, Metadata};
use kefu_proto::{MsgId, Platform, Refusal, Role, Seq, Session, ShortBytes, StoreId, UnixTime};
use kefu_proto::{UserId, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json, to_string, to_value, to_writer};

#[test]
fn numbers_are_plain_numbers() {
    for number in [i64::MIN, -1, 0, 1, i64::MAX] {
        round_trip(&AppId(number), &json!(number));
        round_trip(&UserId(number), &json!(number));
        round_trip(&StoreId(number), &json!(number));
        round_trip(&DeviceId(number), &json!(number));
        round_trip(&MsgId(number), &json!(number));
    }
    for number in [i32::MIN, -1, 0, 1, i32::MAX] {
        round_trip(&Seq(number), &json!(number));
        round_trip(&UnixTime::from(number), &json!(number));
        round_trip(&LoginStatus(number), &json!(number));
    }
    for number in 0..=u8::MAX {
        round_trip(&Command(number), &json!(number));
        round_trip(&Flags(number), &json!(number));
        round_trip(&Version(number), &json!(number));
    }
    for number in i8::MIN..=i8::MAX {
        round_trip(&Platform(number), &json!(number));
        round_trip(&AckStatus(number), &json!(number));
    }
    assert!(from_value::<UnixTime>(json!(1_i64 << 31)).is_err());
}

#[test]
fn accounts_and_copies_name_their_fields() {
    let account = Account::new(AppId(7), UserId(1));
    round_trip(&account, &json!({ "appid": 7, "uid": 1 }));
    let sender = Appended { msgid: MsgId(501), previous: Some(MsgId(0)) };
    let copies = Copies { receiver: MsgId(9002).into(), sender };
    let data = json!({
        "receiver": { "msgid": 9002, "previous": null },
        "sender": { "msgid": 501, "previous": 0 },
    });
    round_trip(&copies, &data);
    // What a host kept before it could know.
    assert_eq!(from_value::<Appended>(json!({ "msgid": 7 })).unwrap(), MsgId(7).into());
    round_trip(&Role::Receiver, &json!("Receiver"));
    round_trip(&Role::Sender, &json!("Sender"));
}

#[test]
fn a_dialect_is_a_word() {
    round_trip(&Dialect::V1, &json!("V1"));
    round_trip(&Dialect::V2, &json!("V2"));
    round_trip(&Dialect::AsSent, &json!("AsSent"));
    refused::<Dialect>(json!("V3"), "unknown variant");
}

#[test]
fn every_message_survives_a_round_trip() {
    let auth = AuthStatus { status: LoginStatus::OK, server_ip: Ipv4Addr::new(10, 0, 0, 1) };
    let login = AuthToken {
        platform: Platform::WEB,
        token: ShortBytes::new(&b"t\xff"[..]).unwrap(),
        device_id: ShortBytes::default(),
    };
    let login_data = json!({ "platform": 3, "token": [0x74, 0xff], "device_id": [] });
    let chat = chat_data(1);
    for (body, data) in [
        (Body::AuthStatus(auth), json!({ "AuthStatus": { "status": 0, "server_ip": "10.0.0.1" } })),
        (
            Body::Ack(Ack { seq: Seq(-3), status: AckStatus::BLOCKED }),
            json!({ "Ack": { "seq": -3, "status": 3 } }),
        ),
        (Body::Ping, json!("Ping")),
        (Body::Pong, json!("Pong")),
        (Body::AuthToken(login), json!({ "AuthToken": login_data })),
        (Body::Customer(text()), json!({ "Customer": chat })),
        (Body::CustomerSupport(text()), json!({ "CustomerSupport": chat })),
        (Body::Sync(MsgId(1)), json!({ "Sync": 1 })),
        (Body::SyncBegin(MsgId(2)), json!({ "SyncBegin": 2 })),
        (Body::SyncEnd(MsgId(3)), json!({ "SyncEnd": 3 })),
        (Body::SyncNotify(MsgId(4)), json!({ "SyncNotify": 4 })),
        (Body::SyncKey(MsgId(5)), json!({ "SyncKey": 5 })),
        (Body::Metadata(metadata(41, 0)), json!({ "Metadata": metadata_data(41, 0) })),
        (Body::CustomerV2(text_v2()), json!({ "CustomerV2": v2_data(1) })),
    ] {
        let message = Message { seq: Seq(8), version: Version(2), flags: Flags(0x81), body };
        let data = json!({ "seq": 8, "version": 2, "flags": 0x81, "body": data });
        round_trip(&message, &data);
    }
}

#[test]
fn a_chat_message_survives_a_round_trip() {
    round_trip(&chat_message(), &stamped_data(1, 0));
    let seller = ChatMessage::try_from(message(Body::CustomerSupport(text()))).unwrap();
    let data = to_value(&seller).unwrap();
    assert_eq!(data, to_value(Message::from(seller.clone())).unwrap());
    assert_eq!(from_value::<ChatMessage>(data).unwrap(), seller);
    let v2 = ChatMessage::try_from(message(Body::CustomerV2(text_v2()))).unwrap();
    let data = json!({ "CustomerV2": v2_data(1) });
    round_trip(&v2, &json!({ "seq": 3, "version": 1, "flags": 0, "body": data }));
    refused::<ChatMessage>(to_value(message(Body::Ping)).unwrap(), "PING is not a chat message");
    refused::<ChatMessage>(json!({ "seq": 3 }), "missing field");
}

#[test]
fn nobody_is_read_where_somebody_must_be() {
    round_trip(&config(), &json!({ "kefu_appid": 1453 }));
    refused::<Config>(json!({ "kefu_appid": 0 }), "kefu_appid is 0");

    let data = |appid, uid| json!({ "account": { "appid": appid, "uid": uid }, "device_id": 11 });
    round_trip(&identity(), &data(7, 1));
    refused::<Identity>(data(0, 1), "appid is 0");
    refused::<Identity>(data(7, 0), "uid is 0");
}

/// W5.7.
#[test]
fn w5_short_bytes_are_at_most_255() {
    let most = ShortBytes::new(vec![1; 255]).unwrap();
    round_trip(&most, &json!(vec![1; 255]));
    refused::<ShortBytes>(
        json!(vec![1; 256]),
        "a byte string of 256 bytes does not fit: at most 255 do",
    );
}

#[test]
fn h7_saves_and_effects_are_data_in_their_order() {
    let Accepted::Persistent(saves) = handled(Flags::NONE) else { panic!("not persistent") };
    let message = stamped_data(1_500_000_000, 0);
    let (seller, customer) = (json!({ "appid": 1453, "uid": 2 }), json!({ "appid": 7, "uid": 1 }));
    let save = |queue, role| {
        json!({
            "queue": queue,
            "role": role,
            "sender": customer,
            "receiver": seller,
            "device_id": 11,
            "message": message,
        })
    };
    assert_eq!(
        to_value(saves.requests()).unwrap(),
        json!([save(&seller, "Receiver"), save(&customer, "Sender")])
    );

    let effects = saves.confirm(Copies { receiver: MsgId(9002).into(), sender: MsgId(501).into() });
    let expected = json!([
        { "PushMessage": { "to": seller, "message": message } },
        { "SendAppMessage": { "to": seller, "message": { "SyncNotify": 9002 } } },
        { "SendMessage": { "to": customer, "message": { "SyncNotify": 501 } } },
        { "EnqueueMessage": { "message": { "Ack": { "seq": 3, "status": 0 } } } },
    ]);
    assert_eq!(to_value(&effects).unwrap(), expected);
    let each = effects.iter().map(|effect| to_value(effect).unwrap());
    assert_eq!(Value::Array(each.collect()), expected);
}

#[test]
fn h14_the_effects_of_version_2_are_data_with_their_metadata() {
    let (seller, customer) = (json!({ "appid": 1453, "uid": 2 }), json!({ "appid": 7, "uid": 1 }));
    let body = json!({ "CustomerV2": v2_data(1_500_000_000) });
    let message = json!({ "seq": 0, "version": 2, "flags": 0, "body": body });
    // The client's TEXT, and PUSH.
    let copy = |metadata| json!({ "message": message, "flags": 17, "metadata": metadata });
    let (receiver, sender) = (metadata_data(9002, 9001), metadata_data(501, 0));
    let ack = json!({ "seq": 3, "status": 0 });

    let effects = delivered_v2().save_with(|save| Ok::<_, ()>(copies(save.role()))).unwrap();
    assert_eq!(
        to_value(&effects).unwrap(),
        json!([
            { "PushMessage": { "to": seller, "message": message } },
            { "SendAppMessage": { "to": seller, "message": { "LiveCopy": copy(&receiver) } } },
            { "SendAppMessage": { "to": seller, "message": { "SyncNotify": 9002 } } },
            { "SendMessage": { "to": customer, "message": { "LiveCopy": copy(&sender) } } },
            { "SendMessage": { "to": customer, "message": { "SyncNotify": 501 } } },
            { "EnqueueMessage": { "message": { "LiveAck": { "ack": ack, "metadata": sender } } } },
        ])
    );
}

/// The seller's queue goes on at 9002, the customer's is new.
fn copies(role: Role) -> Appended {
    match role {
        Role::Receiver => Appended { msgid: MsgId(9002), previous: Some(MsgId(9001)) },
        Role::Sender => Appended { msgid: MsgId(501), previous: Some(MsgId(0)) },
    }
}

#[test]
fn h11_a_refusal_of_the_host_is_data() {
    let expected =
        json!([{ "EnqueueMessage": { "message": { "Ack": { "seq": 3, "status": 3 } } } }]);
    assert_eq!(to_value(delivered_v2().refuse()).unwrap(), expected);
}

/// At whatever place the writer fails.
#[test]
fn a_save_that_cannot_be_written_is_an_error() {
    let Accepted::Persistent(saves) = handled(Flags::NONE) else { panic!("not persistent") };
    let [save, _] = saves.requests();
    let written = |room: &mut [u8]| to_writer(room, &save).is_ok();
    let text = to_string(&save).unwrap();
    for length in 0..text.len() {
        assert!(!written(&mut vec![0; length]), "{length}");
    }
    let mut room = vec![0; text.len()];
    assert!(written(&mut room));
    assert_eq!(room, text.as_bytes());
}

#[test]
fn h6_the_effects_of_an_unpersistent_message_are_data() {
    let Accepted::Transient(effects) = handled(Flags::UNPERSISTENT) else { panic!("persistent") };
    let message = stamped_data(1_500_000_000, 2);
    let expected = json!([
        { "SendAppMessage": { "to": { "appid": 1453, "uid": 2 }, "message": { "Chat": message } } },
        { "EnqueueMessage": { "message": { "Ack": { "seq": 3, "status": 0 } } } },
    ]);
    assert_eq!(to_value(&effects).unwrap(), expected);
}

#[test]
fn refusals_are_data() {
    let (claimed, session) = (AppId(8), AppId(7));
    for (refusal, data) in [
        (
            Refusal::OtherCommand { command: Command::PING },
            json!({ "OtherCommand": { "command": 13 } }),
        ),
        (Refusal::SellerIdZero, json!("SellerIdZero")),
        (
            Refusal::CustomerAppIdMismatch { claimed, session },
            json!({ "CustomerAppIdMismatch": { "claimed": 8, "session": 7 } }),
        ),
        (
            Refusal::NoKefuSide { sender: session, receiver: claimed, kefu_appid: AppId(1453) },
            json!({ "NoKefuSide": { "sender": 7, "receiver": 8, "kefu_appid": 1453 } }),
        ),
    ] {
        assert_eq!(to_value(refusal).unwrap(), data);
    }
}

fn round_trip<T: Debug + DeserializeOwned + PartialEq + Serialize>(value: &T, data: &Value) {
    assert_eq!(&to_value(value).unwrap(), data);
    assert_eq!(&from_value::<T>(data.clone()).unwrap(), value);
}

fn refused<T: Debug + DeserializeOwned>(data: Value, reason: &str) {
    let error = from_value::<T>(data).unwrap_err().to_string();
    assert!(error.starts_with(reason), "{error}");
}

fn config() -> Config {
    Config::new(AppId(1453)).unwrap()
}

fn identity() -> Identity {
    Identity::new(Account::new(AppId(7), UserId(1)), DeviceId(11)).unwrap()
}

fn handled(flags: Flags) -> Accepted {
    let message = Message { flags, ..message(Body::Customer(text())) };
    let now = UnixTime::from(1_500_000_000);
    Session::new(config(), identity()).handle(message, now).unwrap().accept()
}

fn delivered_v2() -> Delivery {
    let message = Message { flags: Flags::TEXT, ..message(Body::CustomerV2(text_v2())) };
    let now = UnixTime::from(1_500_000_000);
    Session::new(config(), identity()).handle(message, now).unwrap()
}

/// From customer 7/1 to seller 2.
fn chat_message() -> ChatMessage {
    ChatMessage::try_from(message(Body::Customer(text()))).unwrap()
}

fn message(body: Body) -> Message {
    Message { seq: Seq(3), version: Version(1), flags: Flags::NONE, body }
}

/// Between customer 7/1 and seller 2, written at second 1.
fn text() -> CustomerMessage {
    CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(-4),
        seller_id: UserId(2),
        timestamp: UnixTime::from(1),
        content: Bytes::from_static(b"h\xff"),
    }
}

fn chat_data(timestamp: i32) -> Value {
    json!({
        "customer_appid": 7,
        "customer_id": 1,
        "store_id": -4,
        "seller_id": 2,
        "timestamp": timestamp,
        "content": [0x68, 0xff],
    })
}

/// From customer 7/1 to seller 2, written at second 1.
fn text_v2() -> CustomerMessageV2 {
    CustomerMessageV2 {
        sender: Account::new(AppId(7), UserId(1)),
        receiver: Account::new(AppId(1453), UserId(2)),
        timestamp: UnixTime::from(1),
        content: Bytes::from_static(b"h\xff"),
    }
}

fn v2_data(timestamp: i32) -> Value {
    json!({
        "sender": { "appid": 7, "uid": 1 },
        "receiver": { "appid": 1453, "uid": 2 },
        "timestamp": timestamp,
        "content": [0x68, 0xff],
    })
}

fn metadata(sync_key: i64, prev_sync_key: i64) -> Metadata {
    Metadata { sync_key: MsgId(sync_key), prev_sync_key: MsgId(prev_sync_key) }
}

fn metadata_data(sync_key: i64, prev_sync_key: i64) -> Value {
    json!({ "sync_key": sync_key, "prev_sync_key": prev_sync_key })
}

fn stamped_data(timestamp: i32, flags: u8) -> Value {
    let body = json!({ "Customer": chat_data(timestamp) });
    json!({ "seq": 3, "version": 1, "flags": flags, "body": body })
}
