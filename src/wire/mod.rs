//! Frames in and out: bytes on one side, typed messages on the other. Nothing here knows the rules of the handler.

mod body;
mod encode;
mod frame;
mod header;

pub use encode::{Encode, FrameWriter};
pub(crate) use encode::{Head, Layout};
pub use frame::{Frame, FrameDecoder, FrameLimit, Incoming};
pub use header::{Command, Flags, Header, Version};
