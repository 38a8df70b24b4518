//! What remains to be done once both copies are stored (H6, H7, H14).

use core::iter::FusedIterator;

use super::copies::{Appended, Copies};
use super::plan::{Plan, Step};
use super::sent::Sent;
use crate::effect::Effect;
use crate::id::{Account, MsgId};
use crate::message::{AckStatus, ChatMessage, Form, Metadata, Parties};
use crate::outbound::{LiveAck, LiveCopy, Outbound};

/// What remains to be done, in the order in which it must be done, ending with the ACK. Empty after
/// a refusal by the host, unless there is an ACK that says so.
///
/// Everything in it may be done now. It is owned and independent of the session: a host that works
/// elsewhere moves the whole list there. There is no heap allocation behind it; iterating borrows
/// the message.
#[must_use = "without the effects nobody is notified and the sender gets no ACK"]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Effects {
    message: ChatMessage,
    parties: Parties,
    sent: Sent,
    receiver: Metadata,
    sender: Metadata,
    plan: Plan,
}

impl Effects {
    /// Of a message whose copies are stored, or that has none (H6).
    #[inline]
    pub(super) fn new(
        message: ChatMessage,
        parties: Parties,
        sent: Sent,
        copies: Option<Copies>,
    ) -> Self {
        let (receiver, sender, plan) = match copies {
            Some(copies) => stored(copies, message.form),
            None => (NO_COPY, NO_COPY, Plan::TRANSIENT),
        };
        Self { message, parties, sent, receiver, sender, plan }
    }

    /// Instead of all effects, an ACK with this status (H11.4), or silence.
    pub(super) fn refused(mut self, status: Option<AckStatus>) -> Self {
        self.plan = Plan::NOTHING;
        if let Some(status) = status {
            self.plan = Plan::REFUSED;
            self.sent.ack.status = status;
        }
        self
    }

    /// The effects in order.
    #[inline]
    pub const fn iter(&self) -> EffectsIter<'_> {
        EffectsIter { effects: self, rest: self.plan.steps() }
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
        Some(Copies {
            receiver: appended(self.receiver, self.plan.knows_receiver()),
            sender: appended(self.sender, self.plan.knows_sender()),
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
            Step::Ack => Effect::EnqueueMessage { message: Outbound::Ack(self.sent.ack) },
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
                let ack = LiveAck::new(self.sent.ack, &self.sender);
                Effect::EnqueueMessage { message: Outbound::LiveAck(ack) }
            }
        }
    }

    #[inline]
    const fn live_copy<'m>(&'m self, metadata: &'m Metadata) -> Outbound<'m> {
        Outbound::LiveCopy(LiveCopy::new(&self.message, &self.sent.flags, metadata))
    }
}

const NO_COPY: Metadata = Metadata { sync_key: MsgId(0), prev_sync_key: MsgId(0) };

/// Where the copies stand, and what is to be done.
#[inline]
fn stored(copies: Copies, form: Form) -> (Metadata, Metadata, Plan) {
    let Copies { receiver, sender } = copies;
    let (knows_receiver, knows_sender) = (receiver.previous.is_some(), sender.previous.is_some());
    let plan = match form {
        // H14.10: they do without a `previous`.
        Form::Customer | Form::CustomerSupport => Plan::PERSISTENT,
        Form::CustomerV2 => Plan::stored(knows_receiver, knows_sender),
    };
    (metadata(receiver), metadata(sender), plan.knowing(knows_receiver, knows_sender))
}

/// A `previous` that is not known is 0; the plan tells the two apart.
#[inline]
fn metadata(copy: Appended) -> Metadata {
    Metadata { sync_key: copy.msgid, prev_sync_key: copy.previous.unwrap_or(MsgId(0)) }
}

const fn appended(metadata: Metadata, is_known: bool) -> Appended {
    let previous = if is_known { Some(metadata.prev_sync_key) } else { None };
    Appended { msgid: metadata.sync_key, previous }
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
