//! Messages as they are published.

use async_nats::header::{HeaderMap, HeaderName, HeaderValue, NATS_MESSAGE_ID};
use bytes::Bytes;
use kefu_proto::{Command, DeviceId};

use crate::store::jetstream::subject;

/// A message to be published.
pub(super) struct Publication {
    pub(super) subject: String,
    /// The `Nats-Msg-Id`, by which the stream recognises a repeat.
    pub(super) name: String,
    pub(super) command: Command,
    /// The sender's device, which queues keep and the push outbox does not.
    pub(super) device: Option<DeviceId>,
    pub(super) body: Bytes,
}

impl Publication {
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, self.name.as_str());
        headers.insert(COMMAND, HeaderValue::from(u64::from(self.command.0)));
        if let Some(DeviceId(device)) = self.device {
            headers.insert(DEVICE, HeaderValue::from(device));
        }
        headers
    }
}

const COMMAND: HeaderName = HeaderName::from_static(subject::COMMAND);
const DEVICE: HeaderName = HeaderName::from_static(subject::DEVICE);
