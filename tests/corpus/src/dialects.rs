//! Messages from anywhere, written to connections of each dialect (D2–D4, S12, W10).

mod forwarded;
mod login;
mod script;
mod translation;

use bytes::BytesMut;
use kefu_proto::{Dialect, Frame, FrameDecoder, FrameLimit};

use self::script::Script;
use crate::input::Choices;

/// The choices, and a stream of frames: what another server sends, what a store holds. The first
/// choices are whose connection it is, its version, and the bounds of an answer to a SYNC.
pub fn dialects(input: &[u8]) {
    let (choices, stream) = Choices::split(input);
    let frames = whole_frames(stream);
    let messages = forwarded::check(stream, &frames);
    for frame in &frames {
        translation::check(frame);
    }
    for dialect in [Dialect::V1, Dialect::V2, Dialect::AsSent] {
        Script::new(dialect, choices.clone()).play(&frames, &messages);
    }
}

/// Other targets test the reader of frames.
fn whole_frames(stream: &[u8]) -> Vec<Frame> {
    let (mut read, mut frames) = (BytesMut::from(stream), vec![]);
    while let Ok(Some(frame)) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut read) {
        frames.push(frame);
    }
    frames
}
