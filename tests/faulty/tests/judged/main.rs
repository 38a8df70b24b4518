//! The checker finds what is wrong with each faulty host, and nothing wrong with the sound one.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod client;
mod judge;
mod traffic;

use std::sync::Arc;

use judge::{Judge, View};
use kefu_faulty::{Chosen, FAULTS};
use kefu_proto::checker::Violation;
use traffic::{ACCOUNTS, traffic};

/// Each fault, and the rule that is broken first: seen from both sides, then from outside alone;
/// `None` where bytes cannot tell.
macro_rules! faults {
    ($($fault:ident: $both:expr, $outside:expr;)*) => {
        const JUDGED: &[&str] = &[$(stringify!($fault)),*];

        mod from_both_sides {
            $(#[test] fn $fault() {
                super::finds(stringify!($fault), super::View::Both, $both);
            })*
        }
        mod from_outside {
            $(#[test] fn $fault() {
                super::finds(stringify!($fault), super::View::Outside, $outside);
            })*
        }
    };
}

faults! {
    second_copy_not_stored: Some("H7.2"), Some("H7.2");
    sync_reads_another_queue: Some("S2.3"), Some("S2.3");
    sync_skips_a_row: Some("S2.3"), Some("S2.3");
    failed_save_answers_with_an_id: Some("H8.1"), Some("H7.7");
    no_notify_to_the_receiver: Some("H7.6"), Some("H7.4");
    own_connection_notified: Some("H7.5"), Some("H7.5");
    departed_connection_given_messages: Some("H7.4"), None; // the client no longer reads
    everybody_notified: Some("H7.4"), Some("H7.4");
    ack_before_notify: Some("H7.6"), Some("H7.6");
    metadata_separated: Some("W10.3"), Some("W10.3");
    live_copy_to_version_1: Some("D3.1"), Some("D3.1");
    self_flag_missing: Some("D4.3"), Some("D4.3");
    time_of_the_client_kept: Some("H4.1"), Some("H4.1");
    two_messages_swapped: Some("S11.1"), Some("S11.1");
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

/// Threads take turns differently each time.
fn is_sound(view: View) {
    for run in 0..20 {
        if let Some(violation) = verdict(Chosen::NONE, view) {
            panic!("run {run}: {violation}");
        }
    }
}

fn finds(fault: &str, view: View, rule: Option<&str>) {
    let fault = Chosen::named(&fault.replace('_', "-")).expect("a fault");
    let violation = verdict(fault, view);
    let found = violation.as_ref().map(Violation::rule);
    assert_eq!(found, rule, "{violation:#?}");
}

/// The first violation under the traffic of a day.
fn verdict(fault: Chosen, view: View) -> Option<Violation> {
    let judge = Arc::new(Judge::new(view, &ACCOUNTS));
    let addr = kefu_faulty::start(fault, Some(judge.watch())).unwrap();
    traffic(&judge, addr);
    judge.verdict()
}
