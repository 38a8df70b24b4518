//! How fast one account is read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What an account may send in a second, on all its connections to this server. 0: no bound.
#[derive(Clone, Copy, Debug)]
pub struct PaceBounds {
    pub requests: u32,
    pub bytes: u32,
}

/// The pace of one account.
pub struct Pace(Mutex<Buckets>);

struct Buckets {
    requests: Option<Bucket>,
    bytes: Option<Bucket>,
}

impl Pace {
    pub fn new(bounds: PaceBounds) -> Self {
        let now = Instant::now();
        let bucket = |rate| (rate > 0).then(|| Bucket::new(rate, now));
        let PaceBounds { requests, bytes } = bounds;
        Self(Mutex::new(Buckets { requests: bucket(requests), bytes: bucket(bytes) }))
    }

    /// Counts what was read; `Some` until when nothing more is to be read, if that was too much.
    pub fn spend(&self, requests: usize, bytes: usize) -> Option<Instant> {
        let now = Instant::now();
        let mut buckets = self.lock();
        let Buckets { requests: by_number, bytes: by_size } = &mut *buckets;
        let spent = [(by_number, requests), (by_size, bytes)];
        let ready = spent.map(|(bucket, count)| bucket.as_mut()?.spend(count, now));
        ready.into_iter().max().flatten()
    }

    /// When the account has its whole burst again.
    pub fn rested(&self) -> Option<Instant> {
        let buckets = self.lock();
        [&buckets.requests, &buckets.bytes].into_iter().flatten().map(|bucket| bucket.full).max()
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token bucket that holds what comes in [`BURST`].
struct Bucket {
    /// How many there are in a second.
    rate: u32,
    /// When it is full if nothing more is taken.
    full: Instant,
}

/// The longest burst, in time at the steady rate.
const BURST: Duration = Duration::from_secs(1);

impl Bucket {
    const fn new(rate: u32, now: Instant) -> Self {
        Self { rate, full: now }
    }

    /// Takes this many, even if there are not as many: then it says when the debt is paid.
    fn spend(&mut self, count: usize, now: Instant) -> Option<Instant> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.full = self.full.max(now) + Duration::from_secs(1) * count / self.rate;
        let paid = self.full - BURST;
        (paid > now).then_some(paid)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep_until};

    use super::*;

    const BOUNDS: PaceBounds = PaceBounds { requests: 100, bytes: 1_000 };
    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_second_s_worth_is_free_and_then_the_rate_holds() {
        let pace = Pace::new(BOUNDS);
        assert_eq!(pace.spend(60, 100), None);
        assert_eq!(pace.spend(40, 100), None);
        let started = Instant::now();
        let mut requests = 0;
        while started.elapsed() < 10 * SECOND {
            requests += 10;
            if let Some(ready) = pace.spend(10, 1) {
                sleep_until(ready).await;
            }
        }
        assert!((990..=1010).contains(&requests), "{requests}");
    }

    #[tokio::test(start_paused = true)]
    async fn either_bound_pauses_and_one_large_request_is_a_debt() {
        let pace = Pace::new(BOUNDS);
        assert_eq!(pace.spend(1, 3_000), Some(Instant::now() + 2 * SECOND));
        assert_eq!(pace.rested(), Some(Instant::now() + 3 * SECOND));
        advance(2 * SECOND).await;
        assert_eq!(pace.spend(1, 0), None);
        assert_eq!(pace.spend(0, 1), Some(Instant::now() + SECOND / 1_000));
        advance(SECOND).await;
        assert_eq!(pace.spend(110, 0), Some(Instant::now() + SECOND / 10));
    }

    #[tokio::test(start_paused = true)]
    async fn rest_is_not_saved_up_beyond_the_burst() {
        let pace = Pace::new(BOUNDS);
        advance(1_000 * SECOND).await;
        assert_eq!(pace.spend(100, 1), None);
        assert!(pace.spend(1, 1).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn without_bounds_nothing_pauses() {
        let pace = Pace::new(PaceBounds { requests: 0, bytes: 0 });
        assert_eq!((pace.spend(usize::MAX, usize::MAX), pace.rested()), (None, None));
    }
}
