//! Feature `tokio-util`: frames of a connection through `Decoder` and `Encoder`.

use std::io;

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, Ack, AckStatus, AppId, Appended, Body, ChatMessage, CodecError, Command,
};
use kefu_proto::{Config, CustomerMessage, CustomerMessageV2, DecodeError, DeviceId, Effects};
use kefu_proto::{Encode, EncodeError, Flags, Frame, FrameLimit, Identity, Message, MessageCodec};
use kefu_proto::{Metadata, MsgId, Outbound, OwnedOutbound, Parsed, Seq, Session, StoreId};
use kefu_proto::{UnixTime, UserId, Version};
use tokio_util::codec::{Decoder, Encoder};

#[test]
fn messages_come_out_of_chunks_of_any_size_as_they_went_in() {
    let mut codec = MessageCodec::default();
    let mut stream = BytesMut::new();
    for incoming in conversation() {
        codec.encode(&incoming, &mut stream).unwrap();
    }
    for size in 1..=stream.len() {
        let mut read = BytesMut::new();
        let mut heard = Vec::new();
        for chunk in stream.chunks(size) {
            read.extend_from_slice(chunk);
            while let Some(incoming) = codec.decode(&mut read).unwrap() {
                heard.push(incoming);
            }
        }
        assert_eq!(heard, conversation(), "{size}");
        assert!(codec.decode_eof(&mut read).unwrap().is_none());
    }
}

#[test]
fn whatever_can_be_encoded_is_a_message_of_the_sink() {
    let mut codec = MessageCodec::default();
    let chat = chat(4);
    let mut expected = Vec::new();
    chat.encode(&mut expected).unwrap();
    let mut out = BytesMut::new();
    codec.encode(&chat, &mut out).unwrap();
    codec.encode(Outbound::Chat(&chat), &mut out).unwrap();
    codec.encode(Message::from(chat.clone()), &mut out).unwrap();
    assert_eq!(out, expected.repeat(3));
    codec.encode(Outbound::Ack(Seq(2).into()), &mut out).unwrap();
    assert_eq!(out[expected.len() * 3..], *b"\0\0\0\x04\0\0\0\0\x05\0\0\0\0\0\0\x02");
}

/// W10.3: two frames of one value, which come out one after the other.
#[test]
fn w10_a_pair_goes_in_as_one_and_comes_out_as_two() {
    let mut codec = MessageCodec::default();
    let effects = effects_of_v2();
    let pairs = effects.iter().map(|effect| effect.message()).filter(is_pair);
    let mut out = BytesMut::new();
    let mut owned = BytesMut::new();
    for pair in pairs {
        codec.encode(pair, &mut out).unwrap();
        codec.encode(pair.into_owned(), &mut owned).unwrap();
    }
    assert_eq!(out, owned);

    let mut heard = Vec::new();
    while let Some(Parsed::Message(message)) = codec.decode(&mut out).unwrap() {
        heard.push(message.body);
    }
    let before = |sync_key, previous| {
        let (sync_key, prev_sync_key) = (MsgId(sync_key), MsgId(previous));
        Body::Metadata(Metadata { sync_key, prev_sync_key })
    };
    let (copy, ack) = (Body::CustomerV2(text_v2()), Body::Ack(Seq(3).into()));
    assert_eq!(heard, [before(7, 6), copy.clone(), before(7, 6), copy, before(7, 6), ack]);

    while let Some(pair) = OwnedOutbound::decode(&mut owned, FrameLimit::CLIENT).unwrap() {
        assert!(is_pair(&pair.get()));
    }
    assert!(owned.is_empty());
}

fn is_pair(message: &Outbound<'_>) -> bool {
    matches!(message, Outbound::LiveCopy(_) | Outbound::LiveAck(_))
}

/// W2.4: too long for one of the two is too long for both.
#[test]
fn w10_a_pair_that_does_not_fit_is_not_written() {
    let effects = effects_of_v2();
    let copy = effects.iter().map(|effect| effect.message()).find(is_pair).unwrap();
    for (limit, length) in [(38, 38), (32, 38), (39, 0)] {
        let limit = FrameLimit::new(limit);
        let mut out = BytesMut::new();
        match MessageCodec::new(limit).encode(copy, &mut out) {
            Ok(()) => assert_eq!((length, out.len()), (0, 2 * 12 + 32 + 38)),
            Err(refused) => {
                let too_long = EncodeError::BodyTooLong { length, limit };
                assert!(matches!(refused, CodecError::Encode(error) if error == too_long));
                assert!(out.is_empty());
            }
        }
    }
}

/// W3.5: a status, and with it the version that has one.
#[test]
fn w3_an_ack_with_a_status_comes_out_with_it() {
    let mut codec = MessageCodec::default();
    let ack = Ack { seq: Seq(2), status: AckStatus::BLOCKED };
    let mut stream = BytesMut::new();
    codec.encode(Outbound::Ack(ack), &mut stream).unwrap();
    assert_eq!(stream[..], *b"\0\0\0\x05\0\0\0\0\x05\x02\0\0\0\0\0\x02\x03");
    let heard = codec.decode(&mut stream).unwrap();
    let Some(Parsed::Message(message)) = heard else { panic!("{heard:?}") };
    assert_eq!(message.body, Body::Ack(ack));
}

#[test]
fn w2_a_body_at_the_limit_is_neither_read_nor_written() {
    let limit = FrameLimit::new(40);
    let mut codec = MessageCodec::new(limit);
    let mut out = BytesMut::new();
    codec.encode(chat(3), &mut out).unwrap();
    assert!(codec.decode(&mut out).unwrap().is_some());

    let refused = codec.encode(chat(4), &mut out).unwrap_err();
    let too_long = EncodeError::BodyTooLong { length: 40, limit };
    assert!(matches!(refused, CodecError::Encode(error) if error == too_long));
    assert!(out.is_empty());

    chat(4).encode(&mut out).unwrap();
    let before = out.clone();
    let refused = codec.decode(&mut out).unwrap_err();
    let length = DecodeError::Length { length: 40, limit };
    assert!(matches!(refused, CodecError::Decode(error) if error == length));
    assert_eq!(out, before);
}

#[test]
fn the_default_limit_is_that_of_a_client_connection() {
    let mut codec = MessageCodec::default();
    let mut out = BytesMut::new();
    codec.encode(chat(32_731), &mut out).unwrap();
    assert!(codec.decode(&mut out).unwrap().is_some());
    assert!(codec.encode(chat(32_732), &mut out).is_err());
    chat(32_732).encode_within(FrameLimit::MAX, &mut out).unwrap();
    assert!(codec.decode(&mut out).is_err());
}

#[test]
fn w5_a_body_that_does_not_parse_is_an_error() {
    let mut read = BytesMut::from(&b"\0\0\0\x01\0\0\0\x01\x0d\x01\0\0!"[..]);
    let error = MessageCodec::default().decode(&mut read).unwrap_err();
    let not_empty = DecodeError::NotEmpty { command: Command::PING, actual: 1 };
    assert_eq!(error.to_string(), not_empty.to_string());
    assert!(matches!(error, CodecError::Decode(error) if error == not_empty));
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_an_error() {
    let mut read = BytesMut::from(&b"\0\0\0\0\0\0\0\x01\x0d\x01\0"[..]);
    let error = MessageCodec::default().decode_eof(&mut read).unwrap_err();
    assert!(matches!(error, CodecError::Io(_)), "{error:?}");
    let reset = CodecError::from(io::Error::from(io::ErrorKind::ConnectionReset));
    assert_eq!(reset.to_string(), io::ErrorKind::ConnectionReset.to_string());
}

fn conversation() -> Vec<Parsed> {
    let sync = Body::Sync(MsgId(1));
    let metadata = Metadata { sync_key: MsgId(7), prev_sync_key: MsgId(0) };
    let (seq, version, flags) = (Seq(7), Version(1), Flags(0xf1));
    let (command, body) = (Command(99), Bytes::from_static(b"what?"));
    vec![
        Parsed::Message(Message { seq, version, flags, body: sync }),
        Parsed::Unlisted(Frame { seq, command, version, flags, body }),
        Parsed::Message(chat(0).into()),
        Parsed::Message(chat(20).into()),
        Parsed::Message(Message { seq, version, flags, body: Body::CustomerV2(text_v2()) }),
        Parsed::Message(Message { seq, version, flags, body: Body::Metadata(metadata) }),
    ]
}

fn chat(content: usize) -> ChatMessage {
    let body = Body::Customer(CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(1),
        seller_id: UserId(2),
        timestamp: UnixTime::from(0),
        content: vec![b'x'; content].into(),
    });
    let (seq, version, flags) = (Seq(3), Version(1), Flags::TEXT);
    ChatMessage::try_from(Message { seq, version, flags, body }).unwrap()
}

/// Of a message from customer 7/1 to seller 2, behind message 6 in either queue.
fn effects_of_v2() -> Effects {
    let customer = Account::new(AppId(7), UserId(1));
    let identity = Identity::new(customer, DeviceId(11)).unwrap();
    let session = Session::new(Config::new(AppId(1453)).unwrap(), identity);
    let body = Body::CustomerV2(text_v2());
    let message = Message { seq: Seq(3), version: Version(2), flags: Flags::TEXT, body };
    let delivery = session.handle(message, UnixTime::from(0)).unwrap();
    let appended = Appended { msgid: MsgId(7), previous: Some(MsgId(6)) };
    delivery.save_with(|_| Ok::<_, ()>(appended)).unwrap()
}

fn text_v2() -> CustomerMessageV2 {
    CustomerMessageV2 {
        sender: Account::new(AppId(7), UserId(1)),
        receiver: Account::new(AppId(1453), UserId(2)),
        timestamp: UnixTime::from(0),
        content: Bytes::from_static(b"hi"),
    }
}
