//! Clients over WebSocket: bare frames at `/ws`, Engine.IO at `/engine.io/`.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};

use crate::connection::start;
use crate::engine_io::{Handshake, Refusal};
use crate::http::guest::Admitted;
use crate::service::Service;
use crate::ws::{self, Packing};

pub(super) async fn bare(
    State(service): State<Arc<Service>>,
    Extension(admitted): Extension<Admitted>,
    upgrade: WebSocketUpgrade,
) -> Response {
    accept(upgrade, Packing::Bare, admitted, service)
}

/// Engine.IO without polling. What it refuses it refuses with an error that clients can read.
pub(super) async fn engine_io(
    State(service): State<Arc<Service>>,
    Extension(admitted): Extension<Admitted>,
    query: Result<Query<Handshake>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, (StatusCode, Json<Refusal>)> {
    let refuse = |refusal| (StatusCode::BAD_REQUEST, Json(refusal));
    let Query(handshake) = query.map_err(|_| refuse(Refusal::REQUEST))?;
    handshake.check().map_err(refuse)?;
    let upgrade = upgrade.map_err(|_| refuse(Refusal::REQUEST))?;
    Ok(accept(upgrade, Packing::EngineIo, admitted, service))
}

fn accept(
    upgrade: WebSocketUpgrade,
    packing: Packing,
    admitted: Admitted,
    service: Arc<Service>,
) -> Response {
    let most = packing.max_message_size(service.limits.frame);
    // A part of a message is bounded as well: its length is reserved before it is there.
    upgrade.max_message_size(most).max_frame_size(most).on_upgrade(async move |socket| {
        if let Some(guest) = admitted.take() {
            start(&service, |service| ws::serve(socket, packing, guest, service));
        }
    })
}
