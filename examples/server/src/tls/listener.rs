//! TLS for the HTTP port.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

use crate::connection::End;
use crate::metrics::Metrics;
use crate::tls::certificate::Tls;
use crate::tls::stream::HttpStream;

/// Accepts connections for HTTP once their handshake is done.
pub struct TlsListener {
    listener: TcpListener,
    tls: Tls,
    metrics: Arc<Metrics>,
    /// One task for each handshake, so that none delays another.
    handshakes: JoinSet<Result<(TlsStream<TcpStream>, SocketAddr), End>>,
}

impl TlsListener {
    pub fn new(listener: TcpListener, tls: Tls, metrics: Arc<Metrics>) -> Self {
        Self { listener, tls, metrics, handshakes: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = HttpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (HttpStream, SocketAddr) {
        loop {
            tokio::select! {
                (socket, from) = Listener::accept(&mut self.listener) => {
                    let tls = self.tls.clone();
                    self.handshakes.spawn(async move {
                        Ok((tls.shake_hands(socket, HANDSHAKE_TIMEOUT).await?, from))
                    });
                }
                Some(done) = self.handshakes.join_next() => match done {
                    Ok(Ok((stream, from))) => return (HttpStream::new(stream), from),
                    Ok(Err(End::Tls)) => self.metrics.close(End::Tls.reason()),
                    // As without TLS, connections to this port that just leave are not counted.
                    Ok(Err(_)) | Err(_) => {}
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// How long a handshake for HTTP may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
