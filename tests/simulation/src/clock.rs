//! The server's clock: it may be set to any time, near the end of 32 bits above all (H4).

/// Beginnings that a clock is set to, in seconds since 1970.
const SETTINGS: [i64; 8] = [
    1_500_000_000,
    0x7fff_ffff - 2,
    0x7fff_ffff + 1,
    4_102_444_800,
    0,
    -1,
    -0x8000_0000,
    -0x8000_0001 - 3,
];

/// All settings so far: from when, in simulated milliseconds, and to what.
pub(crate) struct Clock {
    settings: Vec<(u64, i64)>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { settings: vec![(0, SETTINGS[0])] }
    }

    pub(crate) fn jump(&mut self, now: u64, rng: &mut fastrand::Rng) {
        self.settings.push((now, SETTINGS[rng.usize(..SETTINGS.len())]));
    }

    /// Seconds since 1970, however many.
    pub(crate) fn read(&self, now: u64) -> i64 {
        let (since, secs) = self.settings[self.settings.len() - 1];
        secs + seconds(now - since)
    }

    /// Whether a message that the server took between two times may bear this timestamp.
    pub(crate) fn showed(&self, timestamp: i32, from: u64, to: u64) -> bool {
        let mut until = to;
        for &(since, secs) in self.settings.iter().rev() {
            let first = on_the_wire(secs + seconds(since.max(from) - since));
            let last = on_the_wire(secs + seconds(until - since));
            if first <= timestamp && timestamp <= last {
                return true;
            }
            if since <= from {
                return false;
            }
            until = since;
        }
        false
    }
}

fn seconds(millis: u64) -> i64 {
    i64::try_from(millis / 1000).unwrap()
}

/// Beyond 32 bits the time stands still.
fn on_the_wire(secs: i64) -> i32 {
    i32::try_from(secs.clamp(i32::MIN.into(), i32::MAX.into())).unwrap()
}
