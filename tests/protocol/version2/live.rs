//! What is written live in each dialect (D2, D3, W3.7).

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, Ack, AckStatus, AppId, Body, Command, CustomerMessage, Dialect, Encode, EncodeError,
    Flags, Frame, FrameDecoder, FrameLimit, Message, Metadata, MsgId, Online, Outbound,
    OwnedOutbound, Parsed, Seq, StoreId, UnixTime, UserId,
};

use super::dialects::online;
use super::told::{CUSTOMER, SELLER, from_to, live_ack, live_copy};

const DIALECTS: [Dialect; 3] = [Dialect::V1, Dialect::V2, Dialect::AsSent];

/// D3.1, D3.2, D3.3.
#[test]
fn d3_1_d3_2_d3_3_live_copies_and_their_acks() {
    let pair = [Command::METADATA, Command::CUSTOMER_V2];
    let acknowledged = [Command::METADATA, Command::ACK];
    for (dialect, copy, ack) in [
        (Dialect::V1, &[][..], &[Command::ACK][..]),
        (Dialect::V2, &pair, &acknowledged),
        (Dialect::AsSent, &pair, &acknowledged),
    ] {
        assert_eq!(commands(dialect, &live_copy(b"hi")), copy, "{dialect:?}");
        assert_eq!(commands(dialect, &live_copy(b"hi").get()), copy, "{dialect:?}");
        assert_eq!(commands(dialect, &live_ack()), ack, "{dialect:?}");
        let notify = Outbound::SyncNotify(MsgId(3));
        assert_eq!(commands(dialect, &notify), [Command::SYNC_NOTIFY]);
    }
}

/// W2.4, W7.5, S8.1: a message that is too long for the connection is left out. Nothing of it is
/// written, and what comes behind it goes out.
#[test]
fn w2_4_a_live_message_that_is_too_long_is_left_out_whole() {
    let long = live_copy(vec![b'x'; 32_768 - 36].leak());
    for dialect in [Dialect::V2, Dialect::AsSent] {
        let mut online = online(CUSTOMER, 2, dialect);
        let mut out = BytesMut::new();
        let too_long = EncodeError::BodyTooLong { length: 32_768, limit: FrameLimit::CLIENT };
        assert_eq!(online.write(&long, &mut out), Err(too_long));
        assert_eq!(out, b""[..]);
        online.write(&Outbound::SyncNotify(MsgId(41)), &mut out).unwrap();
        // AUTH_STATUS was number 1.
        assert_eq!(out[..12], [0, 0, 0, 8, 0, 0, 0, 2, 29, 2, 0, 0]);
    }
    assert_eq!(commands(Dialect::V1, &long), []);
}

/// D3.5, in any clothes.
#[test]
fn d3_5_a_metadata_alone_is_never_written() {
    let metadata = Metadata { sync_key: MsgId(2), prev_sync_key: MsgId(1) };
    let message = Message::from(Body::Metadata(metadata));
    let frame = Frame::new(Command::METADATA, Bytes::from_static(&[0; 32]));
    for dialect in DIALECTS {
        assert_eq!(commands(dialect, &message), []);
        assert_eq!(commands(dialect, &Parsed::Message(message.clone())), []);
        assert_eq!(commands(dialect, &frame), []);
    }
}

/// W3.7: a connection whose frames have no status gets none.
#[test]
fn w3_7_a_refusal_is_silent_where_it_would_read_as_success() {
    let refused = Ack { seq: Seq(9), status: AckStatus::BLOCKED };
    let ok = Ack::from(Seq(9));
    let bytes = |ack| {
        let mut body = Vec::new();
        let version = kefu_proto::Version(2);
        let message = Message { version, ..Message::from(Body::Ack(ack)) };
        message.encode_body(&mut body).unwrap();
        Frame::new(Command::ACK, body.into())
    };
    for (version, written) in [(0, false), (1, false), (2, true)] {
        for dialect in DIALECTS {
            let mut online = online(CUSTOMER, version, dialect);
            assert_eq!(written_by(&mut online, &Outbound::Ack(refused)).is_empty(), !written);
            assert_eq!(written_by(&mut online, &bytes(refused)).is_empty(), !written);
            assert_eq!(written_by(&mut online, &Outbound::Ack(ok)).len(), 1);
            assert_eq!(written_by(&mut online, &bytes(ok)).len(), 1);
        }
    }
}

/// W3.7 behind a METADATA, which no effect has (H14.8), but another server may send.
#[test]
fn w3_7_a_refusal_behind_a_metadata_is_as_silent() {
    let keys = Metadata { sync_key: MsgId(7), prev_sync_key: MsgId(6) };
    let refused = Ack { seq: Seq(9), status: AckStatus::BLOCKED };
    let mut read = BytesMut::new();
    Message::from(Body::Metadata(keys)).encode(&mut read).unwrap();
    Outbound::Ack(refused).encode(&mut read).unwrap();
    let pair = OwnedOutbound::decode(&mut read, FrameLimit::CLIENT).unwrap().unwrap();
    for dialect in DIALECTS {
        for (version, frames) in [(0, 0), (1, 0), (2, if dialect == Dialect::V1 { 1 } else { 2 })] {
            let mut online = online(CUSTOMER, version, dialect);
            assert_eq!(written_by(&mut online, &pair).len(), frames, "{dialect:?} {version}");
            assert_eq!(written_by(&mut online, &pair.get()).len(), frames);
        }
    }
}

/// D3.4, D2.1, D2.2, D2.5: who, when and what stay, and the store is lost.
#[test]
fn d3_4_an_unpersistent_message_reaches_version_2_in_its_form() {
    let body = CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(5),
        seller_id: UserId(2),
        timestamp: UnixTime::from(3),
        content: Bytes::from_static(b"..."),
    };
    let versions = [
        (Body::Customer(body.clone()), CUSTOMER, SELLER),
        (Body::CustomerSupport(body), SELLER, CUSTOMER),
    ];
    for (body, sender, receiver) in versions {
        let (seq, version, flags) = (Seq(4), kefu_proto::Version(1), Flags(0xfb));
        let message = Message { seq, version, flags, body: body.clone() };
        for dialect in [Dialect::V1, Dialect::AsSent] {
            let frames = written(dialect, &message);
            assert_eq!(frames, [(flags, body.clone())], "{dialect:?}");
        }
        let frames = written(Dialect::V2, &message);
        let [(flags, Body::CustomerV2(translated))] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!((translated.sender, translated.receiver), (sender, receiver));
        assert_eq!(
            (translated.timestamp, &translated.content[..]),
            (UnixTime::from(3), &b"..."[..])
        );
        assert_eq!(*flags, Flags(0xfb & !0x38));
        // The same from a frame whose body was not read, and from another server.
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).unwrap();
        let owned = OwnedOutbound::decode(&mut bytes.clone(), FrameLimit::CLIENT).unwrap().unwrap();
        assert_eq!(written(Dialect::V2, &owned), frames);
        let raw = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap().unwrap();
        assert_eq!(written(Dialect::V2, &raw), frames);
    }
}

/// D2.3, D2.4: what a host writes itself reaches version 1 in its form.
#[test]
fn d2_3_d2_4_a_customer_v2_reaches_version_1_in_its_form() {
    let colleague = Account::new(AppId(1453), UserId(3));
    for (sender, receiver, command, customer, seller) in [
        (CUSTOMER, SELLER, Command::CUSTOMER, CUSTOMER, UserId(2)),
        (SELLER, CUSTOMER, Command::CUSTOMER_SUPPORT, CUSTOMER, UserId(2)),
        (SELLER, colleague, Command::CUSTOMER_SUPPORT, colleague, UserId(2)),
    ] {
        let frames = written(Dialect::V1, &from_to(sender, receiver, Flags::TEXT));
        let [(Flags::TEXT, body)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!(body.command(), command);
        let (Body::Customer(message) | Body::CustomerSupport(message)) = body else { panic!() };
        assert_eq!((message.customer_appid, message.customer_id), (customer.appid, customer.uid));
        assert_eq!((message.seller_id, message.store_id), (seller, StoreId(0)));
    }
}

/// What no client could read is not written.
#[test]
fn d3_a_chat_message_that_is_too_short_is_not_written() {
    for command in [Command::CUSTOMER, Command::CUSTOMER_SUPPORT, Command::CUSTOMER_V2] {
        for dialect in DIALECTS {
            let frame = Frame::new(command, Bytes::from_static(&[0; 35]));
            assert_eq!(commands(dialect, &frame), []);
        }
    }
}

fn commands(dialect: Dialect, message: &impl Encode) -> Vec<Command> {
    written(dialect, message).iter().map(|(_, body)| body.command()).collect()
}

fn written(dialect: Dialect, message: &impl Encode) -> Vec<(Flags, Body)> {
    written_by(&mut online(CUSTOMER, 2, dialect), message)
}

fn written_by(online: &mut Online, message: &impl Encode) -> Vec<(Flags, Body)> {
    let mut out = BytesMut::new();
    online.write(message, &mut out).unwrap();
    super::dialects::read(&mut out)
}

/// S8.1, W7.5: in whatever form, without room nothing is written and no number used.
#[test]
fn s8_1_no_form_is_written_without_room_for_all_of_it() {
    let mut bytes = BytesMut::new();
    from_to(SELLER, CUSTOMER, Flags::NONE).encode(&mut bytes).unwrap();
    let alone = OwnedOutbound::decode(&mut bytes, FrameLimit::CLIENT).unwrap().unwrap();
    let notify = Outbound::SyncNotify(MsgId(3)).into_owned();
    for (dialect, message, len) in [
        (Dialect::V1, &live_ack(), 12 + 5),
        (Dialect::V1, &alone, 12 + 38),
        (Dialect::V1, &live_copy(b"hi"), 0),
        (Dialect::V2, &live_copy(b"hi"), 12 + 32 + 12 + 38),
        (Dialect::V2, &live_ack(), 12 + 32 + 12 + 5),
        (Dialect::V2, &alone, 12 + 38),
        (Dialect::AsSent, &notify, 12 + 8),
    ] {
        let mut online = online(CUSTOMER, 2, dialect);
        let mut room = vec![0; len];
        if let Some(available) = len.checked_sub(1) {
            let full = online.write(message, &mut &mut room[..available]);
            assert_eq!(full, Err(EncodeError::BufferTooSmall { needed: len, available }));
            assert!(room.iter().all(|&byte| byte == 0));
        }
        let mut rest = &mut room[..];
        online.write(message, &mut rest).unwrap();
        assert_eq!(rest.len(), 0);
        // AUTH_STATUS was number 1.
        assert!(len == 0 || room[7] == 2, "{room:?}");
    }
}
