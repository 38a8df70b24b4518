//! The strategies keep what they promise, and reach what the properties are about.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use kefu_proto::{
    Accepted, Account, AckStatus, AppId, Body, Encode, FrameDecoder, FrameLimit, Message,
};
use kefu_proto::{Parsed, Seq, Session, UnixTime, UserId, Version, strategy};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::handler::guards;

proptest! {
    #[test]
    fn h2_h3_what_is_called_accepted_is_and_so_is_what_is_called_refused(
        (config, identity, accepted, refused) in strategy::login()
            .prop_flat_map(|(config, identity)| (
                Just(config),
                Just(identity),
                strategy::accepted(config, identity),
                strategy::refused(config, identity),
            )),
        now in strategy::unix_time(),
    ) {
        let session = Session::new(config, identity);
        prop_assert_eq!(session.identity(), identity);
        prop_assert!(session.handle(accepted.into(), now).is_ok());
        prop_assert!(session.handle(refused.into(), now).is_err());
    }

    #[test]
    fn nobody_is_logged_in_as_0(identity in strategy::identity()) {
        let Account { appid, uid } = identity.account();
        prop_assert!(appid != AppId(0) && uid != UserId(0));
    }

    #[test]
    fn a_store_answers_by_its_script_and_no_more_than_twice(
        script in strategy::save_script(),
        (config, identity, message) in strategy::login().prop_flat_map(|(config, identity)| {
            (Just(config), Just(identity), strategy::accepted(config, identity))
        }),
    ) {
        let delivery = Session::new(config, identity).handle(message.into(), UnixTime::from(0))?;
        let Accepted::Persistent(saves) = delivery.accept() else { return Ok(()) };
        let [save, _] = saves.requests();
        let mut store = script.store();
        let answers = [store(save), store(save), store(save)].map(Result::ok);
        prop_assert_eq!(answers, [script.receiver, script.sender, None]);
        let both = answers[0].is_some() && answers[1].is_some();
        prop_assert_eq!(script.copies().is_some(), both);
    }
}

#[test]
fn both_deliveries_and_every_refusal_are_reached() {
    let exchange = strategy::login().prop_flat_map(|(config, identity)| {
        let handled = strategy::refused(config, identity);
        let message = prop_oneof![strategy::accepted(config, identity), handled];
        (Just(Session::new(config, identity)), message)
    });
    let mut seen = BTreeMap::new();
    for (session, message) in samples(&exchange, 5_000) {
        let outcome = match session.handle(message.into(), UnixTime::from(0)) {
            Ok(delivery) if delivery.is_persistent() => "persistent",
            Ok(_) => "transient",
            Err(refusal) => refusal.reason(),
        };
        *seen.entry(outcome).or_insert(0) += 1;
    }
    // All but `other_command`.
    assert_eq!(seen.len(), 9, "{seen:?}");
    assert!(seen.values().all(|&count| count > 50), "{seen:?}");
}

/// H2, H3, H13: a host that leaves out one guard lets something through.
#[test]
fn each_guard_is_seen_broken_alone() {
    let exchange = strategy::login().prop_flat_map(|(config, identity)| {
        (Just((config, identity)), strategy::refused(config, identity))
    });
    let mut seen = BTreeSet::new();
    for ((config, identity), message) in samples(&exchange, 2_000) {
        let guards = guards(config, identity, &message).into_iter();
        let broken: Vec<_> = guards.filter(|(broken, _)| *broken).collect();
        if let [(_, reason)] = broken[..] {
            seen.insert(reason);
        }
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}

/// Each of the two copies of a message may be known to continue the one before, or not.
#[test]
fn h14_every_answer_of_a_store_is_reached() {
    let known = |script: &strategy::SaveScript| {
        script
            .copies()
            .map(|copies| [copies.receiver, copies.sender].map(|it| it.previous.is_some()))
    };
    let seen: BTreeSet<_> = samples(&strategy::save_script(), 500).iter().map(known).collect();
    assert_eq!(seen.len(), 5, "{seen:?}");
}

/// W3.3, W3.5: what only some versions carry comes in the first of them.
#[test]
fn w3_what_only_some_versions_carry_is_reached() {
    let carries = |message: &Message| match &message.body {
        Body::AuthStatus(auth) => {
            (!auth.server_ip.is_unspecified()).then_some(("address", message.version))
        }
        Body::Ack(ack) => (ack.status != AckStatus::OK).then_some(("status", message.version)),
        _ => None,
    };
    let seen: BTreeSet<_> =
        samples(&strategy::message(), 2_000).iter().filter_map(carries).collect();
    let (addresses, statuses): (Vec<_>, Vec<_>) = seen.iter().partition(|seen| seen.0 == "address");
    assert_eq!(addresses, [&("address", Version(0))]);
    assert_eq!(statuses.first(), Some(&&("status", Version::V2)));
}

/// The strategies' promise of numbers that are mixed in.
#[test]
fn the_ends_of_every_range_are_reached() {
    fn all<S: Strategy>(strategy: &S, ends: impl IntoIterator<Item = S::Value>)
    where
        S::Value: Ord,
    {
        let seen: BTreeSet<_> = samples(strategy, 2_000).into_iter().collect();
        for end in ends {
            assert!(seen.contains(&end), "{end:?}");
        }
    }
    let ids = [-1, 0, 1, 2, 3, i64::MIN, i64::MAX, 0x7fff_ffff, 0x1_0000_0000];
    all(&strategy::app_id(), ids.map(AppId));
    all(&strategy::seq(), [-1, 0, i32::MIN, i32::MAX].map(Seq));
    all(&strategy::unix_time(), [-1, 0, i32::MIN, i32::MAX].map(UnixTime::from));
}

#[test]
fn w3_every_command_is_reached_in_both_kinds_of_version() {
    let messages = samples(&strategy::message(), 2_000);
    let seen = messages.iter().map(|message| (message.command().0, message.version == Version(0)));
    assert_eq!(seen.collect::<BTreeSet<_>>().len(), 14 * 2);
    let longest = |message: &&Message| message.encoded_body_len() == 32 * 1024 - 1;
    assert!(messages.iter().any(|message| longest(&message)));
    let empty = |message: &Message| match &message.body {
        Body::AuthToken(auth) => auth.token.is_empty() || auth.device_id.is_empty(),
        _ => false,
    };
    assert!(messages.iter().any(empty));
}

#[test]
fn every_end_of_a_stream_is_reached() {
    let mut seen = BTreeMap::new();
    for stream in samples(&strategy::byte_stream(), 1_000) {
        let mut read = BytesMut::from(&stream[..]);
        let end = loop {
            match FrameDecoder::new(FrameLimit::CLIENT).decode(&mut read) {
                Ok(None) if read.is_empty() => break "nothing left",
                Ok(None) => break "half a frame",
                Err(_) => break "a refused length",
                Ok(Some(frame)) => {
                    let kind = match frame.parse() {
                        Ok(Parsed::Message(_)) => "a message",
                        Ok(Parsed::Unlisted(_)) => "an unlisted command",
                        Err(_) => "a malformed body",
                    };
                    *seen.entry(kind).or_insert(0) += 1;
                }
            }
        };
        *seen.entry(end).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
    assert!(seen.values().all(|&count| count > 50), "{seen:?}");
}

/// The same ones each time.
fn samples<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    let sample = |_| strategy.new_tree(&mut runner).unwrap().current();
    (0..count).map(sample).collect()
}
