//! A SYNC that waits for its answer.

use crate::id::{Account, MsgId};
use crate::identity::Identity;

/// A client asks for what its queue holds after a sync key (S2).
///
/// [`Online::begin_sync`](crate::Online::begin_sync) begins the answer. The queue is read in pages,
/// so that a queue of a million messages is never in memory as a whole, and an answer is bounded
/// ([`SyncBounds`](crate::SyncBounds)):
///
/// ```
/// # use kefu_proto::{Account, EncodeError, MsgId, Online, StoredMessage, SyncRequest};
/// # fn answer(
/// #     mut online: Online, out: &mut Vec<u8>, request: SyncRequest,
/// #     kept_key: impl Fn(Account) -> MsgId, page: impl Fn(Account, MsgId) -> Vec<StoredMessage>,
/// #     newest: impl Fn(Account) -> MsgId,
/// # ) -> Result<(), EncodeError> {
/// let queue = request.queue();
/// let kept = if request.wants_kept_key() { kept_key(queue) } else { MsgId(0) };
/// let mut answer = online.begin_sync(request, kept, out)?;
/// while let Some(after) = answer.after() {
///     let rows = page(queue, after); // some rows with greater msgids, oldest first
///     if rows.is_empty() {
///         break;
///     }
///     for row in rows {
///         online.sync_row(&mut answer, row, out)?;
///     }
/// }
/// if answer.wants_newest() {
///     answer.set_newest(newest(queue)); // 0 where the queue is empty
/// }
/// online.finish_sync(answer, out)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a client waits for its SYNC_END"]
pub struct SyncRequest {
    identity: Identity,
    asked: MsgId,
}

impl SyncRequest {
    pub(crate) const fn new(identity: Identity, asked: MsgId) -> Self {
        Self { identity, asked }
    }

    /// Whose queue is to be read.
    #[must_use]
    pub const fn queue(&self) -> Account {
        self.identity.account()
    }

    /// Whether the client leaves it to the server where to begin (S2.1): at the key that the server
    /// has kept for this user, or at 0 where it has kept none.
    #[must_use]
    pub const fn wants_kept_key(&self) -> bool {
        self.asked.0 == 0
    }

    /// Where the answer begins. `synced` is the key of the last SYNC_END on this connection.
    pub(crate) fn after(self, kept: MsgId, synced: Option<MsgId>) -> MsgId {
        // S2.1, S2.9
        if self.wants_kept_key() { synced.unwrap_or(kept) } else { self.asked }
    }
}
