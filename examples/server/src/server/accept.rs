//! Accepting connections over TCP.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::connection::{self, End, Framing, Guest, admit, start};
use crate::service::Service;
use crate::tls::Tls;

/// Accepts TCP connections, forever.
pub(super) async fn accept(listener: &TcpListener, tls: Option<&Tls>, service: &Arc<Service>) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                let Some(guest) = admit(service, peer) else { continue };
                match tls.cloned() {
                    None => start(service, |service| serve(socket, guest, service)),
                    Some(tls) => start(service, |service| tls.serve(socket, guest, service)),
                }
            }
            Err(error) => {
                // For example without free file handles. Connections go on, and some will end.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, guest: Guest, service: Arc<Service>) -> End {
    // Frames are not delayed (S8).
    if socket.set_nodelay(true).is_err() {
        return End::Io;
    }
    connection::serve(socket, Framing::Plain, BytesMut::new(), guest, service).await
}

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(100);
