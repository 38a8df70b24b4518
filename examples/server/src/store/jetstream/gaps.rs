//! Gaps: when messages between servers may have been lost.

use tokio::sync::{Notify, watch};

#[derive(Default)]
pub struct Gaps {
    /// The connection was lost, with messages to this server and from it.
    pub disconnected: watch::Sender<()>,
    /// Messages came faster than this server has read them.
    pub overrun: Notify,
}
