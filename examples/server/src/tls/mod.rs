//! TLS on both ports.

mod certificate;
mod error;
mod handshake;
mod stream;

pub use certificate::Tls;
pub use error::TlsError;
pub use stream::Stream;
