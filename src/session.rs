//! The handler: from a message to its delivery (H1–H5, H13). The one place that knows both
//! versions.

use crate::delivery::{Delivery, Saves, Sent};
use crate::id::{Seq, UnixTime};
use crate::identity::{Config, Identity};
use crate::message::{ChatBody, ChatMessage, Form, Message, Party};
use crate::rules::{Refusal, Ruling, v1, v2};
use crate::wire::{Flags, Version};

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

    /// Decides what becomes of a message: the rules H1–H5 and H13. Reads no clock: `now` is the
    /// host's (H4).
    ///
    /// Nothing has happened yet when it returns: the [`Delivery`] is where a host's own rules go.
    /// Commands other than CUSTOMER, CUSTOMER_SUPPORT and CUSTOMER_V2 are refused (H1): a host
    /// deals with those itself.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that names the first rule that the message breaks, in the order of H1, H2, H3,
    /// H13. A refused message has no effect (H11.1).
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
        let ruling = match message.form {
            Form::Customer => v1::check(self.config, self.identity, Party::Customer, &message)?,
            Form::CustomerSupport => {
                v1::check(self.config, self.identity, Party::Seller, &message)?
            }
            Form::CustomerV2 => return self.handle_v2(message, now),
        };
        // H4.1. Rebuilt: assigning in place stalls on store forwarding.
        let body = ChatBody { timestamp: now, ..message.body };
        let sent = Sent { seq: message.seq, flags: message.flags };
        let message = ChatMessage { body, ..message };
        Ok(self.delivery(message, sent, ruling))
    }

    fn handle_v2(&self, message: ChatMessage, now: UnixTime) -> Result<Delivery, Refusal> {
        let ruling = v2::check(self.config, self.identity, &message)?;
        let body = ChatBody { timestamp: now, ..message.body };
        // H13.4
        let sent = Sent { seq: message.seq, flags: message.flags.without(Flags::OF_SERVERS) };
        // H14.11
        let (seq, version, flags) = (Seq(0), Version::V2, Flags::NONE);
        Ok(self.delivery(ChatMessage { seq, version, flags, body, ..message }, sent, ruling))
    }

    #[inline]
    fn delivery(&self, message: ChatMessage, sent: Sent, ruling: Ruling) -> Delivery {
        let Ruling { parties, from, is_persistent } = ruling;
        let device_id = self.identity.device_id();
        Delivery { saves: Saves { message, parties, device_id, sent }, from, is_persistent }
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
