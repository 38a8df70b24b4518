//! What a stream answers to a publication.

use async_nats::jetstream::{Error, ErrorCode};
use async_nats::{Message, StatusCode};
use serde::Deserialize;

use crate::store::jetstream::error::JetStreamError;
use crate::store::observer::PushBound;

/// A message is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ack {
    pub(super) sequence: u64,
    /// Whether the stream had it already.
    pub(super) is_repeat: bool,
}

impl Ack {
    /// Reads an answer.
    pub(super) fn read(answer: &Message) -> Result<Self, JetStreamError> {
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(JetStreamError::nats("no stream takes the message"));
        }
        Self::parse(&answer.payload)
    }

    fn parse(payload: &[u8]) -> Result<Self, JetStreamError> {
        let Answer { seq, duplicate, error } =
            serde_json::from_slice(payload).map_err(JetStreamError::nats)?;
        match error {
            Some(error) => Err(refused(&error)),
            // A leader may acknowledge a repeat before it has stored the message, and after an
            // election it may never store it. Such an acknowledgement has no sequence.
            None if seq == 0 => Err(JetStreamError::nats("not stored yet")),
            None => Ok(Self { sequence: seq, is_repeat: duplicate }),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<Error>,
}

/// What a refusal means for further attempts.
fn refused(refusal: &Error) -> JetStreamError {
    let why = refusal.to_string();
    match refusal.error_code() {
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => JetStreamError::TooLong,
        ErrorCode::STREAM_STORE_FAILED if why.contains(FULL_FOR_RECEIVER) => {
            JetStreamError::Full(PushBound::Account)
        }
        ErrorCode::STREAM_STORE_FAILED if why.contains(FULL) => {
            JetStreamError::Full(PushBound::All)
        }
        _ => JetStreamError::Nats(why),
    }
}

/// What NATS says of a stream that discards new messages.
const FULL: &str = "maximum messages exceeded";
const FULL_FOR_RECEIVER: &str = "maximum messages per subject exceeded";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(answer: &str) -> Result<Ack, JetStreamError> {
        Ack::parse(answer.as_bytes())
    }

    #[test]
    fn h8_what_is_not_stored_yet_is_not_taken_for_stored() {
        assert!(parse(r#"{"stream":"s","seq":0,"duplicate":true}"#).is_err());
        let ack = parse(r#"{"stream":"s","seq":1,"duplicate":true}"#);
        assert_eq!(ack.ok(), Some(Ack { sequence: 1, is_repeat: true }));
        let ack = parse(r#"{"stream":"s","seq":2,"domain":"d"}"#);
        assert_eq!(ack.ok(), Some(Ack { sequence: 2, is_repeat: false }));
        assert!(parse("{}").is_err() && parse("").is_err());
    }

    #[test]
    fn refusals_have_types() {
        let refusal = |code: u64, why: &str| {
            let error = format!(r#"{{"code":400,"err_code":{code},"description":"{why}"}}"#);
            parse(&format!(r#"{{"error":{error},"stream":"s","seq":0}}"#)).err()
        };
        assert!(matches!(refusal(10054, "too large"), Some(JetStreamError::TooLong)));
        assert!(matches!(refusal(10077, FULL), Some(JetStreamError::Full(PushBound::All))));
        assert!(matches!(
            refusal(10077, FULL_FOR_RECEIVER),
            Some(JetStreamError::Full(PushBound::Account))
        ));
        assert!(matches!(refusal(10077, "no space"), Some(JetStreamError::Nats(_))));
        assert!(matches!(refusal(10008, "no leader"), Some(JetStreamError::Nats(_))));
    }
}
