//! Metrics and health.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::service::Service;

pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, KIND)], service.metrics.text()).into_response()
}

/// The readiness probe.
pub(super) async fn health(State(service): State<Arc<Service>>) -> (StatusCode, String) {
    let health = service.health();
    let status = if health.is_good() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, health.to_string())
}
