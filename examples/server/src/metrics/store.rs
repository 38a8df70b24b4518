//! What the store reports.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::series::{Counters, counter};
use crate::store::{Group, Observer, PushBound, Pushes, SaveFailure, WaitingPushes};

/// The metrics of the store.
pub(super) struct StoreMetrics {
    saves: Counter,
    repeats: Counter,
    save_failures: Counters<SaveFailure>,
    group_size: Histogram,
    commit_seconds: Histogram,
    unindexed: Gauge,
    pushes: Counter,
    pushes_left_out: Counters<PushBound>,
    pushes_waiting: Gauge,
    pushes_age: Gauge,
}

impl StoreMetrics {
    pub(super) fn register(r: &mut Registry) -> Self {
        Self {
            saves: counter(r, "saves", "Copies of messages that were stored, two per message"),
            repeats: counter(r, "repeats", "Messages that were stored already"),
            save_failures: Counters::register(
                r,
                "save_failures",
                "Messages that were not stored, so they got no ACK, by reason",
            ),
            group_size: {
                let sizes = Histogram::new(exponential_buckets(1.0, 2.0, 15));
                r.register("group_size_messages", "Messages per commit", sizes.clone());
                sizes
            },
            commit_seconds: {
                let seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 14));
                let help = "Time of a commit, fsync included; with NATS until both copies are \
                    acknowledged";
                r.register_with_unit("commit", help, Unit::Seconds, seconds.clone());
                seconds
            },
            unindexed: {
                let unindexed = Gauge::default();
                let help = "Stored messages that are not in the embedded store's index yet";
                r.register("unindexed_messages", help, unindexed.clone());
                unindexed
            },
            pushes: counter(r, "pushes", "Messages put into the push outbox"),
            pushes_left_out: Counters::register(
                r,
                "pushes_left_out",
                "Messages not put into the push outbox because too many wait there, by reason",
            ),
            pushes_waiting: {
                let waiting = Gauge::default();
                r.register("pushes_waiting", "Messages in the push outbox", waiting.clone());
                waiting
            },
            pushes_age: {
                let age = Gauge::default();
                let help = "Age of the oldest message in the push outbox; 0 if it is empty";
                r.register_with_unit("pushes_oldest", help, Unit::Seconds, age.clone());
                age
            },
        }
    }
}

impl Observer for StoreMetrics {
    fn group(&self, group: &Group) {
        if let Some(failure) = group.failure {
            self.save_failures.inc_by(failure, count(group.messages));
            return;
        }
        self.saves.inc_by(count(group.messages) * 2);
        self.repeats.inc_by(count(group.repeats));
        self.commit_seconds.observe(group.took.as_secs_f64());
        if let Ok(messages) = u32::try_from(group.messages) {
            self.group_size.observe(f64::from(messages));
        }
    }

    fn pushes(&self, Pushes { queued, beyond_account, beyond_all }: Pushes) {
        self.pushes.inc_by(count(queued));
        self.pushes_left_out.inc_by(PushBound::Account, count(beyond_account));
        self.pushes_left_out.inc_by(PushBound::All, count(beyond_all));
    }

    fn unindexed(&self, messages: usize) {
        self.unindexed.set(i64::try_from(messages).unwrap_or(i64::MAX));
    }

    fn waiting(&self, WaitingPushes { count, oldest }: WaitingPushes) {
        self.pushes_waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
        self.pushes_age.set(i64::try_from(oldest.as_secs()).unwrap_or(i64::MAX));
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
