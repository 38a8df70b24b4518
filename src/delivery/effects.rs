//! What remains to be done once both copies are stored (H6, H7).

use core::iter::FusedIterator;

use super::copies::Copies;
use crate::effect::Effect;
use crate::id::Account;
use crate::message::{Ack, ChatMessage, Parties};
use crate::outbound::Outbound;

/// What remains to be done, in the order in which it must be done, ending with the ACK. Empty after
/// a refusal by the host.
///
/// Everything in it may be done now. It is owned and independent of the session: a host that works
/// elsewhere moves the whole list there. There is no heap allocation behind it; iterating borrows
/// the message.
#[must_use = "without the effects nobody is notified and the sender gets no ACK"]
#[derive(Clone, Debug, Eq, PartialEq)]
// As in `Saves`.
#[repr(C)]
pub struct Effects {
    message: ChatMessage,
    parties: Parties,
    kind: Kind,
}

/// Which of the lists it is. The order of the variants is chosen for speed, as counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Persistent(Copies),
    Transient,
    Refused,
}

impl Effects {
    #[inline]
    pub(super) const fn persistent(message: ChatMessage, parties: Parties, copies: Copies) -> Self {
        Self { message, parties, kind: Kind::Persistent(copies) }
    }

    #[inline]
    pub(super) const fn transient(message: ChatMessage, parties: Parties) -> Self {
        Self { message, parties, kind: Kind::Transient }
    }

    pub(super) const fn refused(message: ChatMessage, parties: Parties) -> Self {
        Self { message, parties, kind: Kind::Refused }
    }

    /// The effects in order.
    #[inline]
    pub const fn iter(&self) -> EffectsIter<'_> {
        EffectsIter { effects: self, next: 0 }
    }

    /// How many effects there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.kind {
            Kind::Persistent(_) => 4,
            Kind::Transient => 2,
            Kind::Refused => 0,
        }
    }

    /// Whether there are none, as after [`Delivery::refuse`](crate::Delivery::refuse).
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Who is written to.
    #[must_use]
    pub const fn receiver(&self) -> Account {
        self.parties.receiver
    }

    /// Who writes.
    #[must_use]
    pub const fn sender(&self) -> Account {
        self.parties.sender
    }

    /// The chat message, under the server's time.
    #[must_use]
    pub const fn message(&self) -> &ChatMessage {
        &self.message
    }

    /// The stored copies; `None` for a message that was not stored.
    #[must_use]
    pub const fn copies(&self) -> Option<Copies> {
        match self.kind {
            Kind::Persistent(copies) => Some(copies),
            Kind::Transient | Kind::Refused => None,
        }
    }

    #[inline]
    fn get(&self, index: usize) -> Option<Effect<'_>> {
        let Parties { receiver, sender } = self.parties;
        // H9.1
        let ack = Effect::EnqueueMessage { message: Outbound::Ack(Ack::from(self.message.seq)) };
        match self.kind {
            Kind::Persistent(copies) => Some(match index {
                // H7.3
                0 => Effect::PushMessage { to: receiver, message: &self.message },
                // H7.4
                1 => {
                    let message = Outbound::SyncNotify(copies.receiver.msgid);
                    Effect::SendAppMessage { to: receiver, message }
                }
                // H7.5
                2 => {
                    let message = Outbound::SyncNotify(copies.sender.msgid);
                    Effect::SendMessage { to: sender, message }
                }
                // H7.6
                3 => ack,
                _ => return None,
            }),
            Kind::Transient => Some(match index {
                // H6.1
                0 => {
                    Effect::SendAppMessage { to: receiver, message: Outbound::Chat(&self.message) }
                }
                // H6.2
                1 => ack,
                _ => return None,
            }),
            Kind::Refused => None,
        }
    }
}

impl<'m> IntoIterator for &'m Effects {
    type Item = Effect<'m>;
    type IntoIter = EffectsIter<'m>;

    #[inline]
    fn into_iter(self) -> EffectsIter<'m> {
        self.iter()
    }
}

/// As the sequence of its effects.
#[cfg(feature = "serde")]
impl serde::Serialize for Effects {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

/// The effects of one message, in order.
#[derive(Clone, Debug)]
pub struct EffectsIter<'m> {
    effects: &'m Effects,
    next: usize,
}

impl<'m> Iterator for EffectsIter<'m> {
    type Item = Effect<'m>;

    #[inline]
    fn next(&mut self) -> Option<Effect<'m>> {
        let effect = self.effects.get(self.next)?;
        self.next = self.next.saturating_add(1);
        Some(effect)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.effects.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for EffectsIter<'_> {}
impl FusedIterator for EffectsIter<'_> {}
