//! What proptest rolls and shrinks: numbers, from which the steps of a script follow.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::knobs::Knobs;

/// Every value of it is a script, so that it shrinks without regard to what is possible.
#[derive(Clone, Debug)]
pub(super) struct Roll {
    pub(super) customers: usize,
    pub(super) sellers: usize,
    pub(super) devices: usize,
    /// One a client.
    pub(super) kinds: Vec<KindRoll>,
    pub(super) steps: Vec<StepRoll>,
}

#[derive(Clone, Debug)]
pub(super) struct KindRoll {
    pub(super) v2: f64,
    pub(super) web: f64,
    pub(super) is_old: bool,
}

#[derive(Clone, Debug)]
pub(super) struct StepRoll {
    pub(super) who: Index,
    pub(super) what: f64,
    pub(super) detail: f64,
    pub(super) which: Index,
    pub(super) messages: Vec<MessageRoll>,
}

#[derive(Clone, Debug)]
pub(super) struct MessageRoll {
    pub(super) to: Index,
    pub(super) unpersistent: f64,
    pub(super) flags: Index,
}

/// Whether a number of 0.0 to 1.0 is in the upper end of such a share: it shrinks to what is not.
pub(super) fn is_in(share: f64, roll: f64) -> bool {
    roll >= 1.0 - share
}

pub(super) fn roll(knobs: &Knobs) -> impl Strategy<Value = Roll> + use<> {
    let (customers, sellers) = (some(&knobs.customers), some(&knobs.sellers));
    let devices = some(&knobs.devices);
    let most = (customers.end() + sellers.end()).saturating_mul(*devices.end());
    let steps = range(&knobs.steps, 0);
    let step = step(&some(&knobs.burst));
    // In this order they shrink.
    (vec(step, steps), devices, customers, sellers, vec(kind(), most)).prop_map(
        |(steps, devices, customers, sellers, kinds)| Roll {
            customers,
            sellers,
            devices,
            kinds,
            steps,
        },
    )
}

fn kind() -> impl Strategy<Value = KindRoll> {
    (0.0..1.0, 0.0..1.0, any::<bool>()).prop_map(|(v2, web, is_old)| KindRoll { v2, web, is_old })
}

fn step(burst: &RangeInclusive<usize>) -> impl Strategy<Value = StepRoll> + use<> {
    let messages = vec(message(), burst.clone());
    (any::<Index>(), 0.0..1.0, 0.0..1.0, any::<Index>(), messages).prop_map(
        |(who, what, detail, which, messages)| StepRoll { who, what, detail, which, messages },
    )
}

fn message() -> impl Strategy<Value = MessageRoll> {
    (any::<Index>(), 0.0..1.0, any::<Index>()).prop_map(|(to, unpersistent, flags)| MessageRoll {
        to,
        unpersistent,
        flags,
    })
}

/// At least one.
fn some(knob: &RangeInclusive<usize>) -> RangeInclusive<usize> {
    range(knob, 1)
}

fn range(knob: &RangeInclusive<usize>, least: usize) -> RangeInclusive<usize> {
    let start = *knob.start().max(&least);
    start..=*knob.end().max(&start)
}
