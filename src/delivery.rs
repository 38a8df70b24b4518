//! The way of one message: saves first, then the rest.

use core::iter::FusedIterator;

use crate::{Account, ChatMessage, DeviceId, Effect, Flags, MsgId, Outbound, SaveMessage};

/// What an accepted message asks of the host.
///
/// ```
/// # use kefu_proto::*;
/// # fn deliver(delivery: Delivery, mut append: impl FnMut(SaveMessage<'_>) -> Result<MsgId, String>) -> Result<(), String> {
/// let effects = match delivery {
///     Delivery::Persistent(saves) => {
///         // In whatever way the host stores: one after the other, in one transaction, both at the same time.
///         let [to_receiver, to_sender] = saves.requests();
///         let saved = Saved { receiver: append(to_receiver)?, sender: append(to_sender)? };
///         saves.saved(saved)
///     }
///     Delivery::Transient(effects) => effects,
/// };
/// # let _ = effects; Ok(()) }
/// ```
#[must_use = "a message that was accepted has to be delivered"]
#[derive(Debug)]
pub enum Delivery {
    /// Both copies must be stored before anything else may happen (H7).
    Persistent(Saves),
    /// An UNPERSISTENT message: nothing to store (H6).
    Transient(Effects),
}

impl Delivery {
    /// H6.3: the flag decides, whatever the other bits.
    #[inline]
    pub(crate) fn new(message: ChatMessage, parties: Parties, device_id: DeviceId) -> Self {
        if message.flags.contains(Flags::UNPERSISTENT) {
            Self::Transient(Effects { message, parties, saved: None })
        } else {
            Self::Persistent(Saves { message, parties, device_id })
        }
    }

    /// For a host that stores one copy after the other: asks `save` for both, the receiver's first, and stops at the first
    /// error (H8.2). An UNPERSISTENT message asks for nothing.
    ///
    /// # Errors
    ///
    /// Whatever `save` returns. Nothing more may happen then, and nothing can (H8.1): the client gets no ACK and sends again. The
    /// receiver's copy may be stored already; how a store avoids a second one, [`Saves`] tells.
    #[inline]
    pub fn save_with<E>(
        self,
        save: impl FnMut(SaveMessage<'_>) -> Result<MsgId, E>,
    ) -> Result<Effects, E> {
        match self {
            Self::Persistent(saves) => saves.save_with(save),
            Self::Transient(effects) => Ok(effects),
        }
    }
}

/// A persistent message whose copies are not stored yet.
///
/// # An idempotent store
///
/// A client that gets no ACK sends again (S10), and a store that knows no better keeps the message twice. It may answer a
/// repeat with the msgid of the earlier copy instead:
///
/// - **What identifies a repeat** is the [`sender`](Self::sender), the [`receiver`](Self::receiver) and a mark in the content
///   that the client keeps when it sends again; real clients put a `uuid` into their JSON (S10.1). The receiver belongs to it:
///   the same mark towards somebody else is another message. Not the seq, which repeats (W7.6), nor the time, which is the
///   server's. A message without a mark is never a repeat.
/// - **What the store returns** for a copy that it has already is the id of that first copy, and it appends nothing (S10.2). A copy
///   that is missing, after a failed second save, is appended. The receiver's copy and the sender's are told apart even
///   where both go to one queue.
/// - **What the store keeps** the mark with: the copy, in one commit. A mark without its copy would lose a message, a copy
///   without its mark would double it.
///
/// Nothing else changes: the effects are those of any message (S10.3). The notify of a repeat names an id that its receiver may
/// have seen, which clients expect, and the ACK ends the repeating.
///
/// # What does not compile
///
/// Not `Clone`, not `Default`, made only by [`Session::handle`](crate::Session::handle): the effects can be had once, and
/// only for both msgids. An ACK without the ids of the saves does not compile:
///
/// ```compile_fail,E0061
/// fn acknowledge(saves: kefu_proto::Saves) -> kefu_proto::Effects {
///     saves.saved()
/// }
/// ```
///
/// nor with one of them:
///
/// ```compile_fail,E0063
/// fn acknowledge(saves: kefu_proto::Saves, receiver: kefu_proto::MsgId) -> kefu_proto::Effects {
///     saves.saved(kefu_proto::Saved { receiver })
/// }
/// ```
///
/// nor can the same saves be confirmed twice:
///
/// ```compile_fail,E0382
/// fn twice(saves: kefu_proto::Saves, saved: kefu_proto::Saved) {
///     let first = saves.saved(saved);
///     let second = saves.saved(saved);
/// }
/// ```
///
/// nor once more through a copy of them:
///
/// ```compile_fail,E0277
/// fn copy<T: Clone>(_: T) {}
/// fn again(saves: kefu_proto::Saves) {
///     copy(saves)
/// }
/// ```
///
/// nor can either state be made by hand:
///
/// ```compile_fail,E0451
/// fn forge(message: kefu_proto::ChatMessage, effects: kefu_proto::Effects) -> kefu_proto::Effects {
///     kefu_proto::Effects { message, ..effects }
/// }
/// ```
#[must_use = "a message that was accepted has to be stored"]
#[derive(Debug)]
// C, here and in `Effects`: the message then lies at the same place in both variants of a `Delivery`. Where it does not, the
// compiler takes it apart into the pieces common to both, and `handle` takes half as long again.
#[repr(C)]
pub struct Saves {
    message: ChatMessage,
    parties: Parties,
    device_id: DeviceId,
}

impl Saves {
    /// What to store: the copy for the receiver's queue, then the copy for the sender's (H7.1, H7.2). Both lend the one
    /// message.
    #[must_use]
    #[inline]
    pub fn requests(&self) -> [SaveMessage<'_>; 2] {
        let Self { message, parties: Parties { receiver, sender }, device_id } = self;
        // H7.1, then H7.2
        [receiver, sender].map(|&queue| SaveMessage { queue, device_id: *device_id, message })
    }

    /// For a host that stores one copy after the other: see [`Delivery::save_with`].
    ///
    /// # Errors
    ///
    /// Whatever `save` returns (H8.1).
    #[inline]
    pub fn save_with<E>(
        self,
        mut save: impl FnMut(SaveMessage<'_>) -> Result<MsgId, E>,
    ) -> Result<Effects, E> {
        let [receiver, sender] = self.requests();
        // H8.2
        let saved = Saved { receiver: save(receiver)?, sender: save(sender)? };
        Ok(self.saved(saved))
    }

    /// Who is written to: the owner of the first queue.
    #[must_use]
    pub const fn receiver(&self) -> Account {
        self.parties.receiver
    }

    /// Who writes: the owner of the second queue.
    #[must_use]
    pub const fn sender(&self) -> Account {
        self.parties.sender
    }

    /// The chat message, under the server's time.
    #[must_use]
    pub const fn message(&self) -> &ChatMessage {
        &self.message
    }

    /// The commit point: both copies are stored, under these ids (H7.7).
    #[inline]
    pub fn saved(self, msgids: Saved) -> Effects {
        let Self { message, parties, .. } = self;
        Effects { message, parties, saved: Some(msgids) }
    }
}

/// The ids under which both copies of a message are stored.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Saved {
    /// The id of the copy in the receiver's queue: what the receiver is notified with (H7.4).
    pub receiver: MsgId,
    /// The id of the copy in the sender's queue: what the sender's other login points are notified with (H7.5).
    pub sender: MsgId,
}

/// What remains to be done, in the order in which it must be done, ending with the ACK.
///
/// Everything in it may be done now. Owned and independent of the session: a host that works elsewhere moves the whole list
/// there. It stands in one piece, without a heap allocation, and lends its effects.
#[must_use = "without the effects nobody is notified and the sender gets no ACK"]
#[derive(Clone, Debug, Eq, PartialEq)]
// As in `Saves`.
#[repr(C)]
pub struct Effects {
    message: ChatMessage,
    parties: Parties,
    /// `None` for an UNPERSISTENT message.
    saved: Option<Saved>,
}

impl Effects {
    /// The effects in order.
    #[inline]
    pub fn iter(&self) -> EffectsIter<'_> {
        EffectsIter { effects: self, next: 0 }
    }

    /// How many effects there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        if self.saved.is_some() { 4 } else { 2 }
    }

    /// Never: a list holds the ACK at least.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The chat message, under the server's time.
    #[must_use]
    pub const fn message(&self) -> &ChatMessage {
        &self.message
    }

    /// The ids of the stored copies; `None` for an UNPERSISTENT message.
    #[must_use]
    pub const fn saved(&self) -> Option<Saved> {
        self.saved
    }

    #[inline]
    fn get(&self, index: usize) -> Option<Effect<'_>> {
        let Parties { receiver, sender } = self.parties;
        let chat = Outbound::Chat(&self.message);
        // H9.1
        let ack = Effect::EnqueueMessage { message: Outbound::Ack(self.message.seq) };
        match self.saved {
            None => Some(match index {
                // H6.1
                0 => Effect::SendAppMessage { to: receiver, message: chat },
                // H6.2
                1 => ack,
                _ => return None,
            }),
            Some(saved) => Some(match index {
                // H7.3
                0 => Effect::PushMessage { to: receiver, message: chat },
                // H7.4
                1 => Effect::SendAppMessage {
                    to: receiver,
                    message: Outbound::SyncNotify(saved.receiver),
                },
                // H7.5
                2 => {
                    Effect::SendMessage { to: sender, message: Outbound::SyncNotify(saved.sender) }
                }
                // H7.6
                3 => ack,
                _ => return None,
            }),
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

/// H5: whose queues the two copies belong to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Parties {
    pub(crate) receiver: Account,
    pub(crate) sender: Account,
}
