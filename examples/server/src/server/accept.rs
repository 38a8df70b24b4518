//! Accepting connections over TCP.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::connection::{self, End, Liveness, admit};
use crate::service::Service;
use crate::tls::Tls;

/// Accepts TCP connections, forever.
pub(super) async fn accept(listener: &TcpListener, tls: Option<&Tls>, service: &Arc<Service>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => match tls.cloned() {
                None => admit(service, |service| serve(socket, service)),
                Some(tls) => admit(service, |service| tls.serve(socket, service)),
            },
            Err(error) => {
                // For example without free file handles. Connections go on, and some will end.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, service: Arc<Service>) -> End {
    // Frames are not delayed (S8).
    if socket.set_nodelay(true).is_err() {
        return End::Io;
    }
    let (reader, writer) = socket.into_split();
    connection::serve(reader, writer, Liveness::new(Instant::now()), service).await
}

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(100);
