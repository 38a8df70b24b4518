//! What the groups have found, for those who ask all the time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::judge::broken::Broken;

#[derive(Debug, Default)]
pub(super) struct Verdicts {
    first: OnceLock<Broken>,
    count: AtomicU32,
}

impl Verdicts {
    /// A group has found its first.
    pub(super) fn add(&self, broken: &Broken) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.first.get_or_init(|| broken.clone());
    }

    /// The first of all.
    pub(super) fn first(&self) -> Option<&Broken> {
        self.first.get()
    }

    /// In how many groups something was found.
    pub(super) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }
}
