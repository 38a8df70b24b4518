//! A METADATA and its message: one value wherever it waits, two frames on the wire (W10).

use bytes::{BufMut, BytesMut};
use kefu_proto::strategy;
use kefu_proto::{
    Ack, AckStatus, Body, ChatMessage, Command, Encode, EncodeError, Flags, FrameDecoder,
    FrameLimit, FrameWriter, Message, Metadata, Outbound, OwnedOutbound, Parsed, Seq, Version,
};
use proptest::prelude::*;

use crate::codec::bytes;

proptest! {
    /// W10.1, W10.3, W7.1, W7.4.
    #[test]
    fn w10_a_pair_is_two_frames_with_a_number_each(
        pair in pair(),
        version in strategy::version(),
        before in 0..3_i32,
    ) {
        let mut writer = FrameWriter::default();
        writer.set_version(version);
        for _ in 0..before {
            writer.write(&Message::from(Body::Pong), &mut Vec::new())?;
        }
        let mut read = BytesMut::new();
        let number = writer.write(&pair, &mut read)?;
        prop_assert_eq!(number, Seq(before + 2));
        let [metadata, message] = [next(&mut read), next(&mut read)];
        prop_assert!(read.is_empty());
        let body = Body::Metadata(metadata_of(&pair));
        let (seq, flags) = (Seq(before + 1), Flags::NONE);
        prop_assert_eq!(metadata, Message { seq, version, flags, body });
        prop_assert_eq!((message.seq, message.version), (number, version));
        prop_assert_eq!((message.command(), message.flags), (pair.command(), pair.flags()));
        match (pair.get(), message.body) {
            (Outbound::LiveAck(ack), Body::Ack(read)) => {
                prop_assert_eq!(read.seq, ack.ack().seq);
                let status = if version < Version::V2 { AckStatus::OK } else { ack.ack().status };
                prop_assert_eq!(read.status, status);
            }
            (Outbound::LiveCopy(_), Body::CustomerV2(_)) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }

    /// W2.4, W7.5, S8.1: whichever of the two frames does not fit.
    #[test]
    fn w10_a_pair_is_written_whole_or_not_at_all(pair in pair(), limit in 0..80_u32, room: u16) {
        let mut whole = Vec::new();
        let mut writer = FrameWriter::new(FrameLimit::CLIENT);
        writer.write(&pair, &mut whole)?;
        let longest = longest(&pair);

        let mut limited = FrameWriter::new(FrameLimit::new(limit));
        let untouched = limited.clone();
        let mut out = vec![7; 3];
        match limited.write(&pair, &mut out) {
            Ok(_) => prop_assert!(longest < usize::try_from(limit).unwrap()),
            Err(EncodeError::BodyTooLong { length, .. }) => {
                prop_assert!(length >= usize::try_from(limit).unwrap());
                prop_assert_eq!(&out, &[7; 3]);
                prop_assert_eq!(&limited, &untouched);
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }

        let mut writer = FrameWriter::default();
        let untouched = writer.clone();
        let available = usize::from(room) % whole.len();
        let mut memory = vec![7; available];
        let refused = writer.write(&pair, &mut &mut memory[..]);
        let needed = whole.len();
        prop_assert_eq!(refused, Err(EncodeError::BufferTooSmall { needed, available }));
        prop_assert!(memory.iter().all(|&byte| byte == 7));
        prop_assert_eq!(&writer, &untouched);
        prop_assert_eq!(writer.write(&pair, &mut memory), Ok(Seq(2)));
        prop_assert_eq!(&memory[available..], &whole);
    }

    /// Between servers: what is cut anywhere is read as it was sent, once it is whole.
    #[test]
    fn w10_a_value_comes_back_whole_wherever_the_stream_is_cut(
        sent in outbound(),
        behind in strategy::byte_stream(),
    ) {
        let whole = bytes(&sent);
        let mut read = BytesMut::new();
        for (index, byte) in whole.iter().enumerate() {
            prop_assert_eq!(OwnedOutbound::decode(&mut read, FrameLimit::CLIENT), Ok(None));
            prop_assert_eq!(&read, &whole[..index]);
            read.put_u8(*byte);
        }
        read.extend_from_slice(&behind);
        let came = OwnedOutbound::decode(&mut read, FrameLimit::CLIENT);
        prop_assert_eq!(&came, &Ok(Some(sent.clone())));
        prop_assert_eq!(read, behind);
        prop_assert_eq!(bytes(&came.unwrap().unwrap()), whole);
    }

    /// W10.3: no other message has a METADATA.
    #[test]
    fn w10_only_a_message_of_version_2_and_an_ack_have_metadata(
        metadata in metadata(),
        message in strategy::message(),
    ) {
        let mut read = BytesMut::from(&bytes(&Message::from(Body::Metadata(metadata)))[..]);
        message.encode(&mut read).unwrap();
        let came = OwnedOutbound::decode(&mut read, FrameLimit::CLIENT);
        let fits = matches!(message.body, Body::CustomerV2(_) | Body::Ack(_));
        prop_assert_eq!(came.is_ok(), fits, "{:?}", came);
        prop_assert!(read.is_empty());
    }

    /// A queue or a channel that owns its values holds what was lent.
    #[test]
    fn owned_and_lent_values_are_the_same(sent in outbound(), version in strategy::version()) {
        let lent = sent.get();
        prop_assert_eq!(&lent.into_owned(), &sent);
        prop_assert_eq!(bytes(&lent), bytes(&sent));
        prop_assert_eq!(lent.encoded_body_len(), sent.encoded_body_len());
        let mut writer = FrameWriter::default();
        writer.set_version(version);
        let (mut other, mut one, mut another) = (writer.clone(), Vec::new(), Vec::new());
        prop_assert_eq!(writer.write(&lent, &mut one), other.write(&sent, &mut another));
        prop_assert_eq!(one, another);
    }
}

/// The length of the longer body on a connection of version 0.
fn longest(pair: &OwnedOutbound) -> usize {
    match pair.get() {
        Outbound::LiveAck(_) => 32,
        other => other.encoded_body_len(),
    }
}

fn metadata_of(pair: &OwnedOutbound) -> Metadata {
    match pair.get() {
        Outbound::LiveCopy(copy) => copy.metadata(),
        Outbound::LiveAck(ack) => ack.metadata(),
        other => panic!("{other:?} is no pair"),
    }
}

fn next(read: &mut BytesMut) -> Message {
    let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(read).unwrap().unwrap();
    let Ok(Parsed::Message(message)) = frame.parse() else { panic!("no message") };
    message
}

/// Anything that goes out.
pub(crate) fn outbound() -> impl Strategy<Value = OwnedOutbound> {
    prop_oneof![
        2 => strategy::chat_message().prop_map(|chat| Outbound::Chat(&chat).into_owned()),
        1 => strategy::msg_id().prop_map(|key| Outbound::SyncNotify(key).into_owned()),
        1 => ack().prop_map(|ack| Outbound::Ack(ack).into_owned()),
        3 => pair(),
    ]
    .boxed()
}

/// A live copy or a live ACK.
pub(crate) fn pair() -> impl Strategy<Value = OwnedOutbound> {
    let copy = strategy::chat_message().prop_filter_map("of version 2", |chat: ChatMessage| {
        (chat.command() == Command::CUSTOMER_V2).then(|| bytes(&chat))
    });
    let message = prop_oneof![copy, ack().prop_map(|ack| bytes(&Outbound::Ack(ack)))];
    (metadata(), message).prop_map(|(metadata, message)| {
        let mut read = BytesMut::from(&bytes(&Message::from(Body::Metadata(metadata)))[..]);
        read.extend_from_slice(&message);
        OwnedOutbound::decode(&mut read, FrameLimit::CLIENT).unwrap().unwrap()
    })
}

fn ack() -> impl Strategy<Value = Ack> {
    (strategy::seq(), strategy::ack_status()).prop_map(|(seq, status)| Ack { seq, status })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    (strategy::msg_id(), strategy::msg_id())
        .prop_map(|(sync_key, prev_sync_key)| Metadata { sync_key, prev_sync_key })
}
