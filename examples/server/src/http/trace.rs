//! The live trace, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::broadcast::error::RecvError;

use crate::http::account::{Credentials, account};
use crate::service::Service;

/// The events of the messages that the token's account sends or receives.
pub(super) async fn trace(
    State(service): State<Arc<Service>>,
    Query(Credentials { token }): Query<Credentials>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, StatusCode> {
    let account = account(&service, &token).await?;
    let events = stream::unfold(service.trace.subscribe(), move |mut events| async move {
        let event = loop {
            match events.recv().await {
                Ok(event) if event.concerns(account) => {
                    break Event::default().json_data(&*event).ok()?;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    break Event::default().event("missed").data(missed.to_string());
                }
                Err(RecvError::Closed) => return None,
            }
        };
        Some((Ok(event), events))
    });
    let events = events.take_until(service.stopping.clone().cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
