//! What a frame is packed into.

use std::time::Duration;

use axum::extract::ws::Message;
use bytes::Bytes;
use kefu_proto::FrameLimit;

use crate::engine_io::{self, Packet};

/// How the frames of a client become WebSocket messages.
#[derive(Clone, Copy)]
pub enum Packing {
    /// A binary message is a frame.
    Bare,
    /// A message is a packet of Engine.IO. From a client a frame comes in bytes or in base64; to it
    /// each goes in bytes.
    EngineIo,
}

/// What a message says.
pub(super) enum Unpacked {
    /// These bytes should be one frame.
    Frame(Bytes),
    /// To be answered with this.
    Ping {
        pong: Message,
    },
    Nothing,
}

impl Packing {
    /// What the server says first.
    pub(super) fn greeting(self, idle_timeout: Duration) -> Option<Message> {
        match self {
            Self::Bare => None,
            Self::EngineIo => Some(Message::text(engine_io::open(idle_timeout))),
        }
    }

    pub(super) fn pack(self, frame: Bytes) -> Message {
        match self {
            Self::Bare => Message::Binary(frame),
            Self::EngineIo => Message::Binary(engine_io::message(&frame)),
        }
    }

    /// `None` if the message ends the connection.
    pub(super) fn unpack(self, message: Message) -> Option<Unpacked> {
        let packet = match (self, message) {
            // Answered by the library.
            (_, Message::Ping(_) | Message::Pong(_)) => return Some(Unpacked::Nothing),
            (Self::Bare, Message::Binary(frame)) => return Some(Unpacked::Frame(frame)),
            (Self::EngineIo, Message::Binary(packet)) => engine_io::parse_binary(&packet)?,
            (Self::EngineIo, Message::Text(packet)) => engine_io::parse_text(&packet)?,
            (Self::Bare, Message::Text(_)) | (_, Message::Close(_)) => return None,
        };
        Some(match packet {
            Packet::Message(frame) => Unpacked::Frame(frame),
            Packet::Ping { pong } => Unpacked::Ping { pong: Message::text(pong) },
            Packet::Ignored => Unpacked::Nothing,
        })
    }

    /// The longest message that is read: that of a frame, and some bytes more. A frame that is
    /// longer is refused, so it need not be read.
    pub fn max_message_size(self, limit: FrameLimit) -> usize {
        let frame = usize::try_from(limit.get()).unwrap_or(usize::MAX).saturating_add(64);
        match self {
            Self::Bare => frame,
            Self::EngineIo => engine_io::encoded_len(frame),
        }
    }
}
