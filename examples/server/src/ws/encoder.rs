//! Frames of a server, which are not masked.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use kefu_proto::{FrameDecoder, FrameLimit};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::engine_io;
use crate::ws::packing::Packing;

/// Appends each frame of the protocol as a message of its own. All of them are taken.
pub fn put_messages(packing: Packing, frames: &mut BytesMut, out: &mut BytesMut) {
    let decoder = FrameDecoder::new(FrameLimit::MAX);
    while let Ok(Some(frame)) = decoder.cut(frames) {
        let kind = match packing {
            Packing::Bare => &[][..],
            Packing::EngineIo => &[engine_io::MESSAGE],
        };
        put(OpCode::Data(Data::Binary), kind, &frame, out);
    }
    debug_assert!(frames.is_empty(), "frames are written whole");
}

/// Appends what the server says first.
pub fn put_greeting(packing: Packing, idle_timeout: Duration, out: &mut BytesMut) {
    match packing {
        Packing::Bare => {}
        Packing::EngineIo => put_text(&engine_io::open(idle_timeout), out),
    }
}

pub(super) fn put_text(text: &str, out: &mut BytesMut) {
    put(OpCode::Data(Data::Text), &[], text.as_bytes(), out);
}

pub(super) fn put_pong(payload: &[u8], out: &mut BytesMut) {
    put(OpCode::Control(Control::Pong), &[], payload, out);
}

/// Appends a close frame.
pub fn put_close(code: CloseCode, out: &mut BytesMut) {
    put(OpCode::Control(Control::Close), &[], &u16::from(code).to_be_bytes(), out);
}

fn put(opcode: OpCode, kind: &[u8], payload: &[u8], out: &mut BytesMut) {
    let length = kind.len().saturating_add(payload.len());
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    // 2^64 bytes fit into no memory, and writing into a buffer does not fail.
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let _ = header.format(length, &mut out.writer());
    out.put_slice(kind);
    out.put_slice(payload);
}
