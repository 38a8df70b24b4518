//! The connection to NATS.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::SubscribeError;
use async_nats::{Client, ConnectOptions, Event};
use thiserror::Error;

use crate::store::jetstream::address::{Address, without_secrets};
use crate::store::jetstream::gaps::Gaps;
use crate::store::jetstream::streams::{Settings, SettingsError};
use crate::store::jetstream::timing::{ANSWER_TIMEOUT, RETRY_PAUSE};

/// Connects, and from then on reconnects whenever the connection is lost.
pub(super) async fn connect(url: &str, gaps: Arc<Gaps>) -> Result<Client, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { url: without_secrets(url), source };
    let address = Address::parse(url).map_err(|error| unreachable(error.into()))?;
    let options = ConnectOptions::new()
        .name("kefu-server")
        // A server serves its own connections without NATS.
        .no_echo()
        // Subjects are made of numbers.
        .skip_subject_validation(true)
        .request_timeout(Some(ANSWER_TIMEOUT))
        // A node that hangs is left for another one after two of these.
        .ping_interval(ANSWER_TIMEOUT)
        .max_reconnects(None)
        .reconnect_delay_callback(
            |attempts| if attempts < 2 { Duration::ZERO } else { RETRY_PAUSE },
        )
        .event_callback(move |event| {
            note(&event, &gaps);
            std::future::ready(())
        });
    address.log_in(options).connect(address.servers).await.map_err(unreachable)
}

/// Compares what NATS takes with what messages within the frame limit need.
pub(super) fn check_payload(client: &Client, settings: &Settings) {
    let (max_payload, frame_limit) = (client.max_payload(), settings.frame_limit);
    if max_payload < frame_limit.saturating_add(HEADERS) {
        let taken = max_payload.saturating_sub(HEADERS);
        tracing::error!(
            max_payload,
            frame_limit,
            "messages of more than {taken} bytes get no ACK, since NATS takes none; start NATS \
             with a max_payload of at least {}, or this server with --frame-limit {taken}",
            frame_limit.saturating_add(HEADERS)
        );
    }
}

/// The most bytes of a publication besides the body: its headers, or the METADATA of a live copy.
const HEADERS: usize = 512;

fn note(event: &Event, gaps: &Gaps) {
    match event {
        Event::Disconnected => {
            gaps.disconnected.send_replace(());
            tracing::warn!(%event, "NATS");
        }
        Event::SlowConsumer(_) => {
            gaps.overrun.notify_one();
            tracing::info!(%event, "NATS");
        }
        // One for each attempt to reconnect, or what this server has done itself.
        Event::ClientError(_) | Event::Closed => tracing::debug!(%event, "NATS"),
        _ => tracing::info!(%event, "NATS"),
    }
}

/// Why a server cannot use NATS.
#[derive(Debug, Error)]
pub enum ConnectError {
    #[error(
        "cannot reach NATS at {url}: {source}; start it with nats-server -js, or choose another \
         with --store"
    )]
    Unreachable { url: String, source: async_nats::ConnectError },
    #[error("NATS: {0}")]
    Subscribe(#[from] SubscribeError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
}
