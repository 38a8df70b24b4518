//! The client for tests does what real clients do.

use bytes::{Bytes, BytesMut};
use kefu_proto::client::{Client, Kind};
use kefu_proto::{
    Account, Ack, AckStatus, AppId, AuthStatus, Body, Command, CustomerMessage, CustomerMessageV2,
    Encode, Flags, Frame, FrameDecoder, FrameLimit, LoginStatus, Message, Metadata, MsgId, Parsed,
    Platform, Seq, StoreId, UnixTime, UserId, Version,
};

use crate::CONFIG;

const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
const SELLER: Account = Account::new(AppId(1453), UserId(2));

#[test]
fn d1_clients_log_in_as_what_they_are() {
    let expected = [
        (Kind::V1, Version(1), Platform::ANDROID, 0),
        (Kind::V2, Version(2), Platform::ANDROID, 0),
        (Kind::OldWeb, Version(0), Platform::WEB, 2),
        (Kind::WebV1, Version(1), Platform::WEB, 0),
        (Kind::WebV2, Version(1), Platform::WEB, 0),
    ];
    for (kind, version, platform, spare) in expected {
        let mut out = BytesMut::from("x");
        client(kind).log_in("token", &mut out);
        assert_eq!(out[1 + 11], spare, "{kind}");
        let message = &messages(out.split_off(1))[0];
        assert_eq!(message.version, version, "{kind}");
        let Body::AuthToken(login) = &message.body else { panic!("{message:?}") };
        assert_eq!((login.platform, login.token.as_bytes()), (platform, &b"token"[..]), "{kind}");
        assert_eq!(login.device_id.as_bytes(), b"phone");
    }
}

/// W5.7.
#[test]
fn a_name_that_does_not_fit_is_sent_as_an_empty_one() {
    let long = "x".repeat(256);
    let mut out = BytesMut::new();
    Client::new(CONFIG, CUSTOMER, Kind::V1, "phone").log_in(&long, &mut out);
    let Body::AuthToken(login) = &messages(out)[0].body else { panic!() };
    assert!(login.token.is_empty() && !login.device_id.is_empty());
    let mut out = BytesMut::new();
    Client::new(CONFIG, CUSTOMER, Kind::V1, &long).log_in("token", &mut out);
    let Body::AuthToken(login) = &messages(out)[0].body else { panic!() };
    assert!(login.device_id.is_empty() && !login.token.is_empty());
}

#[test]
fn a_login_is_over_when_it_is_accepted() {
    let mut client = client(Kind::V1);
    for (status, is_logged_in) in [(LoginStatus::REFUSED, false), (LoginStatus::OK, true)] {
        read(&mut client, [auth_status(status)]);
        assert_eq!(client.is_logged_in(), is_logged_in);
    }
    client.disconnect();
    assert!(!client.is_logged_in());
}

/// S10.
#[test]
fn what_is_in_flight_is_sent_again_when_a_login_is_accepted() {
    let mut client = client(Kind::V1);
    client.say(SELLER, Flags::NONE, "hi", &mut BytesMut::new());
    client.disconnect();
    assert_eq!(read(&mut client, [auth_status(LoginStatus::REFUSED)]), []);
    let said = client.chat(SELLER, Bytes::from("hi"));
    assert_eq!(read(&mut client, [auth_status(LoginStatus::OK)]), [said]);
}

#[test]
fn each_says_it_in_the_command_it_knows() {
    let content = Bytes::from("hi");
    let message = CustomerMessage {
        customer_appid: CUSTOMER.appid,
        customer_id: CUSTOMER.uid,
        store_id: StoreId(1),
        seller_id: SELLER.uid,
        timestamp: UnixTime::from(1),
        content: content.clone(),
    };
    let from =
        |account, kind, to| Client::new(CONFIG, account, kind, "desk").chat(to, content.clone());
    assert_eq!(from(CUSTOMER, Kind::WebV1, SELLER), Body::Customer(message.clone()));
    assert_eq!(from(SELLER, Kind::V1, CUSTOMER), Body::CustomerSupport(message));
    let timestamp = UnixTime::from(1);
    for (sender, receiver) in [(CUSTOMER, SELLER), (SELLER, CUSTOMER)] {
        let message = CustomerMessageV2 { sender, receiver, timestamp, content: content.clone() };
        assert_eq!(from(sender, Kind::WebV2, receiver), Body::CustomerV2(message));
    }
}

/// S10.
#[test]
fn what_has_no_ack_is_in_flight_and_sent_again_under_new_numbers() {
    let mut client = client(Kind::V1);
    let mut out = BytesMut::new();
    let seqs = ["a", "b", "c"].map(|text| client.say(SELLER, Flags::TEXT, text, &mut out));
    assert_eq!(seqs, [Seq(1), Seq(2), Seq(3)]);
    read(&mut client, [Body::Ack(Ack::from(Seq(2))), Body::Ack(Ack::from(Seq(9)))]);
    assert_eq!(client.in_flight(), 2);

    client.disconnect();
    read(&mut client, [Body::Ack(Ack::from(Seq(1)))]); // of no number on this connection
    assert_eq!(client.in_flight(), 2);
    client.ping(&mut BytesMut::new());
    let mut out = BytesMut::new();
    client.repeat(&mut out);
    let sent = messages(out);
    assert_eq!(sent.iter().map(|message| message.seq).collect::<Vec<_>>(), [Seq(2), Seq(3)]);
    assert!(sent.iter().all(|message| message.flags == Flags::TEXT));
    let texts = sent.iter().map(|message| match &message.body {
        Body::Customer(text) => text.content.clone(),
        other => panic!("{other:?}"),
    });
    assert!(texts.eq(["a", "c"]));
    let refused = Ack { seq: Seq(3), status: AckStatus::BLOCKED };
    read(&mut client, [Body::Ack(refused), Body::Ack(Ack::from(Seq(2)))]);
    assert_eq!(client.in_flight(), 0);
}

/// S3, S5: a notify of something new is followed by a SYNC, and an answer by a SYNC_KEY.
#[test]
fn it_syncs_at_a_notify_beyond_its_key() {
    let mut client = client(Kind::V1);
    assert_eq!(read(&mut client, [notify(5)]), [Body::Sync(MsgId(0))]);
    assert_eq!(read(&mut client, [notify(4), begin(0)]), []);
    assert_eq!(read(&mut client, [end(5)]), [Body::SyncKey(MsgId(5))]);
    assert_eq!(client.sync_key(), MsgId(5));
    assert_eq!(read(&mut client, [notify(5), notify(3)]), []);
    // An answer that was full (S12.3), and what came meanwhile.
    assert_eq!(read(&mut client, [notify(6)]), [Body::Sync(MsgId(5))]);
    let asked = read(&mut client, [notify(9), end(7)]);
    assert_eq!(asked, [Body::SyncKey(MsgId(7)), Body::Sync(MsgId(7))]);
    // Nothing has come, and nothing is new: it does not ask for ever.
    assert_eq!(read(&mut client, [end(7)]), [Body::SyncKey(MsgId(7))]);
    // An answer that nobody has asked for.
    assert_eq!(read(&mut client, [end(6)]), [Body::SyncKey(MsgId(7))]);
}

/// D4.6, S2.1.
#[test]
fn a_queue_that_ends_before_its_key_draws_it_back() {
    let mut client = client(Kind::V2);
    client.sync_from(MsgId(8), &mut BytesMut::new());
    assert_eq!(read(&mut client, [end(3)]), [Body::SyncKey(MsgId(3))]);
    // The key that the server has kept may lie behind it.
    client.sync_from(MsgId(0), &mut BytesMut::new());
    assert_eq!(read(&mut client, [end(2)]), [Body::SyncKey(MsgId(3))]);
}

/// W10: only who has missed nothing takes a live copy, and only who knows METADATA.
#[test]
fn it_takes_live_copies_that_follow_its_key() {
    let at_5 = |kind| {
        let mut client = client(kind);
        read(&mut client, [end(5)]);
        client
    };
    let expected =
        [(Kind::V2, 5, 6, 6), (Kind::WebV2, 5, 6, 6), (Kind::V2, 4, 6, 5), (Kind::WebV1, 5, 6, 5)];
    for (kind, prev, key, after) in expected {
        let mut client = at_5(kind);
        read(&mut client, [metadata(key, prev)]);
        assert_eq!(read_push(&mut client), []);
        assert_eq!(client.sync_key(), MsgId(after), "{kind}");
        let mut client = at_5(kind);
        read(&mut client, [metadata(key, prev), Body::Ack(Ack::from(Seq(1)))]);
        assert_eq!(client.sync_key(), MsgId(after), "{kind}");
    }
    let mut client = at_5(Kind::V2);
    // Something has come between, and a synced message is no live copy.
    read(&mut client, [metadata(6, 5), Body::Pong]);
    read_push(&mut client);
    let text = client.chat(SELLER, Bytes::new());
    read(&mut client, [metadata(6, 5), text]);
    assert_eq!(client.sync_key(), MsgId(5));
    // Where nothing is known, nothing follows.
    let mut fresh = self::client(Kind::V2);
    read(&mut fresh, [metadata(1, 0), Body::Ack(Ack::from(Seq(1)))]);
    assert_eq!(fresh.sync_key(), MsgId(0));
}

#[test]
fn a_web_client_loses_its_key_with_its_connection() {
    for (kind, after) in [(Kind::V1, 5), (Kind::V2, 5), (Kind::OldWeb, 0), (Kind::WebV2, 0)] {
        let mut client = client(kind);
        read(&mut client, [end(5)]);
        client.disconnect();
        let mut out = BytesMut::new();
        client.sync(&mut out);
        assert_eq!(messages(out)[0].body, Body::Sync(MsgId(after)), "{kind}");
    }
}

#[test]
fn it_skips_commands_that_it_does_not_know_and_reports_what_is_no_message() {
    let mut client = client(Kind::V1);
    let mut bytes = BytesMut::new();
    Frame::new(Command(99), Bytes::from("?")).encode(&mut bytes).unwrap();
    Message::from(Body::Pong).encode(&mut bytes).unwrap();
    let mut out = BytesMut::new();
    let message = client.receive(&mut bytes, &mut out).unwrap();
    assert_eq!(message, Some(Body::Pong.into()));
    assert_eq!((client.pongs(), client.receive(&mut bytes, &mut out)), (1, Ok(None)));
    Frame::new(Command::PONG, Bytes::from("?")).encode(&mut bytes).unwrap();
    assert!(client.receive(&mut bytes, &mut out).is_err());
    bytes.extend_from_slice(&[0xff; 12]);
    assert!(client.receive(&mut bytes, &mut out).is_err());
    assert!(out.is_empty());
}

#[test]
fn it_shows_its_last_frames_and_no_contents() {
    let mut client = client(Kind::V1);
    let mut out = BytesMut::new();
    client.say(SELLER, Flags::NONE, "secret", &mut out);
    read(&mut client, [Body::Pong, notify(0)]);
    client.disconnect();
    let text = client.to_string();
    assert_eq!(text, "7/1 (app, version 1): sync key 0, 1 in flight, >CUSTOMER 1 <SYNC_NOTIFY 0 |");
    assert!(!format!("{client:?}").contains("secret"));
    for _ in 0..20 {
        client.sync(&mut out);
    }
    client.ping(&mut out);
    assert_eq!(client.to_string().matches(" >").count(), 12, "{client}");
    assert!(client.to_string().ends_with(" >SYNC 20"), "{client}");
    assert_eq!((client.account(), client.kind()), (CUSTOMER, Kind::V1));
}

fn client(kind: Kind) -> Client {
    Client::new(CONFIG, CUSTOMER, kind, "phone")
}

/// What the client says to what it reads.
fn read<const N: usize>(client: &mut Client, bodies: [Body; N]) -> Vec<Body> {
    exchange(client, bodies.map(Message::from))
}

fn read_push(client: &mut Client) -> Vec<Body> {
    let copy = CustomerMessageV2 {
        sender: SELLER,
        receiver: CUSTOMER,
        timestamp: UnixTime::from(2),
        content: Bytes::new(),
    };
    let (seq, version, body) = (Seq(0), Version(2), Body::CustomerV2(copy));
    exchange(client, [Message { seq, version, flags: Flags::PUSH, body }])
}

fn exchange<const N: usize>(client: &mut Client, messages: [Message; N]) -> Vec<Body> {
    let (mut bytes, mut out) = (BytesMut::new(), BytesMut::new());
    for mut message in messages {
        message.version = Version(2);
        message.encode(&mut bytes).unwrap();
    }
    while client.receive(&mut bytes, &mut out).unwrap().is_some() {}
    self::messages(out).into_iter().map(|message| message.body).collect()
}

fn messages(mut bytes: BytesMut) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some(frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap() {
        match frame.parse().unwrap() {
            Parsed::Message(message) => messages.push(message),
            Parsed::Unlisted(frame) => panic!("{frame:?}"),
        }
    }
    messages
}

fn auth_status(status: LoginStatus) -> Body {
    Body::AuthStatus(AuthStatus { status, server_ip: std::net::Ipv4Addr::UNSPECIFIED })
}

fn notify(key: i64) -> Body {
    Body::SyncNotify(MsgId(key))
}

fn begin(key: i64) -> Body {
    Body::SyncBegin(MsgId(key))
}

fn end(key: i64) -> Body {
    Body::SyncEnd(MsgId(key))
}

fn metadata(key: i64, prev: i64) -> Body {
    Body::Metadata(Metadata { sync_key: MsgId(key), prev_sync_key: MsgId(prev) })
}
