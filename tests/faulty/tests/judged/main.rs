//! The checker finds what is wrong with each faulty host, and nothing wrong with the sound one.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod client;
mod judge;
mod traffic;

use std::net::SocketAddr;
use std::sync::Arc;

use judge::{Judge, View};
use kefu_faulty::{Chosen, FAULTS};
use kefu_proto::checker::Violation;
use traffic::{ACCOUNTS, flood, traffic};

/// Each fault, and the rules of which one is broken first: seen from both sides, from inside, and
/// from outside, by bytes alone. Where there are two for the versions of the protocol, it depends on
/// threads which message is the first. None where that side does not show it.
macro_rules! faults {
    ($($fault:ident: $both:expr, $inside:expr, $outside:expr;)*) => {
        const JUDGED: &[&str] = &[$(stringify!($fault)),*];

        mod from_both_sides {
            $(#[test] fn $fault() {
                super::finds(stringify!($fault), super::View::Both, &$both);
            })*
        }
        mod from_inside {
            $(#[test] fn $fault() {
                super::finds(stringify!($fault), super::View::Inside, &$inside);
            })*
        }
        mod from_outside {
            $(#[test] fn $fault() {
                super::finds(stringify!($fault), super::View::Outside, &$outside);
            })*
        }
    };
}

faults! {
    // To a client it is the answer to its SYNC that lacks the message.
    second_copy_not_stored: ["H7.2", "H14.2"], ["H7.2", "H14.2"], ["S2.3"];
    sync_reads_another_queue: ["S2.3"], [], ["S2.3"];
    sync_skips_a_row: ["S2.3"], [], ["S2.3"];
    failed_save_answers_with_an_id: ["H8.1"], ["H8.1"], ["S2.3"];
    // From inside it is the ACK that comes too early.
    no_notify_to_the_receiver: ["H7.6", "H14.8"], ["H7.6", "H14.8"], ["H7.4", "H14.5"];
    own_connection_notified: ["H7.5", "H14.7"], ["H7.5", "H14.7"], ["H7.5", "H14.7"];
    // Its client no longer reads.
    departed_connection_given_messages: ["H7.4"], ["H7.4"], [];
    // To a client that has sent something itself, its own could have come.
    everybody_notified: ["H7.4"], ["H7.4"], ["H7.4", "H7.5"];
    // What comes on two connections has no order, and on one a notify may be left out for a newer.
    ack_before_notify: ["H7.6", "H14.8"], ["H7.6", "H14.8"], [];
    metadata_separated: ["W10.3"], [], ["W10.3"];
    live_copy_to_version_1: ["D3.1"], [], ["D3.1"];
    self_flag_missing: ["D4.3"], [], ["D4.3"];
    time_of_the_client_kept: ["H4.1"], ["H4.1"], ["H4.1"];
    two_messages_swapped: ["S11.1"], [], ["S11.1"];
}

#[test]
fn every_fault_is_judged() {
    let names: Vec<_> = FAULTS.iter().map(|fault| fault.name.replace('-', "_")).collect();
    assert_eq!(names, JUDGED);
}

#[test]
fn a_sound_host_breaks_no_rule_seen_from_both_sides() {
    is_sound(View::Both);
}

#[test]
fn a_sound_host_breaks_no_rule_seen_from_inside() {
    is_sound(View::Inside);
}

#[test]
fn a_sound_host_breaks_no_rule_seen_from_outside() {
    is_sound(View::Outside);
}

#[test]
fn a_sound_host_breaks_no_rule_in_a_flood() {
    for view in [View::Both, View::Inside, View::Outside] {
        if let Some(violation) = verdict(Chosen::NONE, view, flood) {
            panic!("{view:?}: {violation}");
        }
    }
}

/// Threads take turns differently each time.
fn is_sound(view: View) {
    for run in 0..20 {
        if let Some(violation) = verdict(Chosen::NONE, view, traffic) {
            panic!("run {run}: {violation}");
        }
    }
}

fn finds(fault: &str, view: View, rules: &[&str]) {
    let fault = Chosen::named(&fault.replace('_', "-")).expect("a fault");
    match verdict(fault, view, traffic) {
        Some(violation) if rules.contains(&violation.rule()) => {}
        None if rules.is_empty() => {}
        Some(violation) => panic!("not one of {rules:?}, but {violation}"),
        None => panic!("none of {rules:?} is found"),
    }
}

/// The first violation under some traffic.
fn verdict(
    fault: Chosen,
    view: View,
    traffic: impl FnOnce(&Judge, SocketAddr),
) -> Option<Violation> {
    let judge = Arc::new(Judge::new(view, &ACCOUNTS));
    let addr = kefu_faulty::start(fault, Some(judge.watch())).unwrap();
    traffic(&judge, addr);
    judge.verdict()
}
