//! The handler: from a message to its delivery (H1–H5).

use crate::delivery::Delivery;
use crate::id::UnixTime;
use crate::identity::{Config, Identity};
use crate::message::{ChatMessage, CustomerMessage, Message};
use crate::rules::{Refusal, v1};

/// One logged-in connection, as far as the rules need to know it.
///
/// It is cheap to copy and keeps nothing of the messages that it handles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    config: Config,
    identity: Identity,
}

impl Session {
    /// The session of a connection that has logged in as `identity`.
    #[must_use]
    pub const fn new(config: Config, identity: Identity) -> Self {
        Self { config, identity }
    }

    /// Decides what becomes of a message: the rules H1–H5. Reads no clock: `now` is the host's
    /// (H4).
    ///
    /// Nothing has happened yet when it returns: the [`Delivery`] is where a host's own rules go.
    /// Commands other than CUSTOMER and CUSTOMER_SUPPORT are refused (H1): a host deals with those
    /// itself.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that names the first rule that the message breaks, in the order of H1, H2, H3.
    /// A refused message has no effect (H11.1).
    #[inline]
    pub fn handle(&self, message: Message, now: UnixTime) -> Result<Delivery, Refusal> {
        match ChatMessage::try_from(message) {
            Ok(message) => self.handle_chat(message, now),
            // H1.1
            Err(other) => Err(Refusal::OtherCommand { command: other.body.command() }),
        }
    }

    /// [`handle`](Self::handle) for what is known to be a chat message.
    #[inline]
    pub(crate) fn handle_chat(
        &self,
        message: ChatMessage,
        now: UnixTime,
    ) -> Result<Delivery, Refusal> {
        let v1::Ruling { parties, is_persistent } =
            v1::check(self.config, self.identity, &message)?;
        // H4.1. Rebuilt: assigning in place stalls on store forwarding.
        let body = CustomerMessage { timestamp: now, ..message.body };
        let message = ChatMessage { body, ..message };
        Ok(Delivery::new(message, parties, self.identity.device_id(), is_persistent))
    }

    /// The server's configuration.
    #[must_use]
    pub const fn config(&self) -> Config {
        self.config
    }

    /// Who is logged in.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.identity
    }
}
