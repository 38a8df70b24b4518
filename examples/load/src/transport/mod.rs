//! What carries the bytes of a connection: TCP or TLS, with or without WebSocket.

mod endpoint;
mod error;
mod socket;
mod stream;
mod tls;
mod web_socket;

pub(crate) use endpoint::{Carrier, Dialer, Endpoint};
pub use error::{TlsError, TransportError};
pub(crate) use socket::Transport;
pub(crate) use stream::Stream;
