//! What of a message a connection has to see to choose its form.

use crate::id::UnixTime;

/// What can be seen of a message before it is written. What it means is the command's.
#[derive(Clone, Copy, Debug)]
pub enum View<'m> {
    /// Four ids, the time and content.
    Chat { ids: [i64; 4], timestamp: UnixTime, content: &'m [u8] },
    /// A status; 0 is success.
    Status(i8),
    /// A body that has not been read.
    Bytes(&'m [u8]),
    /// Nothing that matters.
    Opaque,
}
