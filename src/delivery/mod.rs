//! The path of one accepted message: the host's own rules, the saves, then the rest.
//!
//! Each step consumes the one before: [`Delivery`] → [`Saves`] → [`Effects`].

mod copies;
mod effects;
mod plan;
mod saves;
mod sent;

pub use copies::{Appended, Copies};
pub use effects::{Effects, EffectsIter};
pub use saves::{Role, SaveMessage, Saves};
pub(crate) use sent::Sent;

use bytes::Bytes;

use crate::id::Account;
use crate::message::{AckStatus, ChatMessage, Form};
use crate::wire::{EncodeError, FrameLimit};

/// A message that the protocol's rules accept, before anything has happened to it.
///
/// # Your own rules (H11.3)
///
/// This is the one place for them: every chat message that the protocol accepts, persistent or not,
/// is a `Delivery` first. A host looks at sender, receiver and message, and lets the message go on
/// as it is, lets it go on with other content, or refuses it:
///
/// ```
/// use std::collections::HashSet;
/// use std::error::Error;
///
/// use kefu_proto::{Account, Delivery, Effects, FrameLimit, MsgId, SaveMessage};
///
/// struct Host {
///     blocked: HashSet<Account>,
///     staff: HashSet<Account>,
///     last: i64,
/// }
///
/// impl Host {
///     /// What it returns is to be applied, in order.
///     fn deliver(&mut self, mut delivery: Delivery) -> Result<Effects, Box<dyn Error>> {
///         // 1. A blocked customer reaches nobody, not even with a typing signal.
///         if self.blocked.contains(&delivery.sender()) {
///             return Ok(delivery.refuse());
///         }
///         // 2. Whoever has left the staff neither writes as a seller nor is written to.
///         if !self.staff.contains(&delivery.seller()) {
///             return Ok(delivery.refuse());
///         }
///         // 3. Some words are masked before they are stored.
///         let content = String::from_utf8_lossy(delivery.message().content());
///         if content.contains("damn") {
///             let masked = content.replace("damn", "(removed)");
///             if delivery.set_content(masked, FrameLimit::CLIENT).is_err() {
///                 return Ok(delivery.refuse()); // too long for a frame now
///             }
///         }
///         delivery.save_with(|save| self.append(save))
///     }
///
///     fn append(&mut self, _: SaveMessage<'_>) -> Result<MsgId, Box<dyn Error>> {
///         self.last += 1; // and store the copy
///         Ok(MsgId(self.last))
///     }
/// }
/// ```
///
/// # What a refusal means to the client
///
/// In version 2 an ACK with a status: the client stops waiting and may say why. In version 1, whose
/// ACK has none, silence, as for a message that the protocol's rules refuse (H11.1): a client that
/// waits for an ACK sends the message again, perhaps for ever. Nothing is stored or sent either way.
#[must_use = "a message that the rules accept has to be accepted or refused"]
#[derive(Debug, Eq, PartialEq)]
pub struct Delivery {
    pub(crate) saves: Saves,
    pub(crate) is_persistent: bool,
    pub(crate) from_kefu_app: bool,
}

impl Delivery {
    /// Who writes.
    #[must_use]
    pub const fn sender(&self) -> Account {
        self.saves.sender()
    }

    /// Who is written to.
    #[must_use]
    pub const fn receiver(&self) -> Account {
        self.saves.receiver()
    }

    /// The one of the two who is a seller here: the receiver of a CUSTOMER, the sender of a
    /// CUSTOMER_SUPPORT, and of a CUSTOMER_V2 the sender, if of the kefu app, otherwise the
    /// receiver (D2.3). Both can be users of the kefu app (H2.4, H3.3, H13.3).
    #[must_use]
    pub const fn seller(&self) -> Account {
        if self.is_from_seller() { self.saves.sender() } else { self.saves.receiver() }
    }

    /// The other one, the customer.
    #[must_use]
    pub const fn customer(&self) -> Account {
        if self.is_from_seller() { self.saves.receiver() } else { self.saves.sender() }
    }

    const fn is_from_seller(&self) -> bool {
        match self.saves.message.form {
            Form::Customer => false,
            Form::CustomerSupport => true,
            Form::CustomerV2 => self.from_kefu_app,
        }
    }

    /// The chat message, under the server's time.
    #[must_use]
    pub const fn message(&self) -> &ChatMessage {
        self.saves.message()
    }

    /// Whether the message will be stored (H7), or only sent to whoever is connected (H6).
    #[must_use]
    #[inline]
    pub const fn is_persistent(&self) -> bool {
        self.is_persistent
    }

    /// Replaces the content in all that is stored, pushed or sent. A store that recognizes repeats
    /// by a mark in the content sees the new content: leave the mark as it is (S10.1). `limit` is
    /// that of the connections that will read it, [`FrameLimit::CLIENT`] as a rule: above it, a
    /// copy could be stored that no connection can sync.
    ///
    /// # Errors
    ///
    /// [`EncodeError::BodyTooLong`] when no reader with that limit would take the message (W2.4);
    /// the content stays as it was.
    pub fn set_content(
        &mut self,
        content: impl Into<Bytes>,
        limit: FrameLimit,
    ) -> Result<(), EncodeError> {
        self.saves.message.set_content(content.into(), limit)
    }

    /// Lets the message go on.
    #[inline]
    pub fn accept(self) -> Accepted {
        if self.is_persistent {
            return Accepted::Persistent(self.saves);
        }
        Accepted::Transient(self.transient())
    }

    /// Stops the message: [`refuse_with`](Self::refuse_with) and [`AckStatus::BLOCKED`].
    pub fn refuse(self) -> Effects {
        self.refuse_with(AckStatus::BLOCKED)
    }

    /// Stops the message (H11.3, H11.4). The list that remains is one ACK with this status for a
    /// CUSTOMER_V2, and empty for the others: see
    /// [above](Self#what-a-refusal-means-to-the-client). Apply it like any other.
    pub fn refuse_with(self, status: AckStatus) -> Effects {
        let status = (self.saves.message.form == Form::CustomerV2).then_some(status);
        self.transient().refused(status)
    }

    #[inline]
    fn transient(self) -> Effects {
        self.saves.effects(None)
    }

    /// For a host that stores one copy after the other: accepts the message, asks `save` for both
    /// copies, the receiver's first, and stops at the first error (H8.2). `save` is not called for
    /// an UNPERSISTENT message.
    ///
    /// # Errors
    ///
    /// Whatever `save` returns. Nothing more may happen, and nothing can (H8.1): the client gets no
    /// ACK and sends again. The receiver's copy may be stored already; [`Saves`] tells how a store
    /// avoids a second one.
    #[inline]
    pub fn save_with<E, A: Into<Appended>>(
        self,
        save: impl FnMut(SaveMessage<'_>) -> Result<A, E>,
    ) -> Result<Effects, E> {
        // Not through `accept`: that moves the message once for each variant, field by field, which
        // is 14 % more instructions, as counted.
        let Self { saves, is_persistent, .. } = self;
        let copies = if is_persistent { Some(saves.store(save)?) } else { None };
        Ok(saves.effects(copies))
    }
}

/// What an accepted message asks of the host.
///
/// ```
/// # use kefu_proto::*;
/// # fn deliver<E>(
/// #     delivery: Delivery, mut append: impl FnMut(SaveMessage<'_>) -> Result<MsgId, E>,
/// # ) -> Result<(), E> {
/// let effects = match delivery.accept() {
///     Accepted::Persistent(saves) => {
///         // In whatever way the host stores: one after the other, in one transaction, both at once.
///         let [to_receiver, to_sender] = saves.requests();
///         let (receiver, sender) = (append(to_receiver)?, append(to_sender)?);
///         saves.confirm(Copies { receiver: receiver.into(), sender: sender.into() })
///     }
///     Accepted::Transient(effects) => effects,
/// };
/// # let _ = effects; Ok(()) }
/// ```
///
/// Exhaustive on purpose: a message is stored or it is not.
#[must_use = "a message that was accepted has to be delivered"]
#[derive(Debug, Eq, PartialEq)]
pub enum Accepted {
    /// Both copies must be stored before anything else may happen (H7).
    Persistent(Saves),
    /// Nothing to store: an UNPERSISTENT message (H6).
    Transient(Effects),
}
