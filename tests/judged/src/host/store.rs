//! The queues, and one save that may fail.

use std::collections::HashMap;

use kefu_proto::{Account, Appended, MsgId, SaveMessage, StoredMessage};

#[derive(Default)]
pub(crate) struct Store {
    pub(super) queues: HashMap<Account, Vec<StoredMessage>>,
    pub(super) kept_keys: HashMap<Account, MsgId>,
    pub(super) saves_until_failure: Option<u32>,
}

impl Store {
    /// Whether this save is the one to fail.
    pub(super) fn fails(&mut self) -> bool {
        let left = self.saves_until_failure.map(|saves| saves.checked_sub(1));
        self.saves_until_failure = left.flatten();
        left == Some(None)
    }

    pub(super) fn append(&mut self, save: SaveMessage<'_>) -> Appended {
        let previous = self.newest(save.queue());
        let msgid = MsgId(previous.0 + 1);
        self.queues.entry(save.queue()).or_default().push(StoredMessage::new(save, msgid));
        Appended { msgid, previous: Some(previous) }
    }

    pub(super) fn newest(&self, queue: Account) -> MsgId {
        self.queues.get(&queue).and_then(|queue| queue.last()).map_or(MsgId(0), |row| row.msgid)
    }

    pub(super) fn keep(&mut self, queue: Account, key: MsgId) {
        let kept = self.kept_keys.entry(queue).or_insert(key);
        *kept = key.max(*kept);
    }

    pub(super) fn kept(&self, queue: Account) -> MsgId {
        self.kept_keys.get(&queue).copied().unwrap_or(MsgId(0))
    }

    pub(super) fn rows(&self, queue: Account) -> Vec<StoredMessage> {
        self.queues.get(&queue).cloned().unwrap_or_default()
    }
}
