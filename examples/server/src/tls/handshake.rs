//! The handshake, and the connection of a client over TCP.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::connection::{self, End, Framing, Guest, log_end};
use crate::service::Service;
use crate::tls::certificate::Tls;

impl Tls {
    /// Serves a TCP connection and returns why it has ended. The handshake is part of the login and
    /// counts towards its timeout.
    pub async fn serve(self, socket: TcpStream, guest: Guest, service: Arc<Service>) -> End {
        let stream = tokio::select! {
            stream = self.shake_hands(socket, service.limits.login_timeout) => stream,
            () = service.stopping.cancelled() => Err(End::Stopping),
            () = guest.place.evicted() => Err(End::Evicted),
        };
        match stream {
            Ok(stream) => {
                connection::serve(stream, Framing::Plain, BytesMut::new(), guest, service).await
            }
            Err(end) => {
                log_end(guest.peer, None, end);
                end
            }
        }
    }

    pub(super) async fn shake_hands(
        &self,
        socket: TcpStream,
        most: Duration,
    ) -> Result<TlsStream<TcpStream>, End> {
        // Frames are not delayed (S8).
        socket.set_nodelay(true).map_err(|_| End::Io)?;
        match timeout(most, self.0.accept(socket)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no TLS handshake");
                Err(match error.kind() {
                    io::ErrorKind::UnexpectedEof => End::Left,
                    io::ErrorKind::InvalidData => End::Tls,
                    _ => End::Io,
                })
            }
            Err(_) => Err(End::Tls),
        }
    }
}
