//! What clients may not send.

use thiserror::Error;
use tungstenite::protocol::frame::coding::CloseCode;

/// Why nothing more is read of a WebSocket.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Violation {
    #[error("a frame is not masked")]
    NotMasked,
    #[error("a frame has a reserved bit or opcode")]
    Reserved,
    #[error("a control frame is fragmented, or longer than 125 bytes")]
    Control,
    #[error("a fragment belongs to no message, or a message begins within another")]
    Fragment,
    #[error("a message is longer than {most} bytes")]
    TooLong { most: usize },
    #[error("a message is text")]
    Text,
    #[error("a text is not UTF-8")]
    Utf8,
    #[error("a message is no packet of Engine.IO that carries a frame")]
    Packet,
    #[error("a message is not exactly one frame")]
    NotOneFrame,
}

impl Violation {
    /// What the close frame says.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::NotMasked | Self::Reserved | Self::Control | Self::Fragment => {
                CloseCode::Protocol
            }
            Self::TooLong { .. } => CloseCode::Size,
            Self::Text => CloseCode::Unsupported,
            Self::Utf8 | Self::Packet | Self::NotOneFrame => CloseCode::Invalid,
        }
    }
}
