//! The routes, and the server that serves them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::routing::get;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;

use crate::http::account::{demo, whoami};
use crate::http::operator::{health, metrics};
use crate::http::page::page;
use crate::http::trace::trace;
use crate::http::web_socket::{bare, engine_io};
use crate::service::Service;
use crate::tls::{Tls, TlsListener};

/// Serves HTTP until the server stops.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    service: Arc<Service>,
) -> io::Result<()> {
    let stopped = service.stopping.clone().cancelled_owned();
    let app = routes(Arc::clone(&service)).into_make_service_with_connect_info::<Peer>();
    if let Some(tls) = tls {
        let listener = TlsListener::new(listener, tls, Arc::clone(&service.metrics));
        return axum::serve(listener, app).with_graceful_shutdown(stopped).await;
    }
    axum::serve(listener, app).with_graceful_shutdown(stopped).await
}

/// Whose request it is.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

fn routes(service: Arc<Service>) -> Router {
    page()
        .route("/demo", get(demo))
        .route("/whoami", get(whoami))
        .route("/trace", get(trace))
        .route("/ws", get(bare))
        .route("/engine.io/", get(engine_io))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .with_state(service)
}
