//! The handler: from a message to its delivery (H1–H5, H13). The one place that knows both
//! versions.

use crate::delivery::{Delivery, Saves, Sent};
use crate::id::{Seq, UnixTime};
use crate::identity::{Config, Identity};
use crate::message::{ChatBody, ChatMessage, Form, Message, Parties};
use crate::rules::{Refusal, v1, v2};
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
    #[allow(clippy::inline_always, reason = "as below")]
    #[inline(always)]
    pub fn handle(&self, message: Message, now: UnixTime) -> Result<Delivery, Refusal> {
        match ChatMessage::try_from(message) {
            Ok(message) => self.handle_chat(message, now),
            // H1.1
            Err(other) => Err(Refusal::OtherCommand { command: other.body.command() }),
        }
    }

    /// [`handle`](Self::handle) for what is known to be a chat message.
    #[allow(
        clippy::inline_always,
        reason = "counted: with two versions it is not inlined by itself"
    )]
    #[inline(always)]
    pub(crate) fn handle_chat(
        &self,
        message: ChatMessage,
        now: UnixTime,
    ) -> Result<Delivery, Refusal> {
        let Self { config, identity } = *self;
        let receiver = match message.form {
            Form::Customer => v1::from_customer(config, identity, &message)?,
            Form::CustomerSupport => v1::from_seller(config, identity, &message)?,
            Form::CustomerV2 => v2::check(config, identity, &message)?,
        };
        let ChatMessage { seq, version, flags, form, body } = message;
        let (sent, seq, version, flags) = match form {
            Form::Customer | Form::CustomerSupport => {
                (Sent { ack: seq.into(), flags }, seq, version, flags)
            }
            // H13.4, H14.4, H14.11
            Form::CustomerV2 => {
                let flags = flags.without(Flags::OF_SERVERS) | Flags::PUSH;
                let sent = Sent { ack: seq.into(), flags };
                (sent, Seq(0), Version::V2, Flags::NONE)
            }
        };
        // H4.1. Rebuilt: assigning in place stalls on store forwarding.
        let body = ChatBody { timestamp: now, ..body };
        let message = ChatMessage { seq, version, flags, form, body };
        let parties = Parties { receiver, sender: identity.account() };
        let device_id = identity.device_id();
        let from_kefu_app = parties.sender.appid == config.kefu_appid();
        Ok(Delivery {
            saves: Saves { message, parties, sent, device_id },
            // H13.5: a CUSTOMER_V2 is without flags by now.
            is_persistent: v1::is_persistent(flags),
            from_kefu_app,
        })
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
