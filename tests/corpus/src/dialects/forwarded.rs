//! What another server sends: every message whole, a METADATA only with what it belongs to (W10.3).

use bytes::BytesMut;
use kefu_proto::{AckStatus, Body, Dialect, Encode, Frame, FrameLimit, Header};
use kefu_proto::{Message, Metadata, OwnedOutbound, Parsed, Seq, Version};

use crate::outgoing::{Outgoing, What};

/// A message that has come, and what it is.
pub(super) struct Forwarded {
    pub(super) owned: OwnedOutbound,
    pub(super) outgoing: Outgoing,
    seq: Seq,
    version: Version,
}

/// Decodes a stream, and returns what has come.
pub(super) fn check(stream: &[u8], frames: &[Frame]) -> Vec<Forwarded> {
    let (mut rest, mut frames, mut messages) = (stream, frames, vec![]);
    loop {
        let mut read = BytesMut::from(rest);
        let came = OwnedOutbound::decode(&mut read, FrameLimit::CLIENT);
        let (taken, left) = rest.split_at(rest.len() - read.len());
        let count = match (came, next(frames)) {
            (Ok(Some(owned)), Next::Message { outgoing, seq, version, frames }) => {
                let message = Forwarded { owned, outgoing, seq, version };
                check_again(&message);
                check_prefixes(taken);
                messages.push(message);
                frames
            }
            (Err(error), Next::Refused { frames }) => {
                assert!(!error.to_string().is_empty());
                frames
            }
            // Incomplete, or a length that is refused.
            (Ok(None) | Err(_), Next::Nothing) => {
                assert!(taken.is_empty());
                return messages;
            }
            (came, _) => panic!("{came:?}"),
        };
        let length = |frame: &Frame| Header::LEN + frame.body.len();
        assert_eq!(taken.len(), frames[..count].iter().map(length).sum::<usize>());
        (rest, frames) = (left, &frames[count..]);
    }
}

enum Next {
    Message { outgoing: Outgoing, seq: Seq, version: Version, frames: usize },
    Refused { frames: usize },
    Nothing,
}

fn next(frames: &[Frame]) -> Next {
    match frames {
        [first, ..] if first.command.0 != 37 => next_message(first, None),
        [] | [_] => Next::Nothing,
        [first, second, ..] => match body_of(first) {
            Some(Body::Metadata(metadata)) => next_message(second, Some(metadata)),
            _ => Next::Refused { frames: 1 },
        },
    }
}

fn next_message(frame: &Frame, metadata: Option<Metadata>) -> Next {
    let frames = if metadata.is_some() { 2 } else { 1 };
    let made = |body: Body, version| {
        // H9.2: the connection numbers them.
        let (outgoing, seq) = (Outgoing { metadata, ..body.into() }, Seq(0));
        Next::Message { outgoing, seq, version, frames }
    };
    match (body_of(frame), frame.command.0) {
        (Some(Body::Ack(ack)), _) if ack.status == AckStatus(0) => made(Body::Ack(ack), Version(0)),
        (Some(Body::Ack(ack)), _) => made(Body::Ack(ack), Version(2)),
        (Some(body @ Body::SyncNotify(_)), _) if metadata.is_none() => made(body, Version(0)),
        (Some(_), command @ (24 | 25 | 64)) if command == 64 || metadata.is_none() => {
            let Frame { seq, version, flags, .. } = *frame;
            let what = What::Bytes(frame.command, frame.body.to_vec());
            let outgoing = Outgoing { metadata, flags, what };
            Next::Message { outgoing, seq, version, frames }
        }
        _ => Next::Refused { frames },
    }
}

fn body_of(frame: &Frame) -> Option<Body> {
    match frame.clone().parse() {
        Ok(Parsed::Message(Message { body, .. })) => Some(body),
        _ => None,
    }
}

/// It is written as it came, and comes the same again.
fn check_again(message: &Forwarded) {
    let Forwarded { owned, outgoing, seq, version } = message;
    let mut bytes = vec![];
    owned.encode_within(FrameLimit::CLIENT, &mut bytes).unwrap();
    let mut expected = vec![];
    let frames = outgoing.frames(Dialect::AsSent, *version);
    let first = seq.0.wrapping_sub(i32::from(frames.len() == 2));
    for (number, raw) in (0..).zip(&frames) {
        expected.extend(u32::try_from(raw.body.len()).unwrap().to_be_bytes());
        expected.extend(first.wrapping_add(number).to_be_bytes());
        expected.extend([raw.command.0, version.0, raw.flags.0, 0]);
        expected.extend(&raw.body);
    }
    assert_eq!(bytes, expected);
    let again = OwnedOutbound::decode(&mut BytesMut::from(&bytes[..]), FrameLimit::CLIENT);
    assert_eq!(again.as_ref(), Ok(&Some(owned.clone())));
    assert_eq!(&owned.get().into_owned(), owned);
}

/// Nothing comes, and nothing is taken, before all of it is there.
fn check_prefixes(bytes: &[u8]) {
    for length in 0..bytes.len() {
        let mut read = BytesMut::from(&bytes[..length]);
        assert_eq!(OwnedOutbound::decode(&mut read, FrameLimit::CLIENT), Ok(None));
        assert_eq!(read, bytes[..length]);
    }
}
