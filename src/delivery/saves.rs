//! The two copies of a message that must be stored before anything else may happen (H7, H8).

use super::copies::{Appended, Copies};
use super::effects::Effects;
use super::sent::Sent;
use crate::id::{Account, DeviceId};
use crate::message::{ChatMessage, Parties};

/// A persistent message whose copies are not stored yet.
///
/// # An idempotent store
///
/// A client that gets no ACK sends its message again (S10), and a simple store keeps it twice.
/// Deduplication is the store's job: it answers a repeat with the msgid of the first copy.
///
/// - **The key of a repeat** is the [`sender`](Self::sender), the [`receiver`](Self::receiver) and
///   a mark in the content that the client keeps when it sends again; real clients put a `uuid`
///   into their JSON (S10.1). The same mark to another receiver is another message. Neither the
///   seq, which repeats (W7.6), nor the time, which is the server's, belongs to the key. A message
///   without a mark is never a repeat.
/// - **The answer** for a copy that is already there is the id of that first copy; nothing is
///   appended (S10.2). A copy that is missing, after a failed second save, is appended. The
///   receiver's copy and the sender's are told apart by their [`role`](SaveMessage::role), even
///   where both go to one queue.
/// - **The mark is stored with the copy**, in one commit. A mark without its copy would lose a
///   message, a copy without its mark would double it.
///
/// Nothing else changes: the effects are those of any message (S10.3). The notify of a repeat names
/// an id that its receiver may have seen, which clients expect, and the ACK ends the repeating.
/// [`Appended::previous`] of a repeat is what the first save was answered, or `None` (S10.4).
///
/// # What does not compile
///
/// `Saves` is neither `Clone` nor `Default`, and only [`Session::handle`](crate::Session::handle)
/// makes it: the effects exist once, and only for both msgids. An ACK without them does not
/// compile:
///
/// ```compile_fail,E0061
/// fn acknowledge(saves: kefu_proto::Saves) -> kefu_proto::Effects {
///     saves.confirm()
/// }
/// ```
///
/// nor with one of them:
///
/// ```compile_fail,E0063
/// fn acknowledge(saves: kefu_proto::Saves, first: kefu_proto::MsgId) -> kefu_proto::Effects {
///     saves.confirm(kefu_proto::Copies { receiver: first.into() })
/// }
/// ```
///
/// nor can the same saves be confirmed twice:
///
/// ```compile_fail,E0382
/// fn twice(saves: kefu_proto::Saves, copies: kefu_proto::Copies) {
///     let first = saves.confirm(copies);
///     let second = saves.confirm(copies);
/// }
/// ```
///
/// nor confirmed again through a copy:
///
/// ```compile_fail,E0277
/// fn copy<T: Clone>(_: T) {}
/// fn again(saves: kefu_proto::Saves) {
///     copy(saves)
/// }
/// ```
///
/// nor can a list of effects be made by hand:
///
/// ```compile_fail,E0451
/// fn forge(message: kefu_proto::ChatMessage, effects: kefu_proto::Effects) -> kefu_proto::Effects {
///     kefu_proto::Effects { message, ..effects }
/// }
/// ```
#[must_use = "a message that was accepted has to be stored"]
#[derive(Debug, Eq, PartialEq)]
pub struct Saves {
    pub(crate) message: ChatMessage,
    pub(crate) parties: Parties,
    pub(crate) sent: Sent,
    pub(crate) device_id: DeviceId,
}

impl Saves {
    /// What to store: the copy for the receiver's queue (H7.1, H14.1), then the copy for the sender's
    /// (H7.2, H14.2). Both borrow the one message.
    #[must_use]
    #[inline]
    pub const fn requests(&self) -> [SaveMessage<'_>; 2] {
        [
            SaveMessage { saves: self, role: Role::Receiver },
            SaveMessage { saves: self, role: Role::Sender },
        ]
    }

    /// For a host that stores one copy after the other: see
    /// [`Delivery::save_with`](crate::Delivery::save_with).
    ///
    /// # Errors
    ///
    /// Whatever `save` returns (H8.1).
    #[inline]
    pub fn save_with<E, A: Into<Appended>>(
        self,
        save: impl FnMut(SaveMessage<'_>) -> Result<A, E>,
    ) -> Result<Effects, E> {
        let copies = self.store(save)?;
        Ok(self.confirm(copies))
    }

    /// Asks `save` for both copies.
    #[inline]
    pub(super) fn store<E, A: Into<Appended>>(
        &self,
        mut save: impl FnMut(SaveMessage<'_>) -> Result<A, E>,
    ) -> Result<Copies, E> {
        let [receiver, sender] = self.requests();
        // H8.2
        Ok(Copies { receiver: save(receiver)?.into(), sender: save(sender)?.into() })
    }

    /// The commit point: both copies are stored, under these ids (H7.7).
    #[inline]
    pub fn confirm(self, copies: Copies) -> Effects {
        self.effects(Some(copies))
    }

    /// What remains to be done, whether copies are stored or not.
    #[inline]
    pub(super) fn effects(self, copies: Option<Copies>) -> Effects {
        Effects::new(self.message, self.parties, self.sent, copies)
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
}

/// Store one copy of a message: the only effect that has an answer, the msgid of the copy (H7.1,
/// H7.2).
///
/// A store keeps the command and the encoded body, and beside them the queue's account and the
/// device (H10.1): [`command`](crate::Encode::command) and
/// [`encode_body`](crate::Encode::encode_body) of [`message`](Self::message) are what to store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SaveMessage<'m> {
    saves: &'m Saves,
    role: Role,
}

impl<'m> SaveMessage<'m> {
    /// The owner of the queue that the copy is appended to.
    #[must_use]
    #[inline]
    pub const fn queue(&self) -> Account {
        match self.role {
            Role::Receiver => self.saves.parties.receiver,
            Role::Sender => self.saves.parties.sender,
        }
    }

    /// Which of the two copies this is. It tells them apart where both go to one queue.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Who writes.
    #[must_use]
    pub const fn sender(&self) -> Account {
        self.saves.parties.sender
    }

    /// Who is written to.
    #[must_use]
    pub const fn receiver(&self) -> Account {
        self.saves.parties.receiver
    }

    /// The sender's device, kept with the copy so that a sync can leave out what this device has
    /// sent (S2.5).
    #[must_use]
    #[inline]
    pub const fn device_id(&self) -> DeviceId {
        self.saves.device_id
    }

    /// The message, under the server's time.
    #[must_use]
    #[inline]
    pub const fn message(&self) -> &'m ChatMessage {
        &self.saves.message
    }
}

/// As a map of what a store needs.
#[cfg(feature = "serde")]
impl serde::Serialize for SaveMessage<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut fields = serializer.serialize_struct("SaveMessage", 6)?;
        fields.serialize_field("queue", &self.queue())?;
        fields.serialize_field("role", &self.role())?;
        fields.serialize_field("sender", &self.sender())?;
        fields.serialize_field("receiver", &self.receiver())?;
        fields.serialize_field("device_id", &self.device_id())?;
        fields.serialize_field("message", self.message())?;
        fields.end()
    }
}

/// The two roles of a message, each with a copy of its own.
///
/// Exhaustive: a message has one sender and one receiver.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// The copy is the receiver's.
    Receiver,
    /// The copy is the sender's.
    Sender,
}
