//! Clients over WebSocket: bare frames at `/ws`, Engine.IO at `/engine.io/`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::BytesMut;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tungstenite::handshake::derive_accept_key;

use crate::connection::{self, Framing, Guest, start};
use crate::engine_io::{Handshake, Refusal};
use crate::http::guest::Admitted;
use crate::service::Service;
use crate::tls::Stream;
use crate::ws::Packing;

pub(super) async fn bare(
    State(service): State<Arc<Service>>,
    Extension(admitted): Extension<Admitted>,
    request: Request,
) -> Response {
    match accept(request, Packing::Bare, &admitted, service) {
        Some(response) => response,
        None => (StatusCode::BAD_REQUEST, "this is for WebSocket, version 13\n").into_response(),
    }
}

/// Engine.IO without polling. What it refuses it refuses with an error that clients can read.
pub(super) async fn engine_io(
    State(service): State<Arc<Service>>,
    Extension(admitted): Extension<Admitted>,
    query: Result<Query<Handshake>, QueryRejection>,
    request: Request,
) -> Result<Response, (StatusCode, Json<Refusal>)> {
    let refuse = |refusal| (StatusCode::BAD_REQUEST, Json(refusal));
    let Query(handshake) = query.map_err(|_| refuse(Refusal::REQUEST))?;
    handshake.check().map_err(refuse)?;
    accept(request, Packing::EngineIo, &admitted, service).ok_or(refuse(Refusal::REQUEST))
}

/// The answer to an upgrade (RFC 6455, 4.2); `None` if the request is not one.
fn accept(
    mut request: Request,
    packing: Packing,
    admitted: &Admitted,
    service: Arc<Service>,
) -> Option<Response> {
    let headers = request.headers();
    let is_upgrade = has_token(headers, header::CONNECTION, "upgrade")
        && has_token(headers, header::UPGRADE, "websocket")
        && has_token(headers, header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_upgrade)?;
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
    let guest = admitted.take()?;
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            serve(upgraded, packing, guest, &service);
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Some(response)
}

/// Whether one of the header's comma-separated values is this, in any case.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// Serves the stream itself, without what HTTP has put around it.
fn serve(upgraded: Upgraded, packing: Packing, guest: Guest, service: &Arc<Service>) {
    // It is the one that the connection was made of.
    let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else { return };
    let framing = Framing::web_socket(packing, service.limits.frame);
    let (stream, read) = (parts.io.into_inner(), BytesMut::from(&parts.read_buf[..]));
    start(service, |service| connection::serve(stream, framing, read, guest, service));
}
