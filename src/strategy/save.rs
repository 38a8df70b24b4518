//! What a store answers.

use proptest::option::weighted;
use proptest::prelude::*;
use thiserror::Error;

use super::number::msg_id;
use crate::delivery::{Appended, Copies, SaveMessage};

/// What a store answers to the two saves of one message.
pub fn save_script() -> impl Strategy<Value = SaveScript> {
    let answer = || weighted(0.75, appended());
    (answer(), answer()).prop_map(|(receiver, sender)| SaveScript { receiver, sender })
}

/// What a store answers to one save; half of the time it does not know what was there before.
pub fn appended() -> impl Strategy<Value = Appended> {
    (msg_id(), weighted(0.5, msg_id())).prop_map(|(msgid, previous)| Appended { msgid, previous })
}

/// Which saves succeed, and what is answered; `None` is a save that fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SaveScript {
    /// The answer to the save into the receiver's queue.
    pub receiver: Option<Appended>,
    /// The answer to the save into the sender's queue. A host that saves one copy after the other
    /// does not ask for it when the receiver's fails (H8).
    pub sender: Option<Appended>,
}

impl SaveScript {
    /// The answers to both saves, where both succeed.
    #[must_use]
    pub fn copies(self) -> Option<Copies> {
        Some(Copies { receiver: self.receiver?, sender: self.sender? })
    }

    /// A store for [`Delivery::save_with`](crate::Delivery::save_with): answers the first call for
    /// the receiver's queue, the second for the sender's. Any further call fails.
    pub fn store(self) -> impl FnMut(SaveMessage<'_>) -> Result<Appended, SaveFailed> {
        let mut answers = [self.receiver, self.sender].into_iter();
        move |_| answers.next().flatten().ok_or(SaveFailed)
    }
}

/// A save that fails because the [`SaveScript`] says so.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the save fails, as the script says")]
pub struct SaveFailed;
