//! Faults in the bytes that a host writes.

use bytes::{Bytes, BytesMut};
use kefu_proto::{Command, Encode, Flags, Frame, FrameDecoder, FrameLimit, Seq};

use super::Fault;

/// What a host with this fault writes on a connection that has had `written` frames so far.
pub(super) fn tamper(fault: Option<Fault>, mut out: BytesMut, written: &mut i32) -> Vec<u8> {
    let mut frames = Vec::new();
    while let Some(frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut out).unwrap() {
        frames.push(frame);
    }
    match fault {
        Some(Fault::SeparateMetadata) => separate(&mut frames),
        Some(Fault::NoSelf) => frames.iter_mut().for_each(|frame| {
            if frame.command == Command::CUSTOMER_V2 {
                frame.flags = frame.flags.without(Flags::SELF);
            }
        }),
        Some(Fault::DropContent) => frames.iter_mut().for_each(drop_content),
        Some(Fault::AckWrongSeq) => frames.iter_mut().for_each(|frame| {
            if frame.command == Command::ACK {
                let mut body = frame.body.to_vec();
                body[3] ^= 1;
                frame.body = body.into();
            }
        }),
        _ => {}
    }
    let mut bytes = Vec::new();
    for frame in &mut frames {
        *written += 1;
        // A fault may have put frames in that have no number yet.
        frame.seq = if fault == Some(Fault::WrongNumbers) { Seq(1) } else { Seq(*written) };
        frame.encode(&mut bytes).unwrap();
    }
    bytes
}

/// METADATA, message, notify: the last two change places.
fn separate(frames: &mut [Frame]) {
    let found = frames.windows(3).position(|frames| {
        frames[0].command == Command::METADATA && frames[2].command == Command::SYNC_NOTIFY
    });
    if let Some(first) = found {
        frames.swap(first + 1, first + 2);
    }
}

/// A message of which only the fixed part is left.
fn drop_content(frame: &mut Frame) {
    let is_chat = [Command::CUSTOMER, Command::CUSTOMER_SUPPORT, Command::CUSTOMER_V2]
        .contains(&frame.command);
    if is_chat {
        frame.body = Bytes::copy_from_slice(&frame.body[..36]);
    }
}
