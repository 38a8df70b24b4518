//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::BytesMut;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::connection::{self, End, EndLog, Framing, Guest, start};
use crate::http;
use crate::places::{Full, Places};
use crate::server::{proxy_header, socket};
use crate::service::Service;
use crate::tls::{Stream, Tls};

/// What is served on a listener, and to whom.
pub(super) struct Port {
    pub(super) protocol: Protocol,
    pub(super) places: Arc<Places>,
    pub(super) tls: Option<Arc<Tls>>,
    /// Whether connections begin with a header of the PROXY protocol.
    pub(super) is_proxied: bool,
    pub(super) unreachable_timeout: Duration,
    pub(super) service: Arc<Service>,
    pub(super) log: EndLog,
}

/// What a port speaks.
pub(super) enum Protocol {
    Frames,
    Http(Router),
}

impl Port {
    /// Accepts connections until the server stops.
    pub(super) async fn accept(self, listener: TcpListener) {
        let port = Arc::new(self);
        let stopping = port.service.stopping.clone();
        stopping.run_until_cancelled(port.accept_all(&listener)).await;
    }

    async fn accept_all(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => {
                    if let Some(guest) = self.admit(peer) {
                        self.spawn(socket, guest);
                    }
                    // So that the evicted end and those that have sent their login are read, even
                    // if more connections come than can be served.
                    yield_now().await;
                }
                Err(error) if is_of_connection(&error) => {}
                Err(error) => {
                    // For example without free file handles. Connections go on, and some will end.
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// A place for a connection. Behind a proxy its address is not known yet.
    fn admit(&self, peer: SocketAddr) -> Option<Guest> {
        let address = (!self.is_proxied).then(|| peer.ip());
        let Ok(place) = self.places.enter(address) else {
            self.service.metrics.close(End::TooMany.reason());
            self.log.note(peer, None, End::TooMany);
            return None;
        };
        Some(Guest { peer, accepted: Instant::now(), place, log: self.log.clone() })
    }

    fn spawn(self: &Arc<Self>, socket: TcpStream, guest: Guest) {
        let port = Arc::clone(self);
        match &self.protocol {
            Protocol::Frames => {
                start(&self.service, |service| port.serve_frames(socket, guest, service));
            }
            Protocol::Http(routes) => {
                let routes = routes.clone();
                self.service.connections.spawn(port.serve_http(socket, guest, routes));
            }
        }
    }

    async fn serve_frames(
        self: Arc<Self>,
        socket: TcpStream,
        guest: Guest,
        service: Arc<Service>,
    ) -> End {
        let peer = guest.peer;
        // Boxed, since a connection that goes on has no use for the memory.
        match Box::pin(self.begin(socket, guest)).await {
            Ok((stream, guest)) => {
                connection::serve(stream, Framing::Plain, BytesMut::new(), guest, service).await
            }
            Err(end) => {
                self.log.note(peer, None, end);
                end
            }
        }
    }

    /// Connections that just leave are not counted.
    async fn serve_http(self: Arc<Self>, socket: TcpStream, guest: Guest, routes: Router) {
        let mut peer = guest.peer;
        let end = match Box::pin(self.begin(socket, guest)).await {
            Ok((stream, guest)) => {
                peer = guest.peer;
                http::serve(stream, guest, &routes, &self.service.stopping).await
            }
            Err(end) => end,
        };
        self.log.note(peer, None, end);
        if matches!(end, End::Evicted | End::Proxy | End::Tls | End::TooMany) {
            self.service.metrics.close(end.reason());
        }
    }

    /// What comes before the protocol: the header of a proxy, and the TLS handshake. Both count
    /// towards the login timeout.
    async fn begin(&self, socket: TcpStream, guest: Guest) -> Result<(Stream, Guest), End> {
        socket::prepare(&socket, self.unreachable_timeout).map_err(|_| End::Io)?;
        let (socket, guest) = self.identified(socket, guest).await?;
        let stream = match &self.tls {
            None => Stream::Plain(socket),
            Some(tls) => {
                self.in_time(&guest, End::Tls, tls.shake_hands(socket, guest.peer)).await?
            }
        };
        Ok((stream, guest))
    }

    /// The guest under the address of the client, if a proxy names one.
    async fn identified(
        &self,
        mut socket: TcpStream,
        guest: Guest,
    ) -> Result<(TcpStream, Guest), End> {
        if !self.is_proxied {
            return Ok((socket, guest));
        }
        let header = proxy_header::read(&mut socket);
        let client = self.in_time(&guest, End::Proxy, header).await?;
        let Guest { peer, accepted, place, log } = guest;
        let peer = client.unwrap_or(peer);
        drop(place);
        let place = self.places.enter(Some(peer.ip())).map_err(|Full| End::TooMany)?;
        Ok((socket, Guest { peer, accepted, place, log }))
    }

    /// Runs a step unless it takes too long, the guest has to give way or the server stops.
    async fn in_time<T>(
        &self,
        guest: &Guest,
        too_late: End,
        step: impl Future<Output = Result<T, End>>,
    ) -> Result<T, End> {
        let deadline = guest.accepted + self.service.limits.login_timeout;
        let stopping: &CancellationToken = &self.service.stopping;
        tokio::select! {
            done = timeout_at(deadline, step) => done.unwrap_or(Err(too_late)),
            () = guest.place.evicted() => Err(End::Evicted),
            () = stopping.cancelled() => Err(End::Stopping),
        }
    }
}

/// Whether an error concerns one connection, which has gone before it was accepted.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(100);
