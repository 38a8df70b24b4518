//! What remains to be done once both copies are stored (H6, H7, H14).

use core::iter::FusedIterator;

use super::copies::{Appended, Copies};
use super::plan::{Plan, Step};
use super::sent::Sent;
use crate::effect::Effect;
use crate::id::{Account, MsgId};
use crate::message::{Ack, AckStatus, ChatMessage, Form, Metadata, Parties};
use crate::outbound::{LiveAck, LiveCopy, Outbound};
use crate::wire::Flags;

/// What remains to be done, in the order in which it must be done, ending with the ACK. Empty after
/// a refusal by the host, unless there is an ACK that says so.
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
    sent: Sent,
    plan: Plan,
    status: AckStatus,
    receiver: StoredCopy,
    sender: StoredCopy,
}

/// A stored copy. Its metadata is complete only where `previous` is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct StoredCopy {
    metadata: Metadata,
    is_known: bool,
}

impl StoredCopy {
    const NONE: Self = Self {
        metadata: Metadata { sync_key: MsgId(0), prev_sync_key: MsgId(0) },
        is_known: false,
    };

    #[inline]
    const fn new(Appended { msgid, previous }: Appended) -> Self {
        let (prev_sync_key, is_known) = match previous {
            Some(previous) => (previous, true),
            None => (MsgId(0), false),
        };
        Self { metadata: Metadata { sync_key: msgid, prev_sync_key }, is_known }
    }

    const fn appended(self) -> Appended {
        let previous = if self.is_known { Some(self.metadata.prev_sync_key) } else { None };
        Appended { msgid: self.metadata.sync_key, previous }
    }
}

impl Effects {
    #[inline]
    pub(super) fn persistent(
        message: ChatMessage,
        parties: Parties,
        sent: Sent,
        copies: Copies,
    ) -> Self {
        let (receiver, sender) = (StoredCopy::new(copies.receiver), StoredCopy::new(copies.sender));
        let plan = match message.form {
            // H14.10
            Form::Customer | Form::CustomerSupport => Plan::PERSISTENT,
            Form::CustomerV2 => Plan::live(receiver.is_known, sender.is_known),
        };
        Self { message, parties, sent, plan, status: AckStatus::OK, receiver, sender }
    }

    #[inline]
    pub(super) const fn transient(message: ChatMessage, parties: Parties, sent: Sent) -> Self {
        let (receiver, sender) = (StoredCopy::NONE, StoredCopy::NONE);
        let (plan, status) = (Plan::TRANSIENT, AckStatus::OK);
        Self { message, parties, sent, plan, status, receiver, sender }
    }

    /// Instead of all effects, an ACK with this status (H11.4), or silence.
    pub(super) fn refused(self, status: Option<AckStatus>) -> Self {
        match status {
            Some(status) => Self { plan: Plan::REFUSED, status, ..self },
            None => Self { plan: Plan::NOTHING, ..self },
        }
    }

    /// The effects in order.
    #[inline]
    pub const fn iter(&self) -> EffectsIter<'_> {
        EffectsIter { effects: self, rest: self.plan }
    }

    /// How many effects there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.plan.len()
    }

    /// Whether there are none, as after [`Delivery::refuse`](crate::Delivery::refuse) in version 1.
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
        if !self.plan.is_stored() {
            return None;
        }
        Some(Copies { receiver: self.receiver.appended(), sender: self.sender.appended() })
    }

    #[inline]
    fn get(&self, step: Step) -> Effect<'_> {
        let Parties { receiver, sender } = self.parties;
        match step {
            // H7.3, H14.3
            Step::Push => Effect::PushMessage { to: receiver, message: &self.message },
            // H7.4, H14.5
            Step::NotifyReceiver => {
                let message = Outbound::SyncNotify(self.receiver.metadata.sync_key);
                Effect::SendAppMessage { to: receiver, message }
            }
            // H7.5, H14.7
            Step::NotifySender => {
                let message = Outbound::SyncNotify(self.sender.metadata.sync_key);
                Effect::SendMessage { to: sender, message }
            }
            // H6.2, H7.6, H11.4
            Step::Ack => Effect::EnqueueMessage { message: Outbound::Ack(self.ack()) },
            // H6.1
            Step::Forward => {
                Effect::SendAppMessage { to: receiver, message: Outbound::Chat(&self.message) }
            }
            // H14.4
            Step::CopyToReceiver => {
                Effect::SendAppMessage { to: receiver, message: self.live_copy(&self.receiver) }
            }
            // H14.6
            Step::CopyToSender => {
                Effect::SendMessage { to: sender, message: self.live_copy(&self.sender) }
            }
            // H14.8
            Step::LiveAck => {
                let ack = LiveAck::new(self.ack(), &self.sender.metadata);
                Effect::EnqueueMessage { message: Outbound::LiveAck(ack) }
            }
        }
    }

    /// H9.1
    #[inline]
    const fn ack(&self) -> Ack {
        Ack { seq: self.sent.seq, status: self.status }
    }

    #[inline]
    fn live_copy<'m>(&'m self, copy: &'m StoredCopy) -> Outbound<'m> {
        let flags = self.sent.flags | Flags::PUSH;
        Outbound::LiveCopy(LiveCopy::new(&self.message, flags, &copy.metadata))
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
    rest: Plan,
}

impl<'m> Iterator for EffectsIter<'m> {
    type Item = Effect<'m>;

    #[inline]
    fn next(&mut self) -> Option<Effect<'m>> {
        Some(self.effects.get(self.rest.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rest.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for EffectsIter<'_> {}
impl FusedIterator for EffectsIter<'_> {}
