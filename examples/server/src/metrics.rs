//! What an operator counts.

use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::embedded::{Group, Observer};

/// The counters behind `/metrics`. Cheap to count with; nothing here knows an account or a content.
pub struct Metrics {
    registry: Registry,
    /// Chat messages that the rules let pass.
    pub accepted: Counter,
    /// Chat messages that the rules refuse, by reason.
    refused: Family<Reason, Counter>,
    /// Logins whose token names nobody, or could not be looked up.
    pub logins_refused: Counter,
    /// Lookups in the auth Redis that failed.
    pub auth_failures: Counter,
    /// Copies stored.
    pub saves: Counter,
    /// Messages that were stored already.
    repeats: Counter,
    /// Messages whose saves failed: they got no ACK.
    pub save_failures: Counter,
    /// Messages a commit.
    pub group_size: Histogram,
    /// Seconds a commit took.
    pub commit_seconds: Histogram,
    /// Connections open now.
    pub connections: Gauge,
    /// Connections that have ended, by reason.
    closed: Family<Reason, Counter>,
    /// Messages dropped because a connection's outbox was full.
    pub outbox_drops: Counter,
    /// Messages put into the push outbox.
    pub pushes: Counter,
    /// Batches of pushes that their Redis did not take.
    pub push_failures: Counter,
    /// Frames of commands that are not the protocol's.
    pub unlisted: Counter,
    /// Whether the last group could not be committed.
    failing: AtomicBool,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("kefu"),
            accepted: Counter::default(),
            refused: Family::default(),
            logins_refused: Counter::default(),
            auth_failures: Counter::default(),
            saves: Counter::default(),
            repeats: Counter::default(),
            save_failures: Counter::default(),
            group_size: Histogram::new(exponential_buckets(1.0, 2.0, 15)),
            commit_seconds: Histogram::new(exponential_buckets(0.0005, 2.0, 14)),
            connections: Gauge::default(),
            closed: Family::default(),
            outbox_drops: Counter::default(),
            pushes: Counter::default(),
            push_failures: Counter::default(),
            unlisted: Counter::default(),
            failing: AtomicBool::new(false),
        };
        metrics.register();
        metrics
    }

    /// A chat message was refused.
    pub fn refuse(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    /// A connection has ended.
    pub fn close(&self, reason: &'static str) {
        self.closed.get_or_create(&Reason { reason }).inc();
    }

    /// Whether the store took the last that it was given.
    pub fn store_is_healthy(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register(
            "messages_accepted",
            "Chat messages that the rules let pass",
            self.accepted.clone(),
        );
        r.register("messages_refused", "Chat messages refused, by reason", self.refused.clone());
        r.register(
            "logins_refused",
            "Logins whose token names nobody, or could not be looked up",
            self.logins_refused.clone(),
        );
        r.register(
            "auth_failures",
            "Lookups that the auth Redis has not answered",
            self.auth_failures.clone(),
        );
        r.register("saves", "Copies of messages stored, two a message", self.saves.clone());
        r.register("repeats", "Messages that were stored already", self.repeats.clone());
        r.register(
            "save_failures",
            "Messages whose saves failed, so without ACK",
            self.save_failures.clone(),
        );
        r.register("group_size_messages", "Messages in one commit", self.group_size.clone());
        let help =
            "Time of one commit, fsync included; with NATS until both copies are acknowledged";
        r.register_with_unit("commit", help, Unit::Seconds, self.commit_seconds.clone());
        r.register("connections", "Connections open now", self.connections.clone());
        r.register(
            "connections_closed",
            "Connections that have ended, by reason",
            self.closed.clone(),
        );
        r.register(
            "outbox_drops",
            "Messages dropped for a slow connection",
            self.outbox_drops.clone(),
        );
        r.register("pushes", "Messages put into the push outbox", self.pushes.clone());
        r.register(
            "push_failures",
            "Batches that the push Redis did not take",
            self.push_failures.clone(),
        );
        r.register(
            "unlisted_frames",
            "Frames of commands of no meaning here",
            self.unlisted.clone(),
        );
    }
}

impl Observer for Metrics {
    fn group(&self, group: &Group) {
        self.failing.store(!group.committed, Ordering::Relaxed);
        if !group.committed {
            self.save_failures.inc_by(count(group.messages));
            return;
        }
        self.saves.inc_by(count(group.messages) * 2);
        self.repeats.inc_by(count(group.repeats));
        self.commit_seconds.observe(group.took.as_secs_f64());
        if let Ok(messages) = u32::try_from(group.messages) {
            self.group_size.observe(f64::from(messages));
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Reason {
    reason: &'static str,
}
