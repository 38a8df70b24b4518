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

pub(crate) struct Clock {
    /// Since when it has been set, in simulated milliseconds, and to what.
    setting: (u64, i64),
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { setting: (0, SETTINGS[0]) }
    }

    pub(crate) fn jump(&mut self, now: u64, rng: &mut fastrand::Rng) {
        self.setting = (now, SETTINGS[rng.usize(..SETTINGS.len())]);
    }

    /// Seconds since 1970, however many.
    pub(crate) fn read(&self, now: u64) -> i64 {
        let (since, secs) = self.setting;
        secs + seconds(now - since)
    }
}

fn seconds(millis: u64) -> i64 {
    i64::try_from(millis / 1000).unwrap()
}
