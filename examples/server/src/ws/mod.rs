//! The framing of WebSocket (RFC 6455), without I/O. A message is one frame, in both directions
//! (S9), bare or in a packet of Engine.IO.

mod decoder;
mod encoder;
mod header;
mod mask;
mod packing;
#[cfg(test)]
mod tests;
mod violation;

pub use decoder::Decoder;
pub use encoder::{put_close, put_greeting, put_messages};
pub use packing::Packing;
pub use violation::Violation;
