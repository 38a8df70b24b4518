//! The clocks of a connection.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client has been silent (S4.2). Time in which the server does not read does not count.
pub(super) struct Silence {
    heard: Instant,
    paused: Option<Instant>,
}

impl Silence {
    pub(super) fn new() -> Self {
        Self { heard: Instant::now(), paused: None }
    }

    /// Something has come.
    pub(super) fn heard(&mut self) {
        *self = Self::new();
    }

    /// Whether the server reads from now on.
    pub(super) fn set_reading(&mut self, reads: bool) {
        if reads {
            if let Some(since) = self.paused.take() {
                self.heard += since.elapsed();
            }
        } else {
            self.paused.get_or_insert_with(Instant::now);
        }
    }

    /// When the silence has lasted that long, if nothing comes.
    pub(super) fn lasts(&self, time: Duration) -> Option<Instant> {
        if self.paused.is_some() { None } else { self.heard.checked_add(time) }
    }
}

/// A timer for a deadline that mostly moves away: it is set again only when it has to ring earlier,
/// or has rung.
pub(super) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    pub(super) fn new(first: Instant) -> Self {
        Self(Box::pin(sleep_until(first)))
    }

    /// Waits until the deadline, or returns earlier. Cancel safe.
    pub(super) async fn rings(&mut self, deadline: Instant) {
        let Self(sleep) = self;
        if deadline < sleep.deadline() || sleep.is_elapsed() {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn s4_silence_counts_only_while_the_server_reads() {
        let mut silence = Silence::new();
        let started = Instant::now();
        advance(2 * SECOND).await;
        silence.set_reading(false);
        assert_eq!(silence.lasts(5 * SECOND), None);
        advance(60 * SECOND).await;
        silence.set_reading(false);
        advance(40 * SECOND).await;
        silence.set_reading(true);
        assert_eq!(silence.lasts(5 * SECOND), Some(started + 105 * SECOND));
        silence.set_reading(true);
        assert_eq!(silence.lasts(5 * SECOND), Some(started + 105 * SECOND));
        silence.heard();
        assert_eq!(silence.lasts(5 * SECOND), Some(Instant::now() + 5 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_at_its_deadline_or_earlier() {
        let started = Instant::now();
        let mut alarm = Alarm::new(started + 10 * SECOND);
        alarm.rings(started + 3 * SECOND).await;
        assert_eq!(started.elapsed(), 3 * SECOND);
        alarm.rings(started + 20 * SECOND).await;
        assert_eq!(started.elapsed(), 20 * SECOND);
    }
}
