//! ACKs that wait for those behind them.

use std::time::Duration;

use tokio::time::Instant;

/// ACKs of a connection that are held back, so that several of them are one write: for a server
/// and its client, a write is most of the work of an ACK.
///
/// They wait only for further messages of this client that are being stored, so a client that has
/// one message in flight gets each ACK at once.
#[derive(Default)]
pub(super) struct Hold {
    /// The number of ACKs, and when the first of them goes at the latest.
    held: Option<(usize, Instant)>,
}

impl Hold {
    /// An ACK is to be written; `others` says whether more messages are being stored.
    pub(super) fn answered(&mut self, others: bool) {
        let (acks, until) = self.held.unwrap_or_else(|| (0, Instant::now() + LONGEST));
        let acks = acks.saturating_add(1);
        self.held = (others && acks < MOST).then_some((acks, until));
    }

    /// What waits is written with what else is.
    pub(super) const fn release(&mut self) {
        self.held = None;
    }

    /// Until when nothing is written; `None` if nothing is held back.
    pub(super) fn until(&self) -> Option<Instant> {
        self.held.map(|(_, until)| until)
    }
}

/// The most ACKs of one write.
const MOST: usize = 8;
/// The longest that an ACK waits for others.
const LONGEST: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn acks_wait_for_those_behind_them_but_not_long() {
        let (mut hold, start) = (Hold::default(), Instant::now());
        hold.answered(false);
        assert_eq!(hold.until(), None);
        hold.answered(true);
        assert_eq!(hold.until(), Some(start + LONGEST));
        advance(LONGEST / 2).await;
        hold.answered(true);
        assert_eq!(hold.until(), Some(start + LONGEST));
        hold.answered(false);
        assert_eq!(hold.until(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_than_may() {
        let mut hold = Hold::default();
        for _ in 1..MOST {
            hold.answered(true);
            assert!(hold.until().is_some());
        }
        hold.answered(true);
        assert_eq!(hold.until(), None);
        hold.answered(true);
        assert!(hold.until().is_some());
        hold.release();
        assert_eq!(hold.until(), None);
    }
}
