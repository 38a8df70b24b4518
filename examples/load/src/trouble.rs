//! What trouble a run has made, and what the server let pass of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::shares::Shares;

/// How many wrong answers are named; the rest is only counted.
const EXAMPLES: usize = 5;

/// What trouble one run has made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trouble {
    pub churn: Churn,
    pub repeat: Repeat,
    pub slow: Slow,
    pub hostile: Hostile,
    pub flood: Flood,
}

/// Clients that left and came back, and visitors.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Churn {
    pub percent: u8,
    /// Connections that were half closed, and read to the end.
    pub goodbyes: u64,
    /// What the server sent on them after the client had left: answers, and what was on its way.
    pub frames_after_goodbye: u64,
    /// Those that the server did not close, or on which it went on with messages of others.
    pub not_closed: u64,
    /// Connections that were closed without reading what was left.
    pub dropped: u64,
    /// Connections that ended with a RST.
    pub reset: u64,
    /// Connections that ended in the middle of a frame.
    pub broken_off: u64,
    /// Extra connections that came, synced and left. They are counted above as well.
    pub visits: u64,
}

/// Messages that were sent again though they need not have been.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Repeat {
    pub percent: u8,
    /// With a `uuid`: the same message (S10.1).
    pub marked: u64,
    /// Without: each is a message of its own.
    pub unmarked: u64,
    /// Repeats that got an ACK.
    pub acked: u64,
}

impl Repeat {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.marked += other.marked;
        self.unmarked += other.unmarked;
        self.acked += other.acked;
    }
}

/// Extra connections that do not read.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Slow {
    pub percent: u8,
    /// How often one stopped reading for one or two seconds.
    pub stopped: u64,
    /// How often one stopped for good.
    pub stopped_for_good: u64,
    /// Those that the server closed.
    pub closed_by_server: u64,
}

/// Extra connections that send what must be refused or ignored.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Hostile {
    pub percent: u8,
    /// Frames that must end the connection (S7.1).
    pub frames: u64,
    /// Messages that must be met with silence (H11.1), and frames that must be ignored.
    pub messages: u64,
    /// Connections that sent much before any login (S1.1), and how many frames that was.
    pub floods: u64,
    pub flood_frames: u64,
    /// Logins with a token that nobody has.
    pub logins: u64,
    /// Connections that only held the server's memory, places and time.
    pub held: u64,
    /// Answers that must not be: an ACK of success, an answer before the login, a login.
    pub answered: u64,
    /// Connections that went on behind a frame that must end them.
    pub not_closed: u64,
    /// The first few of the last two.
    pub examples: Vec<String>,
}

/// Accounts that flooded the server beside the others.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Flood {
    pub accounts: u32,
    /// Their messages that got an ACK.
    pub acked: u64,
}

impl Hostile {
    /// Whether the server has refused all that it must.
    pub const fn is_refused(&self) -> bool {
        self.answered == 0 && self.not_closed == 0
    }

    pub(crate) fn example(&mut self, example: String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(example);
        }
    }
}

impl Trouble {
    pub(crate) fn planned(shares: Shares, flooders: u32) -> Self {
        Self {
            churn: Churn { percent: shares.churn.0, ..Churn::default() },
            repeat: Repeat { percent: shares.repeat.0, ..Repeat::default() },
            slow: Slow { percent: shares.slow.0, ..Slow::default() },
            hostile: Hostile { percent: shares.hostile.0, ..Hostile::default() },
            flood: Flood { accounts: flooders, ..Flood::default() },
        }
    }
}

/// Counts trouble while it is made. It is rare enough for a lock.
#[derive(Debug)]
pub(crate) struct Counts(Mutex<Trouble>);

impl Counts {
    pub(crate) fn new(shares: Shares, flooders: u32) -> Self {
        Self(Mutex::new(Trouble::planned(shares, flooders)))
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Trouble)) {
        count(&mut self.lock());
    }

    pub(crate) fn made(&self) -> Trouble {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Trouble> {
        // A panic cannot leave a count half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
