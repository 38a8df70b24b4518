//! The longest time in which no customer got an ACK.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The time between ACKs, of all customers together, from the start of the sending on.
#[derive(Debug)]
pub(crate) struct Pauses {
    start: Instant,
    pause: Mutex<Pause>,
}

impl Pauses {
    pub(crate) fn start() -> Self {
        let start = Instant::now();
        Self { start, pause: Mutex::new(Pause::since(start)) }
    }

    pub(crate) const fn started(&self) -> Instant {
        self.start
    }

    /// A customer got ACKs, or the last customer stops waiting.
    pub(crate) fn end(&self) {
        let mut pause = self.pause();
        // The clock is read under the lock, so that the times of two threads come in order.
        pause.end(Instant::now());
    }

    pub(crate) fn longest_pause(&self) -> Duration {
        self.pause().longest
    }

    fn pause(&self) -> MutexGuard<'_, Pause> {
        // A panic cannot leave it half written.
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The current pause, and the longest so far.
#[derive(Debug)]
struct Pause {
    since: Instant,
    longest: Duration,
}

impl Pause {
    const fn since(start: Instant) -> Self {
        Self { since: start, longest: Duration::ZERO }
    }

    /// Ends the current pause; the next one begins.
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
    fn the_longest_pause_is_between_two_acks_wherever_it_lies() {
        assert_eq!(longest(&[]), 0);
        assert_eq!(longest(&[5, 6, 7]), 5);
        assert_eq!(longest(&[1, 8, 10]), 7);
        assert_eq!(longest(&[1, 2, 11]), 9);
        assert_eq!(longest(&[3, 3, 6, 6, 9]), 3);
    }

    #[test]
    fn pauses_are_measured_from_the_start_on() {
        let pauses = Pauses::start();
        assert_eq!(pauses.longest_pause(), Duration::ZERO);
        std::thread::sleep(Duration::from_millis(20));
        pauses.end();
        let pause = pauses.longest_pause();
        assert!(pause >= Duration::from_millis(20) && pause <= pauses.started().elapsed());
    }
}
