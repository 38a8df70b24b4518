//! Decoded, written, and decoded again (W1–W5, W7, W9, W10).

use bytes::BytesMut;
use kefu_proto::{
    AckStatus, Body, ChatMessage, Command, DecodeError, DecodeOutboundError, Encode, EncodeError,
};
use kefu_proto::{Flags, Frame};
use kefu_proto::{FrameDecoder, FrameLimit, FrameWriter, Header, Message, Outbound, OwnedOutbound};
use kefu_proto::{Parsed, Seq, Version};

use crate::input::head;
use crate::reference;

/// The limit of the writer in four bytes, the version of its connection, and a stream.
pub fn roundtrip(mut input: &[u8]) {
    let limit = FrameLimit::new(u32::from_be_bytes(head(&mut input)));
    let [version] = head(&mut input);
    let mut read = BytesMut::from(input);
    while let Ok(Some(frame)) = decode(&mut read) {
        let (original, rest) = input.split_at(input.len() - read.len());
        input = rest;
        check_written(&frame, limit, &without_reserved(original));
        match frame.parse() {
            Ok(Parsed::Message(message)) => check_message(&message, limit, version, original),
            Ok(unlisted @ Parsed::Unlisted(_)) => {
                check_written(&unlisted, limit, &without_reserved(original));
            }
            Err(_) => {}
        }
    }
}

fn check_message(message: &Message, limit: FrameLimit, version: u8, original: &[u8]) {
    let bytes = frame_bytes(message, message.seq, message.version);
    if bytes.len() == original.len() {
        // Whatever is ignored makes a body longer; and a short ACK is written longer than it came.
        assert_eq!(bytes, without_ignored(message, original));
    }
    check_written(message, limit, &bytes);
    check_written(&Parsed::Message(message.clone()), limit, &bytes);
    if let Ok(chat) = ChatMessage::try_from(message.clone()) {
        check_written(&chat, limit, &bytes);
        check_written(&Outbound::Chat(&chat), limit, &bytes);
        assert_eq!(Message::from(chat), *message);
    }
    check_read_again(message, &bytes);
    check_forwarded(message, &bytes);
    check_numbered(message, limit, Version(version));
}

fn check_read_again(message: &Message, bytes: &[u8]) {
    let mut read = BytesMut::from(bytes);
    let again = decode(&mut read).unwrap().unwrap();
    assert!(read.is_empty());
    // W5: three bytes are too few, even where nothing is missing.
    let (command, needed, actual) = (Command::AUTH_TOKEN, 4, 3);
    if message.command() == command && bytes.len() == Header::LEN + actual {
        let too_short = DecodeError::TooShort { command, needed, actual };
        return assert_eq!(again.parse(), Err(too_short));
    }
    assert_eq!(again.parse(), Ok(Parsed::Message(message.clone())));
}

/// What another server makes of it: a message that effects carry, or an error.
fn check_forwarded(message: &Message, bytes: &[u8]) {
    let came = OwnedOutbound::decode(&mut BytesMut::from(bytes), FrameLimit::MAX);
    match &message.body {
        Body::Customer(_) | Body::CustomerSupport(_) | Body::CustomerV2(_) => {
            check_written(&came.unwrap().unwrap(), FrameLimit::MAX, bytes);
        }
        // H9.2: these are numbered by the connection that writes them. W3.7: a status needs a
        // version that has one.
        Body::Ack(_) | Body::SyncNotify(_) => {
            let refuses = matches!(&message.body, Body::Ack(ack) if ack.status != AckStatus(0));
            let version = if refuses { Version(2) } else { Version(0) };
            let made = Message::from(message.body.clone());
            let bytes = frame_bytes(&made, Seq(0), version);
            check_written(&came.unwrap().unwrap(), FrameLimit::MAX, &bytes);
        }
        // D3.5: what it belongs to may still come.
        Body::Metadata(_) => assert_eq!(came, Ok(None)),
        _ if bytes.len() == Header::LEN + 3 => assert!(came.is_err()),
        _ => {
            let command = message.command();
            assert_eq!(came, Err(DecodeOutboundError::NotOutbound { command }));
        }
    }
}

/// It is written as these bytes, whole or not at all, as the limit and the buffer allow.
fn check_written(message: &impl Encode, limit: FrameLimit, bytes: &[u8]) {
    let length = bytes.len() - Header::LEN;
    assert_eq!(message.encoded_body_len(), length);
    let head = (message.seq(), message.command(), message.version(), message.flags());
    let [s0, s1, s2, s3, command, version, flags] = bytes[4..11].try_into().unwrap();
    let seq = Seq(i32::from_be_bytes([s0, s1, s2, s3]));
    assert_eq!(head, (seq, Command(command), Version(version), Flags(flags)));

    let mut written = vec![];
    message.encode_body(&mut written).unwrap();
    assert_eq!(written, bytes[Header::LEN..]);

    let border = u32::try_from(length).unwrap();
    for limit in [limit, FrameLimit::new(border), FrameLimit::new(border + 1)] {
        let mut written = vec![];
        let result = message.encode_within(limit, &mut written);
        if fits(length, limit) {
            assert_eq!((result, &written[..]), (Ok(()), bytes));
            check_room(message, limit, bytes);
        } else {
            let too_long = EncodeError::BodyTooLong { length, limit };
            assert_eq!((result, &written[..]), (Err(too_long), &[][..]));
        }
    }
}

fn check_room(message: &impl Encode, limit: FrameLimit, bytes: &[u8]) {
    let mut exact = vec![0; bytes.len()];
    let mut room = &mut exact[..];
    assert_eq!((message.encode_within(limit, &mut room), room.len()), (Ok(()), 0));
    assert_eq!(exact, bytes);

    let needed = bytes.len();
    for available in [0, needed / 2, needed - 1] {
        let mut small = vec![0xaa; available];
        let result = message.encode_within(limit, &mut &mut small[..]);
        assert_eq!(result, Err(EncodeError::BufferTooSmall { needed, available }));
        assert_eq!(small, vec![0xaa; available]);
    }
}

/// W7: under a connection's number and version.
fn check_numbered(message: &Message, limit: FrameLimit, version: Version) {
    let (mut writer, mut out) = (FrameWriter::new(limit), vec![]);
    writer.set_version(version);
    let bytes = |seq| frame_bytes(message, Seq(seq), version);
    let length = bytes(1).len() - Header::LEN;
    if fits(length, limit) {
        assert_eq!(writer.write(message, &mut out), Ok(Seq(1)));
        assert_eq!(writer.write(&message, &mut out), Ok(Seq(2)));
        assert_eq!(out, [bytes(1), bytes(2)].concat());
    } else {
        let too_long = EncodeError::BodyTooLong { length, limit };
        assert_eq!(writer.write(message, &mut out), Err(too_long));
        let mut unused = FrameWriter::new(limit);
        unused.set_version(version);
        assert_eq!((writer, out), (unused, vec![]));
    }
}

fn fits(length: usize, limit: FrameLimit) -> bool {
    u32::try_from(length).unwrap() < limit.get()
}

fn frame_bytes(message: &Message, seq: Seq, version: Version) -> Vec<u8> {
    let body = reference::body_bytes(&message.body, version);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let rest = [message.body.command().0, version.0, message.flags.0, 0];
    [&length[..], &seq.0.to_be_bytes(), &rest, &body].concat()
}

/// W1: the last byte of a header is ignored when read and 0 when written.
fn without_reserved(frame: &[u8]) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    bytes[Header::LEN - 1] = 0;
    bytes
}

/// W10.2: and so is the second half of a METADATA.
fn without_ignored(message: &Message, frame: &[u8]) -> Vec<u8> {
    let mut bytes = without_reserved(frame);
    if let Body::Metadata(_) = message.body {
        bytes[Header::LEN + 16..].fill(0);
    }
    bytes
}

fn decode(read: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
    FrameDecoder::new(FrameLimit::MAX).decode(read)
}
