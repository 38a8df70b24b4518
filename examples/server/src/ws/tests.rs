//! The framing, against that of another implementation.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kefu_proto::FrameLimit;
use tungstenite::WebSocket;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tungstenite::protocol::{Message, Role};

use crate::ws::{Decoder, Packing, Violation, put_close, put_greeting, put_messages};

const LIMIT: FrameLimit = FrameLimit::new(1_000);
const KEY: [u8; 4] = *b"mask";

/// What a client reads, and what it has written.
#[derive(Default)]
struct Wire {
    read: io::Cursor<Vec<u8>>,
    written: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What another implementation makes of a server's bytes.
fn read_all(wire: &[u8]) -> Vec<Message> {
    let wire = Wire { read: io::Cursor::new(wire.to_vec()), ..Wire::default() };
    let mut client = WebSocket::from_raw_socket(wire, Role::Client, None);
    std::iter::from_fn(|| client.read().ok()).collect()
}

/// A frame of the protocol with a body of this length.
fn frame(length: u8) -> Bytes {
    let mut frame = vec![0, 0, 0, length, 0, 0, 0, 1, 200, 1, 0, 0];
    frame.resize(12 + usize::from(length), b'x');
    frame.into()
}

/// A frame of WebSocket as it is on the wire, with the payload that its header announces or less.
fn masked(header: &FrameHeader, length: usize, payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let header = FrameHeader { mask: Some(KEY), ..header.clone() };
    header.format(u64::try_from(length).unwrap_or(u64::MAX), &mut wire).ok();
    wire.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    wire
}

fn header(opcode: OpCode, is_final: bool) -> FrameHeader {
    FrameHeader { opcode, is_final, ..FrameHeader::default() }
}

const BINARY: OpCode = OpCode::Data(Data::Binary);
const CONTINUE: OpCode = OpCode::Data(Data::Continue);

#[derive(Debug, Default, PartialEq)]
struct Decoded {
    frames: BytesMut,
    out: BytesMut,
}

impl Decoded {
    fn take(&mut self, decoder: &mut Decoder, part: &[u8]) -> Result<ControlFlow<()>, Violation> {
        decoder.decode(&mut part.to_vec(), &mut self.frames, &mut self.out)
    }
}

fn decode(packing: Packing, wire: &[u8]) -> (Decoded, Result<ControlFlow<()>, Violation>) {
    let mut decoded = Decoded::default();
    let end = decoded.take(&mut Decoder::new(packing, LIMIT), wire);
    (decoded, end)
}

#[test]
fn what_another_implementation_sends_is_read_in_whatever_parts_it_comes() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..300 {
        let mut client = WebSocket::from_raw_socket(Wire::default(), Role::Client, None);
        let (mut frames, mut pongs) = (Vec::new(), Vec::new());
        for _ in 0..random.usize(1..20) {
            if random.u8(..4) == 0 {
                let ping = Bytes::from(vec![b'p'; random.usize(..=125)]);
                pongs.push(Message::Pong(ping.clone()));
                client.send(Message::Ping(ping)).ok();
            } else {
                let frame = frame(random.u8(..));
                frames.extend_from_slice(&frame);
                client.send(Message::Binary(frame)).ok();
            }
        }
        let mut decoder = Decoder::new(Packing::Bare, LIMIT);
        let (mut decoded, mut wire) = (Decoded::default(), &client.get_ref().written[..]);
        let most = random.usize(1..200);
        while !wire.is_empty() {
            let (part, rest) = wire.split_at(random.usize(1..=most).min(wire.len()));
            let end = decoded.take(&mut decoder, part);
            assert_eq!(end, Ok(ControlFlow::Continue(())));
            wire = rest;
        }
        assert_eq!(decoded.frames, frames);
        assert_eq!(read_all(&decoded.out), pongs);
    }
}

#[test]
fn fragments_become_one_message_with_pings_in_between() {
    let frame = frame(100);
    let ping = masked(&header(OpCode::Control(Control::Ping), true), 1, b"?");
    let wire = [
        masked(&header(BINARY, false), 0, b""),
        masked(&header(CONTINUE, false), 40, &frame[..40]),
        ping.clone(),
        masked(&header(CONTINUE, false), 72, &frame[40..]),
        masked(&header(CONTINUE, true), 0, b""),
    ]
    .concat();
    for cut in 0..wire.len() {
        let (mut decoder, mut decoded) = (Decoder::new(Packing::Bare, LIMIT), Decoded::default());
        for part in [&wire[..cut], &wire[cut..]] {
            assert_eq!(decoded.take(&mut decoder, part), Ok(ControlFlow::Continue(())), "{cut}");
        }
        assert_eq!(decoded.frames, frame, "{cut}");
        assert_eq!(read_all(&decoded.out), [Message::Pong("?".into())], "{cut}");
    }
}

#[test]
fn what_is_not_allowed_ends_the_reading_behind_what_came_before() {
    let good = masked(&header(BINARY, true), 12, &frame(0));
    let most = Packing::Bare.max_message_size(LIMIT);
    let unmasked = [&[0x82, 12][..], &frame(0)].concat();
    let cases = [
        (unmasked, Violation::NotMasked),
        (masked(&FrameHeader { rsv1: true, ..header(BINARY, true) }, 0, b""), Violation::Reserved),
        (masked(&FrameHeader { rsv3: true, ..header(BINARY, true) }, 0, b""), Violation::Reserved),
        (vec![0x83, 0x80, 0, 0, 0, 0], Violation::Reserved),
        (vec![0x8b, 0x80, 0, 0, 0, 0], Violation::Reserved),
        (masked(&header(OpCode::Control(Control::Ping), false), 0, b""), Violation::Control),
        (masked(&header(OpCode::Control(Control::Ping), true), 126, b""), Violation::Control),
        (masked(&header(CONTINUE, true), 0, b""), Violation::Fragment),
        ([masked(&header(BINARY, false), 0, b""), good.clone()].concat(), Violation::Fragment),
        (masked(&header(BINARY, true), most + 1, b""), Violation::TooLong { most }),
        (masked(&header(BINARY, true), usize::MAX, b""), Violation::TooLong { most }),
        (masked(&header(OpCode::Data(Data::Text), true), 2, b"hi"), Violation::Text),
        (masked(&header(BINARY, true), 0, b""), Violation::NotOneFrame),
        (masked(&header(BINARY, true), 11, &frame(0)[..11]), Violation::NotOneFrame),
        (masked(&header(BINARY, true), 24, &[frame(0), frame(0)].concat()), Violation::NotOneFrame),
        (
            masked(&header(BINARY, true), 13, &[&frame(0)[..], b"!"].concat()),
            Violation::NotOneFrame,
        ),
    ];
    for (bad, violation) in cases {
        let (decoded, end) = decode(Packing::Bare, &[&good[..], &bad, &good].concat());
        assert_eq!((&decoded.frames[..], end), (&frame(0)[..], Err(violation)));
    }
}

#[test]
fn fragments_count_together() {
    let most = Packing::Bare.max_message_size(LIMIT);
    let first = masked(&header(BINARY, false), most, &vec![0; most]);
    let empty = masked(&header(CONTINUE, false), 0, b"");
    let (_, end) = decode(Packing::Bare, &[&first[..], &empty].concat());
    assert_eq!(end, Ok(ControlFlow::Continue(())));
    let one_more = masked(&header(CONTINUE, false), 1, b"");
    let (_, end) = decode(Packing::Bare, &[first, empty, one_more].concat());
    assert_eq!(end, Err(Violation::TooLong { most }));
}

#[test]
fn a_length_that_the_protocol_refuses_is_passed_on() {
    let mut too_long = frame(0).to_vec();
    too_long[..4].copy_from_slice(&1_000_u32.to_be_bytes());
    let (decoded, end) = decode(Packing::Bare, &masked(&header(BINARY, true), 12, &too_long));
    assert_eq!((&decoded.frames[..], end), (&too_long[..], Ok(ControlFlow::Continue(()))));
}

#[test]
fn a_close_frame_or_packet_ends_the_reading() {
    let close = masked(&header(OpCode::Control(Control::Close), true), 2, &1000_u16.to_be_bytes());
    assert_eq!(decode(Packing::Bare, &close).1, Ok(ControlFlow::Break(())));
    let packet = masked(&header(OpCode::Data(Data::Text), true), 1, b"1");
    assert_eq!(decode(Packing::EngineIo, &packet).1, Ok(ControlFlow::Break(())));
}

#[test]
fn engine_io_is_read_in_bytes_and_in_base64_and_pings_are_answered() {
    let text = OpCode::Data(Data::Text);
    let wire = [
        masked(&header(BINARY, true), 13, &[&[4], &frame(0)[..]].concat()),
        masked(&header(text, true), 18, b"b4AAAAAAAAAAHIAQAA"),
        masked(&header(text, true), 6, b"2probe"),
        masked(&header(text, true), 1, b"5"),
    ]
    .concat();
    let (decoded, end) = decode(Packing::EngineIo, &wire);
    assert_eq!(end, Ok(ControlFlow::Continue(())));
    assert_eq!(decoded.frames, [frame(0), frame(0)].concat());
    assert_eq!(read_all(&decoded.out), [Message::text("3probe")]);
    for (bad, violation) in [(&b"\xff"[..], Violation::Utf8), (b"4hello", Violation::Packet)] {
        let bad = masked(&header(text, true), bad.len(), bad);
        assert_eq!(decode(Packing::EngineIo, &bad).1, Err(violation));
    }
}

#[test]
fn what_is_written_another_implementation_reads() {
    let mut frames = BytesMut::new();
    for length in [0, 113, 114, 255] {
        frames.put_slice(&frame(length));
    }
    let expected = |kind: &[u8]| {
        let message = |length| Message::Binary([kind, &frame(length)].concat().into());
        [0, 113, 114, 255].map(message)
    };
    for (packing, kind) in [(Packing::Bare, &[][..]), (Packing::EngineIo, &[4])] {
        let mut out = BytesMut::new();
        put_messages(packing, &mut frames.clone(), &mut out);
        assert_eq!(read_all(&out), expected(kind));
    }
    let mut out = BytesMut::new();
    put_greeting(Packing::EngineIo, Duration::from_secs(9), &mut out);
    put_close(CloseCode::Away, &mut out);
    let read = read_all(&out);
    assert!(matches!(&read[0], Message::Text(open) if open.starts_with("0{")), "{read:?}");
    assert!(matches!(&read[1], Message::Close(Some(close)) if close.code == CloseCode::Away));
    let length = out.len();
    put_greeting(Packing::Bare, Duration::from_secs(9), &mut out);
    assert_eq!(out.len(), length);
}
