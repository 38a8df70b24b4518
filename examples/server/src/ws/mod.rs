//! Clients over WebSocket. A message is one frame, in both directions (S9), bare or in a packet of
//! Engine.IO. Apart from that a WebSocket is served like any byte stream.

mod from_client;
mod packing;
mod serve;
mod to_client;

pub use packing::Packing;
pub use serve::serve;
