//! TLS on both ports.

mod certificate;
mod error;
mod handshake;
mod listener;
mod stream;

pub use certificate::Tls;
pub use error::TlsError;
pub use listener::TlsListener;
pub use stream::HttpStream;
