//! The frames that a server writes on one connection (W7).

use std::net::Ipv4Addr;

use bytes::BytesMut;
use kefu_proto::{AckStatus, Body, Encode, EncodeError, FrameDecoder, FrameLimit, FrameWriter};
use kefu_proto::{Header, Message, Parsed, Seq, Version};
use proptest::collection::vec;
use proptest::prelude::*;

use kefu_proto::strategy;

proptest! {
    /// W3.3, W7.1, W7.3, W7.4, W8.2.
    #[test]
    fn w7_frames_are_numbered_1_2_3_with_the_version_set_and_their_own_flags(
        before in vec(strategy::message(), 0..5),
        version in strategy::version(),
        after in vec(strategy::message(), 0..5),
    ) {
        let mut writer = FrameWriter::default();
        let mut out = BytesMut::new();
        let mut expected = Vec::new();
        for message in before {
            writer.write(&message, &mut out).unwrap();
            expected.push(on_the_wire(message, Version(0)));
        }
        writer.set_version(version);
        for message in after {
            writer.write(&message, &mut out).unwrap();
            expected.push(on_the_wire(message, version));
        }
        for (number, message) in (1..).zip(expected) {
            let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut out).unwrap().unwrap();
            let message = Message { seq: Seq(number), ..message };
            prop_assert_eq!(frame.parse(), Ok(Parsed::Message(message)));
        }
        prop_assert!(out.is_empty());
    }

    #[test]
    fn w7_write_returns_the_number_that_is_on_the_wire(frames in vec(strategy::frame(), 1..6)) {
        let mut writer = FrameWriter::default();
        for frame in frames {
            let mut out = Vec::new();
            let number = writer.write(&frame, &mut out).unwrap();
            let header = Header::decode(out.first_chunk().unwrap(), FrameLimit::CLIENT).unwrap();
            prop_assert_eq!(header.seq, number);
            prop_assert_eq!((header.command, header.flags), (frame.command, frame.flags));
            prop_assert_eq!(&out[Header::LEN..], &frame.body);
        }
    }

    /// W2.4, W7.5, S8.1.
    #[test]
    fn w7_what_is_not_written_takes_no_number(
        message in strategy::message(),
        version in strategy::version(),
    ) {
        let length = on_the_wire(message.clone(), version).encoded_body_len();
        let limit = FrameLimit::new(u32::try_from(length).unwrap());
        let mut writer = FrameWriter::new(limit);
        writer.set_version(version);
        let untouched = writer.clone();
        let mut out = Vec::new();
        let refused = writer.write(&message, &mut out);
        prop_assert_eq!(refused, Err(EncodeError::BodyTooLong { length, limit }));
        prop_assert!(out.is_empty());
        prop_assert_eq!(&writer, &untouched);

        let mut writer = FrameWriter::new(FrameLimit::new(limit.get() + 1));
        writer.set_version(version);
        let (needed, available) = (Header::LEN + length, Header::LEN + length - 1);
        let mut memory = vec![7; available];
        let mut room = &mut memory[..];
        let refused = writer.write(&message, &mut room);
        prop_assert_eq!(refused, Err(EncodeError::BufferTooSmall { needed, available }));
        prop_assert_eq!(room.len(), available);
        prop_assert!(memory.iter().all(|&byte| byte == 7));
        prop_assert_eq!(writer.write(&message, &mut out), Ok(Seq(1)));
        prop_assert_eq!(out.len(), needed);
    }
}

/// A message as its reader sees it under the connection's version; its seq is the connection's,
/// too.
fn on_the_wire(mut message: Message, version: Version) -> Message {
    message.version = version;
    match &mut message.body {
        Body::AuthStatus(auth) if version != Version(0) => {
            auth.server_ip = Ipv4Addr::UNSPECIFIED;
        }
        Body::Ack(ack) if version < Version::V2 => ack.status = AckStatus::OK,
        _ => {}
    }
    message
}
