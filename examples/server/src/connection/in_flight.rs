//! Requests that are in flight: begun, and not answered yet.

use std::collections::VecDeque;
use std::future::pending;

use kefu_proto::{Effects, Message};

use crate::store::{PendingSave, StoreError};

/// The requests of a connection that are in flight, in their order.
#[derive(Default)]
pub(super) struct InFlight {
    steps: VecDeque<Step>,
    /// How many chat messages they are.
    messages: usize,
}

enum Step {
    /// Messages that are being stored.
    Save(PendingSave),
    /// Effects to be applied in their turn.
    Apply(Effects),
    /// An answer to be written in its turn.
    Reply(Message),
}

/// The outcome of the oldest request in flight.
pub(super) enum Done {
    /// The effects of messages that are stored, forwarded already.
    Saved(Result<Vec<Effects>, StoreError>),
    Apply(Effects),
    Reply(Message),
}

impl InFlight {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many chat messages are in flight.
    pub(super) const fn messages(&self) -> usize {
        self.messages
    }

    pub(super) fn save(&mut self, save: PendingSave) {
        self.messages += save.messages();
        self.steps.push_back(Step::Save(save));
    }

    pub(super) fn apply(&mut self, effects: Effects) {
        self.messages += 1;
        self.steps.push_back(Step::Apply(effects));
    }

    pub(super) fn reply(&mut self, message: Message) {
        self.steps.push_back(Step::Reply(message));
    }

    /// Removes the oldest request once it is done. Pending while nothing is in flight. Cancel safe.
    pub(super) async fn next(&mut self) -> Done {
        let saved = match self.steps.front_mut() {
            Some(Step::Save(save)) => Some(save.await),
            Some(Step::Apply(_) | Step::Reply(_)) | None => None,
        };
        match (self.steps.pop_front(), saved) {
            (Some(Step::Save(save)), Some(effects)) => {
                self.messages -= save.messages();
                Done::Saved(effects)
            }
            (Some(Step::Apply(effects)), _) => {
                self.messages -= 1;
                Done::Apply(effects)
            }
            (Some(Step::Reply(message)), _) => Done::Reply(message),
            (Some(Step::Save(_)) | None, _) => pending().await,
        }
    }
}
