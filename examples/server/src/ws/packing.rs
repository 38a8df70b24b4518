//! What a frame is packed into.

use kefu_proto::FrameLimit;

use crate::engine_io;

/// How the frames of a client become WebSocket messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Packing {
    /// A binary message is a frame.
    Bare,
    /// A message is a packet of Engine.IO. From a client a frame comes in bytes or in base64; to it
    /// each goes in bytes.
    EngineIo,
}

impl Packing {
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
