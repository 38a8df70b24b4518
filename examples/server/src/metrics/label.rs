//! Labels whose values are all known, so that each has its series from the start.

use std::marker::PhantomData;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::store::{PushBound, SaveFailure};

/// The values of a label.
pub(super) trait Label: Copy + 'static {
    /// The name of the label.
    const LABEL: &'static str = "reason";
    const ALL: &'static [Self];

    fn value(self) -> &'static str;
}

/// The one label of a series.
pub(super) type Labels = [(&'static str, &'static str); 1];

/// A counter for each value of a label.
pub struct Counters<L>(Family<Labels, Counter>, PhantomData<L>);

#[allow(private_bounds, reason = "the labels are those of this module")]
impl<L: Label> Counters<L> {
    pub fn inc(&self, label: L) {
        self.inc_by(label, 1);
    }

    pub fn inc_by(&self, label: L, count: u64) {
        self.0.get_or_create(&labels(label)).inc_by(count);
    }

    /// All counters at zero.
    pub(super) fn register(registry: &mut Registry, name: &str, help: &str) -> Self {
        let counters = Self(Family::default(), PhantomData);
        for label in L::ALL {
            counters.inc_by(*label, 0);
        }
        registry.register(name, help, counters.0.clone());
        counters
    }
}

/// A gauge for each value of a label.
pub(super) struct Gauges<L>(Family<Labels, Gauge>, PhantomData<L>);

impl<L: Label> Gauges<L> {
    pub(super) fn add(&self, label: L, number: i64) {
        self.0.get_or_create(&labels(label)).inc_by(number);
    }

    /// All gauges at zero.
    pub(super) fn register(registry: &mut Registry, name: &str, help: &str) -> Self {
        let gauges = Self(Family::default(), PhantomData);
        for label in L::ALL {
            gauges.add(*label, 0);
        }
        registry.register(name, help, gauges.0.clone());
        gauges
    }
}

fn labels<L: Label>(label: L) -> Labels {
    [(L::LABEL, label.value())]
}

/// Why a message of others was not sent to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OutboxDrop {
    /// A live copy found no room. Its user finds the message by a sync.
    LiveCopy,
    /// An unpersistent message found no room.
    Unpersistent,
}

impl Label for OutboxDrop {
    const ALL: &'static [Self] = &[Self::LiveCopy, Self::Unpersistent];

    fn value(self) -> &'static str {
        match self {
            Self::LiveCopy => "live_copy",
            Self::Unpersistent => "unpersistent",
        }
    }
}

/// Which bound made a connection give way to a newer one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Eviction {
    /// Connections that have not logged in.
    Waiting,
    /// Those of one address.
    Address,
    /// Connections of one account.
    Account,
}

impl Label for Eviction {
    const ALL: &'static [Self] = &[Self::Waiting, Self::Address, Self::Account];

    fn value(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Address => "address",
            Self::Account => "account",
        }
    }
}

/// Which rate of an account made the server pause reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Throttle {
    Messages,
    Bytes,
}

impl Label for Throttle {
    const ALL: &'static [Self] = &[Self::Messages, Self::Bytes];

    fn value(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Bytes => "bytes",
        }
    }
}

impl Label for SaveFailure {
    const ALL: &'static [Self] = &Self::ALL;

    fn value(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Corrupt => "corrupt",
            Self::NoSpace => "no_space",
            Self::TooLong => "too_long",
            Self::Timeout => "timeout",
        }
    }
}

impl Label for PushBound {
    const ALL: &'static [Self] = &Self::ALL;

    fn value(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::All => "all",
        }
    }
}
