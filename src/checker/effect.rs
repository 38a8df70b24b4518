//! The effects of a persistent message, by their rules: H7 in version 1, H14 in version 2.

use super::ledger::Copy;

/// An effect: its rule for a CUSTOMER or CUSTOMER_SUPPORT, and for a CUSTOMER_V2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effect(&'static str, &'static str);

pub(super) const PUSH: Effect = Effect("H7.3", "H14.3");
pub(super) const ACK: Effect = Effect("H7.6", "H14.8");

impl Effect {
    pub(super) const fn save(copy: Copy) -> Self {
        match copy {
            Copy::Receivers => Self("H7.1", "H14.1"),
            Copy::Senders => Self("H7.2", "H14.2"),
        }
    }

    pub(super) const fn notify(copy: Copy) -> Self {
        match copy {
            Copy::Receivers => Self("H7.4", "H14.5"),
            Copy::Senders => Self("H7.5", "H14.7"),
        }
    }

    pub(super) const fn of(self, is_v2: bool) -> &'static str {
        if is_v2 { self.1 } else { self.0 }
    }
}
