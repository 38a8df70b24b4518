//! The pulse of the service: when any customer got an ACK, and for how long none did.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Feels every ACK of all customers from the start of the sending on.
#[derive(Debug)]
pub(crate) struct Pulse {
    start: Instant,
    pause: Mutex<Pause>,
}

impl Pulse {
    pub(crate) fn start() -> Self {
        let start = Instant::now();
        Self { start, pause: Mutex::new(Pause::since(start)) }
    }

    pub(crate) const fn started(&self) -> Instant {
        self.start
    }

    /// A customer got ACKs, or the last customer stops waiting for any.
    pub(crate) fn beat(&self) {
        let mut pause = self.pause();
        // Read under the lock: of two threads' beats, the first to be told would else not have to be the earlier one.
        pause.end(Instant::now());
    }

    pub(crate) fn longest_pause(&self) -> Duration {
        self.pause().longest
    }

    fn pause(&self) -> MutexGuard<'_, Pause> {
        // There is nothing in it that a panic could leave half done.
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The present pause, and the longest so far.
#[derive(Debug)]
struct Pause {
    since: Instant,
    longest: Duration,
}

impl Pause {
    const fn since(start: Instant) -> Self {
        Self { since: start, longest: Duration::ZERO }
    }

    /// Ends the present pause; the next one begins.
    fn end(&mut self, now: Instant) {
        self.longest = self.longest.max(now.saturating_duration_since(self.since));
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest pause when it ends so many milliseconds after the start.
    fn longest(ends: &[u64]) -> u128 {
        let start = Instant::now();
        let mut pause = Pause::since(start);
        for &end in ends {
            pause.end(start + Duration::from_millis(end));
        }
        pause.longest.as_millis()
    }

    #[test]
    fn the_longest_pause_is_between_two_beats_wherever_it_lies() {
        assert_eq!(longest(&[]), 0);
        assert_eq!(longest(&[5, 6, 7]), 5);
        assert_eq!(longest(&[1, 8, 10]), 7);
        assert_eq!(longest(&[1, 2, 11]), 9);
        assert_eq!(longest(&[3, 3, 6, 6, 9]), 3);
    }

    #[test]
    fn a_pulse_feels_the_time_since_its_start() {
        let pulse = Pulse::start();
        assert_eq!(pulse.longest_pause(), Duration::ZERO);
        std::thread::sleep(Duration::from_millis(20));
        pulse.beat();
        let pause = pulse.longest_pause();
        assert!(pause >= Duration::from_millis(20) && pause <= pulse.started().elapsed());
    }
}
