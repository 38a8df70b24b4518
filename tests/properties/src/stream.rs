//! Streams of frames: however they are cut, and whatever is in them (W2, S7).

use bytes::{Bytes, BytesMut};
use kefu_proto::{Body, Command, DecodeError, Encode, Frame, FrameDecoder, FrameLimit, Header};
use kefu_proto::{Message, Parsed};
use proptest::collection::vec;
use proptest::prelude::*;

use kefu_proto::strategy;

const DECODER: FrameDecoder = FrameDecoder::new(FrameLimit::CLIENT);

proptest! {
    #[test]
    fn a_frame_is_incomplete_until_its_last_byte(frame in strategy::frame()) {
        let mut whole = Vec::new();
        frame.encode(&mut whole).unwrap();
        let mut read = BytesMut::new();
        for (index, byte) in whole.iter().enumerate() {
            prop_assert_eq!(DECODER.decode(&mut read), Ok(None));
            prop_assert_eq!(read.len(), index);
            read.extend_from_slice(&[*byte]);
        }
        prop_assert_eq!(&read[..], &whole);
        prop_assert_eq!(DECODER.decode(&mut read), Ok(Some(frame)));
        prop_assert!(read.is_empty());
    }

    #[test]
    fn what_follows_a_frame_stays_in_the_buffer(
        frame in strategy::frame(),
        rest in strategy::byte_stream(),
    ) {
        let mut read = BytesMut::new();
        frame.encode(&mut read).unwrap();
        read.extend_from_slice(&rest);
        prop_assert_eq!(DECODER.decode(&mut read), Ok(Some(frame)));
        prop_assert_eq!(read, rest);
    }

    #[test]
    fn messages_arrive_alike_however_the_stream_is_cut(
        (messages, chunks) in vec(strategy::message(), 0..8).prop_flat_map(|messages| {
            let mut stream = Vec::new();
            for message in &messages {
                message.encode(&mut stream).unwrap();
            }
            (Just(messages), strategy::chunks(stream))
        }),
    ) {
        prop_assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
        let (frames, end, rest) = read_all(&chunks);
        let read = frames.into_iter().map(Frame::parse);
        prop_assert!(read.eq(messages.into_iter().map(|message| Ok(Parsed::Message(message)))));
        prop_assert_eq!((end, rest.len()), (None, 0));
    }

    #[test]
    fn any_stream_reads_alike_however_it_is_cut(
        (stream, chunks) in strategy::byte_stream()
            .prop_flat_map(|stream| (Just(stream.clone()), strategy::chunks(stream))),
    ) {
        prop_assert_eq!(chunks.concat(), &stream[..]);
        prop_assert_eq!(read_all(&chunks), read_all(&[stream]));
    }

    /// W2.1.
    #[test]
    fn w2_a_refused_length_consumes_nothing_and_is_refused_again(
        stream in strategy::byte_stream(),
        limit in prop_oneof![Just(32 * 1024), 0..64_u32, any::<u32>()],
    ) {
        let limit = FrameLimit::new(limit);
        let decoder = FrameDecoder::new(limit);
        let mut read = BytesMut::from(&stream[..]);
        loop {
            let before = read.clone();
            match decoder.decode(&mut read) {
                Ok(Some(frame)) => {
                    let end = Header::LEN + frame.body.len();
                    prop_assert_eq!(&read, &before[end..]);
                    prop_assert_eq!(&frame.body, &before[Header::LEN..end]);
                    prop_assert!(frame.body.len() < usize::try_from(limit.get()).unwrap());
                    let _ = frame.parse();
                }
                Ok(None) => {
                    prop_assert_eq!(read, before);
                    break;
                }
                Err(error) => {
                    prop_assert_eq!(&read, &before);
                    let length = i32::from_be_bytes(*before.first_chunk().unwrap());
                    prop_assert_eq!(error, DecodeError::Length { length, limit });
                    let fits = u32::try_from(length).is_ok_and(|length| length < limit.get());
                    prop_assert!(!fits);
                    prop_assert_eq!(decoder.decode(&mut read), Err(error));
                    break;
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        stream in vec(any::<u8>(), 0..256),
        limit: u32,
        // Random lengths are hardly ever those of whole frames.
        length in 0..64_u8,
    ) {
        let lengthened = [&[0, 0, 0, length][..], &stream].concat();
        let decoder = FrameDecoder::new(FrameLimit::new(limit));
        for stream in [stream, lengthened] {
            let mut read = BytesMut::from(&stream[..]);
            while let Ok(Some(frame)) = decoder.decode(&mut read) {
                for command in 0..=255 {
                    let command = Command(command);
                    let _ = Frame { command, ..frame.clone() }.parse();
                }
            }
        }
    }

    #[test]
    fn a_message_shares_the_memory_of_the_read_buffer(message in strategy::message()) {
        let mut read = BytesMut::new();
        message.encode(&mut read).unwrap();
        let memory = read.as_ptr_range();
        let frame = DECODER.decode(&mut read).unwrap().unwrap();
        let Ok(Parsed::Message(Message { body, .. })) = frame.parse() else {
            return Err(TestCaseError::fail("not a message"));
        };
        let slices: Vec<&[u8]> = match &body {
            Body::Customer(chat) | Body::CustomerSupport(chat) => vec![&chat.content],
            Body::CustomerV2(chat) => vec![&chat.content],
            Body::AuthToken(auth) => vec![auth.token.as_bytes(), auth.device_id.as_bytes()],
            _ => vec![],
        };
        for slice in slices.into_iter().filter(|slice| !slice.is_empty()) {
            let part = slice.as_ptr_range();
            prop_assert!(memory.start < part.start && part.end <= memory.end);
        }
    }
}

/// What a connection reads in these chunks, up to the error that ends it, and what is left of them.
fn read_all(chunks: &[Bytes]) -> (Vec<Frame>, Option<DecodeError>, BytesMut) {
    let mut read = BytesMut::new();
    let mut frames = Vec::new();
    let mut end = None;
    for chunk in chunks {
        read.extend_from_slice(chunk);
        while end.is_none() {
            match DECODER.decode(&mut read) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => end = Some(error),
            }
        }
    }
    (frames, end, read)
}
