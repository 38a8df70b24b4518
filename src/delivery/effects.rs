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
    receiver: Metadata,
    sender: Metadata,
    plan: Plan,
    status: AckStatus,
    /// Which of the two `previous` the store has told.
    known: Known,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Known {
    receiver: bool,
    sender: bool,
}

const NO_COPY: Metadata = Metadata { sync_key: MsgId(0), prev_sync_key: MsgId(0) };
const NONE_KNOWN: Known = Known { receiver: false, sender: false };

const fn appended(metadata: Metadata, is_known: bool) -> Appended {
    let previous = if is_known { Some(metadata.prev_sync_key) } else { None };
    Appended { msgid: metadata.sync_key, previous }
}

impl Effects {
    #[inline]
    pub(super) fn persistent(
        message: ChatMessage,
        parties: Parties,
        sent: Sent,
        copies: Copies,
    ) -> Self {
        let (receiver, sender) = (copies.receiver.msgid, copies.sender.msgid);
        let mut receiver = Metadata { sync_key: receiver, prev_sync_key: MsgId(0) };
        let mut sender = Metadata { sync_key: sender, prev_sync_key: MsgId(0) };
        let (mut plan, mut known) = (Plan::PERSISTENT, NONE_KNOWN);
        // H14.10: the others need no `previous`.
        if message.form == Form::CustomerV2 {
            if let Some(previous) = copies.receiver.previous {
                (receiver.prev_sync_key, known.receiver) = (previous, true);
            }
            if let Some(previous) = copies.sender.previous {
                (sender.prev_sync_key, known.sender) = (previous, true);
            }
            plan = Plan::live(known.receiver, known.sender);
        }
        Self { message, parties, sent, receiver, sender, plan, status: AckStatus::OK, known }
    }

    #[inline]
    pub(super) const fn transient(message: ChatMessage, parties: Parties, sent: Sent) -> Self {
        let (receiver, sender) = (NO_COPY, NO_COPY);
        let (plan, status, known) = (Plan::TRANSIENT, AckStatus::OK, NONE_KNOWN);
        Self { message, parties, sent, receiver, sender, plan, status, known }
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

    /// The stored copies; `None` for a message that was not stored. Their `previous` is kept only
    /// where effects need it: of a CUSTOMER_V2.
    #[must_use]
    pub const fn copies(&self) -> Option<Copies> {
        if !self.plan.is_stored() {
            return None;
        }
        Some(Copies {
            receiver: appended(self.receiver, self.known.receiver),
            sender: appended(self.sender, self.known.sender),
        })
    }

    #[inline]
    fn get(&self, step: Step) -> Effect<'_> {
        let Parties { receiver, sender } = self.parties;
        match step {
            // H7.3, H14.3
            Step::Push => Effect::PushMessage { to: receiver, message: &self.message },
            // H7.4, H14.5
            Step::NotifyReceiver => {
                let message = Outbound::SyncNotify(self.receiver.sync_key);
                Effect::SendAppMessage { to: receiver, message }
            }
            // H7.5, H14.7
            Step::NotifySender => {
                let message = Outbound::SyncNotify(self.sender.sync_key);
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
                let ack = LiveAck::new(self.ack(), &self.sender);
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
    fn live_copy<'m>(&'m self, metadata: &'m Metadata) -> Outbound<'m> {
        let flags = self.sent.flags | Flags::PUSH;
        Outbound::LiveCopy(LiveCopy::new(&self.message, flags, metadata))
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
