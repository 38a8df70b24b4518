//! The routes, and the server that serves them.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::connection::admit;
use crate::http::account::{demo, whoami};
use crate::http::operator::{health, metrics};
use crate::http::page::page;
use crate::http::trace::trace;
use crate::service::Service;
use crate::tls::{Tls, TlsListener};
use crate::ws;

/// Serves HTTP until the server stops.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    service: Arc<Service>,
) -> io::Result<()> {
    let stopped = service.stopping.clone().cancelled_owned();
    let app = routes(Arc::clone(&service));
    if let Some(tls) = tls {
        let listener = TlsListener::new(listener, tls, Arc::clone(&service.metrics));
        return axum::serve(listener, app).with_graceful_shutdown(stopped).await;
    }
    // Frames are not delayed (S8). With an error the connection has gone already.
    let listener = listener.tap_io(|socket| _ = socket.set_nodelay(true));
    axum::serve(listener, app).with_graceful_shutdown(stopped).await
}

fn routes(service: Arc<Service>) -> Router {
    page()
        .route("/demo", get(demo))
        .route("/whoami", get(whoami))
        .route("/trace", get(trace))
        .route("/ws", get(upgrade))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .with_state(service)
}

async fn upgrade(State(service): State<Arc<Service>>, upgrade: WebSocketUpgrade) -> Response {
    // A message is a frame: a longer one is refused, so it need not be read.
    let most = usize::try_from(service.limits.frame.get()).unwrap_or(usize::MAX).saturating_add(64);
    upgrade.max_message_size(most).on_upgrade(async move |socket| {
        admit(&service, |service| ws::serve(socket, service));
    })
}
