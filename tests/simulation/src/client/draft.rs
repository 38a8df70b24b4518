//! A message as its client makes it.

use bytes::Bytes;

use crate::promises::MARK;
use crate::wire::MAX_CONTENT;

/// What tells a message from all others: it stands at the head of the content, for a store that
/// keeps a repeat once.
pub(super) type Mark = [u8; MARK];

#[derive(Clone)]
pub(super) struct Draft {
    pub(super) command: u8,
    pub(super) flags: u8,
    /// In the order of the body.
    pub(super) ids: [[u8; 8]; 4],
    pub(super) content: Bytes,
}

impl Draft {
    pub(super) fn new(number: u64, command: u8, flags: u8, ids: [i64; 4], text: &[u8]) -> Self {
        let text = &text[..text.len().min(MAX_CONTENT - MARK)];
        let content = [&number.to_be_bytes(), text].concat().into();
        Self { command, flags, ids: ids.map(i64::to_be_bytes), content }
    }

    pub(super) fn mark(&self) -> Mark {
        self.content[..MARK].try_into().unwrap()
    }
}
