//! Engine.IO, revision 3 of its protocol, as far as a server needs it that has WebSocket as its
//! only transport.

mod handshake;
mod packet;

pub use handshake::{Handshake, Refusal};
pub use packet::{MESSAGE, Packet, encoded_len, open, parse_binary, parse_text};
