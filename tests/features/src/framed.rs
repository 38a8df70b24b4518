//! Feature `tokio-util`: frames of a connection through `Decoder` and `Encoder`.

use std::io;

use bytes::{Bytes, BytesMut};
use kefu_proto::{AppId, Body, ChatMessage, CodecError, Command, CustomerMessage, DecodeError};
use kefu_proto::{Encode, EncodeError, Flags, Frame, FrameLimit, Message, MessageCodec, Parsed};
use kefu_proto::{MsgId, Outbound, Seq, StoreId, UnixTime, UserId, Version};
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
    let (seq, version, flags) = (Seq(7), Version(1), Flags(0xf1));
    let (command, body) = (Command(99), Bytes::from_static(b"what?"));
    vec![
        Parsed::Message(Message { seq, version, flags, body: sync }),
        Parsed::Unlisted(Frame { seq, command, version, flags, body }),
        Parsed::Message(chat(0).into()),
        Parsed::Message(chat(20).into()),
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
