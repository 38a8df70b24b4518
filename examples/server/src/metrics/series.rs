//! Counters and gauges that are there from the start, one for each value of a label.

use std::marker::PhantomData;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

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

/// A counter without labels.
pub(super) fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}
