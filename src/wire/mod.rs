//! Frames in and out (W1, W2, W7, W8), and nothing else: what a body says is not known here.

mod decoder;
mod encode;
mod error;
mod field;
mod frame;
mod header;
mod limit;
mod view;
mod writer;

pub use decoder::FrameDecoder;
pub use encode::Encode;
pub(crate) use encode::{Head, Layout, check_body_len, check_room, put_frame};
pub use error::{DecodeError, EncodeError};
pub use field::{Command, Flags, Version};
pub use frame::Frame;
pub use header::Header;
pub use limit::FrameLimit;
pub(crate) use view::View;
pub use writer::FrameWriter;
