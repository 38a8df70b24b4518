//! Publishing to a stream: stored once, however often it is sent.

use std::error::Error as _;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use kefu_proto::Command;
use tokio::time::timeout;

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::subject;
use crate::store::jetstream::timing::ANSWER_TIMEOUT;
use crate::store::observer::PushBound;

/// A message to be published.
pub(super) struct Publication {
    subject: Subject,
    headers: HeaderMap,
    body: Bytes,
}

impl Publication {
    /// `name` is the `Nats-Msg-Id`, by which the stream recognises a repeat.
    pub(super) fn new(subject: String, name: String, command: Command, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, name);
        headers.insert(subject::COMMAND, command.0.to_string());
        Self { subject: subject.into(), headers, body }
    }

    pub(super) fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.insert(header, value);
        self
    }
}

impl JetStream {
    /// Publishes until the stream has acknowledged the message.
    ///
    /// # Errors
    ///
    /// [`JetStreamError::Timeout`]: NATS was away for longer than it recognises a repeat.
    pub(super) async fn publish(
        &self,
        publication: &Publication,
    ) -> Result<PublishAck, JetStreamError> {
        self.persistently("publishing", || self.publish_once(publication)).await
    }

    async fn publish_once(&self, publication: &Publication) -> Result<PublishAck, JetStreamError> {
        // Without a connection the client would buffer it, and send it after the last attempt.
        self.require_connection()?;
        let Publication { subject, headers, body } = publication;
        let context = &self.inner.context;
        let sent = context.publish_with_headers(subject.clone(), headers.clone(), body.clone());
        let acknowledged = async { sent.await?.await };
        match timeout(2 * ANSWER_TIMEOUT, acknowledged).await {
            Ok(Ok(ack)) => stored(ack),
            Ok(Err(error)) => Err(refused(&error)),
            Err(_) => Err(JetStreamError::nats("no answer")),
        }
    }
}

/// What a refusal means for further attempts.
fn refused(error: &PublishError) -> JetStreamError {
    // The client refuses it: NATS would close the connection.
    if error.kind() == PublishErrorKind::MaxPayloadExceeded {
        return JetStreamError::TooLong;
    }
    let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    match refusal.map(|refusal| (refusal.error_code(), refusal.to_string())) {
        Some((ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM, _)) => JetStreamError::TooLong,
        Some((ErrorCode::STREAM_STORE_FAILED, why)) if why.contains(FULL_FOR_RECEIVER) => {
            JetStreamError::Full(PushBound::Account)
        }
        Some((ErrorCode::STREAM_STORE_FAILED, why)) if why.contains(FULL) => {
            JetStreamError::Full(PushBound::All)
        }
        _ => JetStreamError::nats(error),
    }
}

/// What NATS says of a stream that discards new messages.
const FULL: &str = "maximum messages exceeded";
const FULL_FOR_RECEIVER: &str = "maximum messages per subject exceeded";

/// A leader may acknowledge a repeat before it has stored the message, and after an election it may
/// never store it. Such an acknowledgement has no sequence.
fn stored(ack: PublishAck) -> Result<PublishAck, JetStreamError> {
    if ack.sequence == 0 { Err(JetStreamError::nats("not stored yet")) } else { Ok(ack) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn h8_what_is_not_stored_yet_is_not_taken_for_stored() {
        let ack = |sequence: u64| {
            let ack = format!(r#"{{"stream":"s","seq":{sequence},"duplicate":true}}"#);
            stored(serde_json::from_str(&ack).unwrap())
        };
        assert!(ack(0).is_err());
        assert_eq!(ack(1).unwrap().sequence, 1);
    }
}
