//! A part of a queue.

use kefu_proto::StoredMessage;

/// The most that is read of a queue at once. There is one message at least, if there is any.
#[derive(Clone, Copy, Debug)]
pub struct PageBounds {
    pub rows: usize,
    /// Of all bodies: the message that reaches it is the last.
    pub bytes: usize,
}

/// Messages of a queue, oldest first.
#[derive(Debug)]
pub struct Page {
    pub rows: Vec<StoredMessage>,
    /// Whether the queue ends here.
    pub is_last: bool,
}
