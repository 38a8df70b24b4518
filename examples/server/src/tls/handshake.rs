//! The handshake.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::connection::End;
use crate::tls::certificate::Tls;
use crate::tls::stream::{Stream, TlsStream};

impl Tls {
    /// The stream behind the handshake. Whoever calls this sets a timeout.
    ///
    /// # Errors
    ///
    /// Why the connection has ended.
    pub async fn shake_hands(&self, socket: TcpStream, peer: SocketAddr) -> Result<Stream, End> {
        match self.acceptor().accept(socket).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(TlsStream::new(stream)))),
            Err(error) => {
                tracing::debug!(%peer, %error, "no TLS handshake");
                Err(match error.kind() {
                    io::ErrorKind::UnexpectedEof => End::Left,
                    io::ErrorKind::InvalidData => End::Tls,
                    _ => End::Io,
                })
            }
        }
    }
}
