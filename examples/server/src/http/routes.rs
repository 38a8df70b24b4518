//! The routes of the HTTP port and of the operator's.

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Extension, Router};

use crate::http::account::{demo, whoami};
use crate::http::operator::{health, metrics};
use crate::http::origin::{Origins, check_origin};
use crate::http::page::page;
use crate::http::trace::{Watchers, trace};
use crate::http::web_socket::{bare, engine_io};
use crate::service::Service;

/// The page and what it asks for, and WebSocket clients: those of pages of the given origins, or all
/// if none are given. An account may have so many traces.
pub fn public(service: Arc<Service>, origins: Vec<String>, account_traces: u32) -> Router {
    let sockets = Router::new()
        .route("/ws", get(bare))
        .route("/engine.io/", get(engine_io))
        .route_layer(from_fn_with_state(Origins::new(origins), check_origin));
    page()
        .route("/demo", get(demo))
        .route("/whoami", get(whoami))
        .route("/trace", get(trace).layer(Extension(Watchers::new(account_traces))))
        .merge(sockets)
        .with_state(service)
}

/// Metrics and health.
pub fn operator(service: Arc<Service>) -> Router {
    Router::new().route("/metrics", get(metrics)).route("/healthz", get(health)).with_state(service)
}
