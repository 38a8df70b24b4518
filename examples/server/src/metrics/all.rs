//! All metrics of a server.

use kefu_proto::LeftOut;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::log;
use crate::metrics::label::{ConnectionState, OutboxDrop};
use crate::metrics::series::{Counters, Gauges, Labels, counter};
use crate::metrics::store::StoreMetrics;
use crate::store::{Group, Observer, Pushes, WaitingPushes};

/// Counters that are cheap to increment. None of them names an account or a content.
pub struct Metrics {
    registry: Registry,
    /// Chat messages that were accepted.
    pub accepted: Counter,
    refused: Family<Labels, Counter>,
    /// Logins whose token is unknown.
    pub logins_refused: Counter,
    /// Lookups in the auth Redis that failed.
    pub auth_failures: Counter,
    /// Open connections.
    pub(super) connections: Gauges<ConnectionState>,
    closed: Family<Labels, Counter>,
    /// Pauses of reading because an account sends too fast.
    pub throttled: Counter,
    /// Bytes of requests that are begun and not answered.
    pub in_flight_bytes: Gauge,
    /// Messages of others that were not sent to a connection.
    outbox_drops: Counters<OutboxDrop>,
    store: StoreMetrics,
    /// Batches that the push Redis has not taken.
    pub push_failures: Counter,
    /// Frames of commands that the protocol does not list.
    pub unlisted: Counter,
    /// Rows that a sync has left out because they fit no command.
    pub unreadable: Counter,
    /// Messages that were left out because they are too long for the frame limit.
    pub unsendable: Counter,
    /// Traces that were refused because their account had too many.
    pub traces_refused: Counter,
}

impl Metrics {
    /// All metrics at zero. `ends` are the reasons for which connections end.
    pub fn new(ends: impl IntoIterator<Item = &'static str>) -> Self {
        let mut registry = Registry::with_prefix("kefu");
        let r = &mut registry;
        Self {
            accepted: counter(r, "messages_accepted", "Chat messages that were accepted"),
            refused: {
                let help = "Chat messages that were refused, by reason";
                reasons(r, "messages_refused", help, REFUSALS)
            },
            logins_refused: counter(r, "logins_refused", "Logins whose token is unknown"),
            auth_failures: {
                let help = "Lookups that the auth Redis has not answered, or has refused";
                counter(r, "auth_failures", help)
            },
            connections: Gauges::register(r, "connections", "Open connections, by state"),
            closed: {
                let help = "Connections that have ended, by reason";
                reasons(r, "connections_closed", help, ends)
            },
            throttled: {
                let help = "Pauses of reading because an account sends too fast";
                counter(r, "throttled", help)
            },
            in_flight_bytes: {
                let (bytes, help) = (Gauge::default(), "Requests that are begun and not answered");
                r.register_with_unit("in_flight", help, Unit::Bytes, bytes.clone());
                bytes
            },
            outbox_drops: {
                let help = "Messages not sent because a connection's outbox was full, by kind";
                Counters::register(r, "outbox_drops", help)
            },
            store: StoreMetrics::register(r),
            push_failures: {
                counter(r, "push_failures", "Batches that the push Redis has not taken")
            },
            unlisted: {
                let help = "Frames of commands that the protocol does not list";
                counter(r, "unlisted_frames", help)
            },
            unreadable: {
                let help = "Rows that a sync has left out because they fit no command";
                counter(r, "unreadable_rows", help)
            },
            unsendable: {
                let help = "Messages left out because they are longer than --frame-limit";
                counter(r, "unsendable", help)
            },
            traces_refused: {
                let help = "Traces refused because their account had too many";
                counter(r, "traces_refused", help)
            },
            registry: {
                let help = "Lines that could not be written to the log";
                r.register("log_lines_dropped", help, log::DROPPED.clone());
                registry
            },
        }
    }

    /// A chat message was refused.
    pub fn refuse(&self, reason: &'static str) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// A connection has ended.
    pub fn close(&self, reason: &'static str) {
        self.closed.get_or_create(&[("reason", reason)]).inc();
    }

    /// A message was left out for one connection.
    pub fn leave_out(&self, kind: LeftOut) {
        self.outbox_drops.inc(kind.into());
    }

    /// All metrics in the text format of `OpenMetrics`.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

impl Observer for Metrics {
    fn group(&self, group: &Group) {
        self.store.group(group);
    }

    fn pushes(&self, pushes: Pushes) {
        self.store.pushes(pushes);
    }

    fn unindexed(&self, messages: usize) {
        self.store.unindexed(messages);
    }

    fn waiting(&self, waiting: WaitingPushes) {
        self.store.waiting(waiting);
    }
}

/// A counter at zero for each reason.
fn reasons(
    registry: &mut Registry,
    name: &str,
    help: &str,
    reasons: impl IntoIterator<Item = &'static str>,
) -> Family<Labels, Counter> {
    let family = Family::<Labels, Counter>::default();
    for reason in reasons {
        drop(family.get_or_create(&[("reason", reason)]));
    }
    registry.register(name, help, family.clone());
    family
}

/// `Refusal::reason` of every refusal.
const REFUSALS: [&str; 8] = [
    "other_command",
    "customer_appid_mismatch",
    "customer_id_mismatch",
    "seller_id_zero",
    "not_kefu_app",
    "seller_id_mismatch",
    "sender_mismatch",
    "no_kefu_side",
];

#[cfg(test)]
mod tests {
    use kefu_proto::{Account, AppId, Command, Refusal, UserId};

    use super::*;

    /// One of each kind.
    fn refusals() -> [Refusal; 8] {
        let (app, user) = (AppId(1), UserId(1));
        let account = Account::new(app, user);
        [
            Refusal::OtherCommand { command: Command(1) },
            Refusal::CustomerAppIdMismatch { claimed: app, session: app },
            Refusal::CustomerIdMismatch { claimed: user, session: user },
            Refusal::SellerIdZero,
            Refusal::NotKefuApp { session: app, kefu_appid: app },
            Refusal::SellerIdMismatch { claimed: user, session: user },
            Refusal::SenderMismatch { claimed: account, session: account },
            Refusal::NoKefuSide { sender: app, receiver: app, kefu_appid: app },
        ]
    }

    #[test]
    fn every_refusal_is_there_from_the_start() {
        let text = Metrics::new([]).text();
        for refusal in refusals() {
            let reason = refusal.reason();
            let line = format!("kefu_messages_refused_total{{reason=\"{reason}\"}} 0\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert_eq!(REFUSALS.len(), refusals().len());
    }
}
