//! The metrics of `/metrics`.

use kefu_proto::LeftOut;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::log;
use crate::store::{Group, Observer};

/// Counters that are cheap to increment. None of them names an account or a content.
pub struct Metrics {
    registry: Registry,
    /// Chat messages that were accepted.
    pub accepted: Counter,
    /// Chat messages that were refused, by reason.
    refused: Family<Reason, Counter>,
    /// Logins whose token is unknown, or could not be looked up.
    pub logins_refused: Counter,
    /// Lookups in the auth Redis that failed.
    pub auth_failures: Counter,
    /// Copies of messages that were stored.
    pub saves: Counter,
    /// Messages that were stored already.
    repeats: Counter,
    /// Messages that could not be stored, so they got no ACK.
    pub save_failures: Counter,
    /// Messages per commit.
    pub group_size: Histogram,
    /// Seconds per commit.
    pub commit_seconds: Histogram,
    /// Open connections.
    pub connections: Gauge,
    /// Connections that have ended, by reason.
    closed: Family<Reason, Counter>,
    /// Messages that were left out for a connection, by reason.
    dropped: Family<Reason, Counter>,
    /// How often an account was read no further for a while.
    pub paused: Counter,
    /// Messages too long for a connection's frame limit.
    pub unsendable: Counter,
    /// Messages that were put into the push outbox.
    pub pushes: Counter,
    /// Batches that the push Redis has not taken.
    pub push_failures: Counter,
    /// Frames of commands that the protocol does not list.
    pub unlisted: Counter,
    /// Rows that a sync has left out because they fit no command.
    pub unreadable: Counter,
    /// Traces that were refused because their account had too many.
    pub traces_refused: Counter,
}

impl Metrics {
    /// All metrics at zero.
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
            dropped: Family::default(),
            paused: Counter::default(),
            unsendable: Counter::default(),
            pushes: Counter::default(),
            push_failures: Counter::default(),
            unlisted: Counter::default(),
            unreadable: Counter::default(),
            traces_refused: Counter::default(),
        };
        metrics.register();
        metrics.register_bounds();
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

    /// A message was left out for one connection.
    pub fn leave_out(&self, kind: LeftOut) {
        let reason = match kind {
            LeftOut::LiveCopy => LIVE_COPY,
            LeftOut::Unpersistent => UNPERSISTENT,
            _ => OTHER,
        };
        self.dropped.get_or_create(&Reason { reason }).inc();
    }

    /// All metrics in the text format of `OpenMetrics`.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("messages_accepted", "Chat messages that were accepted", self.accepted.clone());
        r.register(
            "messages_refused",
            "Chat messages that were refused, by reason",
            self.refused.clone(),
        );
        r.register(
            "logins_refused",
            "Logins whose token is unknown, or could not be looked up",
            self.logins_refused.clone(),
        );
        r.register(
            "auth_failures",
            "Lookups that the auth Redis has not answered, or has refused",
            self.auth_failures.clone(),
        );
        r.register(
            "saves",
            "Copies of messages that were stored, two per message",
            self.saves.clone(),
        );
        r.register("repeats", "Messages that were stored already", self.repeats.clone());
        r.register(
            "save_failures",
            "Messages that could not be stored, so they got no ACK",
            self.save_failures.clone(),
        );
        r.register("group_size_messages", "Messages per commit", self.group_size.clone());
        let help = "Time of a commit, fsync included; with NATS until both copies are acknowledged";
        r.register_with_unit("commit", help, Unit::Seconds, self.commit_seconds.clone());
        r.register("connections", "Open connections", self.connections.clone());
        r.register(
            "connections_closed",
            "Connections that have ended, by reason",
            self.closed.clone(),
        );
        r.register(
            "dropped",
            "Messages left out because a connection's outbox was full, by kind",
            self.dropped.clone(),
        );
        for reason in [LIVE_COPY, UNPERSISTENT, OTHER] {
            drop(self.dropped.get_or_create(&Reason { reason }));
        }
        r.register(
            "account_pauses",
            "Pauses in reading an account that sends more than it may",
            self.paused.clone(),
        );
        r.register(
            "unsendable",
            "Messages left out because they are longer than the frame limit",
            self.unsendable.clone(),
        );
        r.register("pushes", "Messages put into the push outbox", self.pushes.clone());
        r.register(
            "push_failures",
            "Batches that the push Redis has not taken",
            self.push_failures.clone(),
        );
        r.register(
            "unlisted_frames",
            "Frames of commands that the protocol does not list",
            self.unlisted.clone(),
        );
        r.register(
            "unreadable_rows",
            "Rows that a sync has left out because they fit no command",
            self.unreadable.clone(),
        );
    }
}

const LIVE_COPY: &str = "live_copy";
const UNPERSISTENT: &str = "unpersistent";
const OTHER: &str = "other";

impl Metrics {
    /// What is left out because of a bound.
    fn register_bounds(&mut self) {
        let r = &mut self.registry;
        r.register(
            "traces_refused",
            "Traces refused because their account had too many",
            self.traces_refused.clone(),
        );
        r.register(
            "log_lines_dropped",
            "Lines of the log that could not be written",
            log::DROPPED.clone(),
        );
    }
}

impl Observer for Metrics {
    fn group(&self, group: &Group) {
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
