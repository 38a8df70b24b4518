//! Messages and frames: written, read, and written again (W1–W5).

use bytes::{Bytes, BytesMut};
use kefu_proto::Version;
use kefu_proto::{Body, ChatMessage, Command, DecodeError, Encode, EncodeError};
use kefu_proto::{Flags, Frame, FrameDecoder, FrameLimit, Header, Message, Outbound};
use kefu_proto::{OwnedOutbound, Parsed, Seq};
use proptest::prelude::*;

use kefu_proto::strategy;

proptest! {
    /// W4.2; S9.1: what is written at once is one whole frame.
    #[test]
    fn w3_a_written_message_reads_as_what_it_was(message in strategy::message()) {
        let frame = decoded(&bytes(&message));
        prop_assert_eq!(frame.command, message.command());
        prop_assert_eq!(frame.body.len(), message.encoded_body_len());
        prop_assert_eq!(&frame.body[..], &body(&message)[..]);
        prop_assert_eq!(frame.parse(), Ok(Parsed::Message(message)));
    }

    #[test]
    fn w3_a_parsed_frame_is_written_as_it_came(frame in strategy::frame()) {
        let written = bytes(&frame);
        prop_assert_eq!(&decoded(&written), &frame);
        if let Ok(parsed) = frame.clone().parse() {
            prop_assert_eq!(bytes(&parsed), written);
            prop_assert_eq!(parsed.encoded_body_len(), frame.body.len());
            prop_assert_eq!(head(&parsed), head(&frame));
            if let Parsed::Message(message) = parsed {
                prop_assert_eq!(head(&message), head(&frame));
            }
        }
    }

    #[test]
    fn w4_a_chat_message_is_written_alike_in_each_of_its_forms(chat in strategy::chat_message()) {
        let message = Message::from(chat.clone());
        let written = bytes(&message);
        let outbound = Outbound::Chat(&chat);
        prop_assert_eq!(&bytes(&chat), &written);
        prop_assert_eq!(&bytes(&&chat), &written);
        prop_assert_eq!(&bytes(&outbound), &written);
        let as_sent = (message.seq, message.body.command(), message.version, message.flags);
        prop_assert_eq!([head(&chat), head(&outbound), head(&message)], [as_sent; 3]);
        for (length, body) in [
            (chat.encoded_body_len(), body(&chat)),
            (outbound.encoded_body_len(), body(&outbound)),
        ] {
            prop_assert_eq!(length, body.len());
            prop_assert_eq!(&body[..], &written[Header::LEN..]);
        }
        prop_assert_eq!(bytes(&outbound.into_owned()), written);
        prop_assert_eq!(ChatMessage::try_from(message), Ok(chat));
    }

    /// H9.2.
    #[test]
    fn h9_what_the_handler_makes_has_seq_version_and_flags_0(
        key in strategy::msg_id(),
        seq in strategy::seq(),
    ) {
        let notify = (Outbound::SyncNotify(key), Body::SyncNotify(key));
        for (outbound, body) in [notify, (Outbound::Ack(seq.into()), Body::Ack(seq.into()))] {
            let message = Message::from(body);
            prop_assert_eq!(bytes(&outbound), bytes(&message));
            prop_assert_eq!(outbound.encoded_body_len(), message.encoded_body_len());
            let zeros = (Seq(0), message.body.command(), Version(0), Flags::NONE);
            prop_assert_eq!([head(&outbound), head(&message)], [zeros; 2]);
        }
    }

    #[test]
    fn what_another_server_decodes_is_what_was_sent(
        chat in strategy::chat_message(),
        key in strategy::msg_id(),
        seq in strategy::seq(),
    ) {
        for sent in [Outbound::Chat(&chat), Outbound::SyncNotify(key), Outbound::Ack(seq.into())] {
            let sent = sent.into_owned();
            let mut read = BytesMut::from(&bytes(&sent)[..]);
            let came = OwnedOutbound::decode(&mut read, FrameLimit::CLIENT);
            prop_assert_eq!((came, read.len()), (Ok(Some(sent)), 0));
        }
    }

    /// H1.1.
    #[test]
    fn h1_only_chat_messages_are_chat_messages(message in strategy::message()) {
        let is_chat = matches!(
            message.body,
            Body::Customer(_) | Body::CustomerSupport(_) | Body::CustomerV2(_)
        );
        match ChatMessage::try_from(message.clone()) {
            Ok(chat) => prop_assert!(is_chat && Message::from(chat) == message),
            Err(other) => prop_assert!(!is_chat && other == message),
        }
    }

    /// W1.2, W1.3.
    #[test]
    fn w1_the_last_byte_of_a_header_is_ignored_and_written_as_0(
        frame in strategy::frame(),
        last: u8,
    ) {
        let mut written = bytes(&frame);
        prop_assert_eq!(written[Header::LEN - 1], 0);
        written[Header::LEN - 1] = last;
        prop_assert_eq!(decoded(&written), frame);
    }

    #[test]
    fn w2_a_header_reads_as_what_it_was(frame in strategy::frame(), limit: u32) {
        let length = u32::try_from(frame.body.len()).unwrap();
        let limit = FrameLimit::new(limit % 65_536);
        let header = bytes(&frame).first_chunk().copied().unwrap();
        let Frame { seq, command, version, flags, .. } = frame;
        if length < limit.get() {
            let expected = Header { body_len: length, seq, command, version, flags };
            prop_assert_eq!(Header::decode(&header, limit), Ok(expected));
            prop_assert_eq!(expected.encode(), header);
        } else {
            let length = i32::try_from(length).unwrap();
            let refused = Err(DecodeError::Length { length, limit });
            prop_assert_eq!(Header::decode(&header, limit), refused);
        }
    }

    /// W5.1, W5.4, W5.5, W5.6.
    #[test]
    fn w5_a_body_that_does_not_fit_its_command_is_an_error(frame in strategy::malformed_frame()) {
        let Frame { command, ref body, .. } = frame;
        let actual = body.len();
        match frame.clone().parse() {
            Err(DecodeError::TooShort { command: named, needed, actual: told }) => {
                prop_assert_eq!((named, told), (command, actual));
                prop_assert!(needed > actual);
            }
            Err(DecodeError::NotEmpty { command: named, actual: told }) => {
                prop_assert_eq!((named, told), (command, actual));
                prop_assert!([Command::PING, Command::PONG].contains(&command));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn w3_4_an_unlisted_command_comes_back_untouched(frame in strategy::unlisted_frame()) {
        let start = frame.body.as_ptr();
        let parsed = frame.clone().parse();
        prop_assert_eq!(&parsed, &Ok(Parsed::Unlisted(frame)));
        let Ok(Parsed::Unlisted(frame)) = parsed else { unreachable!() };
        prop_assert_eq!(frame.body.as_ptr(), start);
    }

    /// W5.2, W5.4.
    #[test]
    fn w5_what_follows_the_fixed_part_is_ignored_or_content(
        message in strategy::message(),
        more in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let longer = [&body(&message)[..], &more].concat();
        let parsed = with_body(&message, longer.clone()).parse();
        let mut expected = message;
        match &mut expected.body {
            Body::Customer(chat) | Body::CustomerSupport(chat) => {
                chat.content = Bytes::from(longer).slice(36..);
            }
            Body::CustomerV2(chat) => chat.content = Bytes::from(longer).slice(36..),
            Body::Ping | Body::Pong => {
                let (command, actual) = (expected.command(), more.len());
                prop_assert_eq!(parsed, Err(DecodeError::NotEmpty { command, actual }));
                return Ok(());
            }
            _ => {}
        }
        prop_assert_eq!(parsed, Ok(Parsed::Message(expected)));
    }

    /// W5.1, W5.3.
    #[test]
    fn w5_a_body_cut_short_is_an_error_but_for_ack(message in strategy::message(), cut: u8) {
        let whole = body(&message);
        let fixed = match message.body {
            Body::Customer(_) | Body::CustomerSupport(_) | Body::CustomerV2(_) => 36,
            _ => whole.len(),
        };
        if fixed == 0 {
            return Ok(());
        }
        let short = usize::from(cut) % fixed;
        let parsed = with_body(&message, whole[..short].to_vec()).parse();
        if let Body::Ack(ack) = message.body {
            // What is missing is 0.
            let seq = if short < 4 { Seq(0) } else { ack.seq };
            let body = Body::Ack(seq.into());
            prop_assert_eq!(parsed, Ok(Parsed::Message(Message { body, ..message })));
        } else {
            let told = matches!(
                parsed,
                Err(DecodeError::TooShort { command, needed, actual })
                    if command == message.command() && actual == short
                        && (short + 1..=fixed).contains(&needed)
            );
            prop_assert!(told, "{parsed:?}");
        }
    }

    #[test]
    fn w3_only_version_0_carries_the_servers_address(message in strategy::message()) {
        if let Body::AuthStatus(auth) = message.body {
            let ip = auth.server_ip.octets();
            let status = auth.status.0.to_be_bytes();
            let mut expected = status.to_vec();
            if message.version == Version(0) {
                expected.extend(ip);
            }
            prop_assert_eq!(body(&message), expected);
        }
    }

    #[test]
    fn w2_a_body_at_the_limit_is_not_written(message in strategy::message()) {
        let length = message.encoded_body_len();
        let limit = FrameLimit::new(u32::try_from(length).unwrap());
        let mut out = vec![7; 3];
        let refused = message.encode_within(limit, &mut out);
        prop_assert_eq!(refused, Err(EncodeError::BodyTooLong { length, limit }));
        prop_assert_eq!(&out, &[7; 3]);

        let above = FrameLimit::new(limit.get() + 1);
        prop_assert_eq!(message.encode_within(above, &mut out), Ok(()));
        prop_assert_eq!(&out[3..], bytes(&message));
    }

    #[test]
    fn what_does_not_fit_the_buffer_is_not_written(frame in strategy::frame(), room: u16) {
        let whole = bytes(&frame);
        let body = &whole[Header::LEN..];
        let available = usize::from(room) % whole.len();
        let mut memory = vec![7; available];
        let mut out = &mut memory[..];
        let refused = EncodeError::BufferTooSmall { needed: whole.len(), available };
        prop_assert_eq!(frame.encode(&mut out), Err(refused));
        if available < body.len() {
            let refused = EncodeError::BufferTooSmall { needed: body.len(), available };
            prop_assert_eq!(frame.encode_body(&mut out), Err(refused));
        }
        let limit = FrameLimit::new(u32::try_from(body.len()).unwrap());
        let refused = EncodeError::BodyTooLong { length: body.len(), limit };
        prop_assert_eq!(frame.encode_within(limit, &mut out), Err(refused));
        prop_assert_eq!(out.len(), available);
        prop_assert!(memory.iter().all(|&byte| byte == 7));

        let mut memory = vec![7; whole.len()];
        let mut out = &mut memory[..];
        prop_assert_eq!(frame.encode(&mut out), Ok(()));
        prop_assert!(out.is_empty());
        prop_assert_eq!(&memory, &whole);
        let mut out = &mut memory[..body.len()];
        prop_assert_eq!(frame.encode_body(&mut out), Ok(()));
        prop_assert!(out.is_empty());
        prop_assert_eq!(&memory[..body.len()], body);
    }
}

pub(crate) fn bytes(message: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}

pub(crate) fn body(message: &impl Encode) -> Vec<u8> {
    let mut body = Vec::new();
    message.encode_body(&mut body).unwrap();
    body
}

fn head(message: &impl Encode) -> (Seq, Command, Version, Flags) {
    (message.seq(), message.command(), message.version(), message.flags())
}

/// The one frame that the bytes are.
pub(crate) fn decoded(bytes: &[u8]) -> Frame {
    let mut read = BytesMut::from(bytes);
    let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut read).unwrap();
    assert!(read.is_empty());
    frame.expect("a whole frame")
}

fn with_body(message: &Message, body: Vec<u8>) -> Frame {
    let Message { seq, version, flags, .. } = *message;
    Frame { seq, command: message.command(), version, flags, body: body.into() }
}
