//! Each fault of a host is found, under its rule, and shrunk to a short script.

use std::cell::Cell;

use kefu_proto::checker::Checker;
use kefu_proto::script::{Knobs, Script, script};
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::host::{Fault, Host, terms};

macro_rules! faults {
    ($($test:ident: $fault:ident, $tells:literal, $rules:expr;)*) => {
        $(#[test] fn $test() { assert_found(Fault::$fault, $tells, &$rules); })*
    };
}

faults! {
    s1_5_any_token_will_do: AcceptAnybody, false, ["S1.5"];
    h11_1_a_refused_message_has_an_ack: AckRefused, false, ["H11.1"];
    h7_7_the_ack_comes_first: AckFirst, true, ["H7.6", "H14.8"];
    h9_1_an_ack_has_another_seq: AckWrongSeq, false, ["H9.1"];
    s1_2_all_devices_are_one: DevicesAreOne, false, ["S2.3"];
    s1_2_all_devices_are_one_inside: DevicesAreOne, true, ["S1.2"];
    w4_2_contents_are_dropped: DropContent, false, ["W4.2"];
    d1_2_every_login_is_of_version_2: EverybodyIsV2, false, ["S3.1", "S2.2"];
    d1_2_every_login_is_of_version_2_inside: EverybodyIsV2, true, ["D1.1"];
    d3_1_version_1_gets_live_copies: LiveCopyToV1, false, ["D3.1"];
    h8_1_a_failed_save_answers: FailedSaveAnswers, false, ["S2.3"];
    h8_1_a_failed_save_answers_inside: FailedSaveAnswers, true, ["H7.1", "H7.2", "H14.1", "H14.2"];
    s3_1_any_key_is_kept: KeepAnyKey, false, ["S3.1"];
    h4_1_the_time_of_the_client_is_kept: KeepClientsTime, false, ["H4.1"];
    h7_4_who_has_left_is_still_written_to: NeverForget, false, ["H7.4"];
    h7_4_the_receiver_is_not_notified: NoNotify, false, ["H7.4", "H14.5"];
    h7_5_other_devices_are_not_notified: NoNotifyOfSender, false, ["H7.5", "H14.7"];
    s4_1_no_pong: NoPong, false, ["S4.1"];
    h7_2_the_second_copy_is_not_stored: NoSecondCopy, false, ["S2.3"];
    h7_2_the_second_copy_is_not_stored_inside: NoSecondCopy, true, ["H7.2", "H14.2"];
    d4_3_self_is_missing: NoSelf, false, ["D4.3"];
    h7_4_everybody_is_notified: NotifyEverybody, false, ["H7.4"];
    h7_5_the_own_connection_is_notified: NotifyOwnConnection, false, ["H7.5", "H14.7"];
    w10_3_metadata_and_message_are_separated: SeparateMetadata, false, ["W10.3"];
    h6_1_everybody_gets_what_is_live: ShowEverybody, false, ["H6.1", "H14.4", "H14.6"];
    h7_the_ids_of_the_copies_are_swapped: SwapCopies, false, ["S2.3"];
    h7_the_ids_of_the_copies_are_swapped_inside: SwapCopies, true, ["H7.1", "H7.2", "H14.1", "H14.2"];
    s2_3_sync_reads_another_queue: SyncAnotherQueue, false, ["S2.3"];
    s2_3_sync_skips_a_row: SyncSkips, false, ["S2.3"];
    s11_1_sync_swaps_two_messages: SyncSwaps, false, ["S11.1"];
    w7_1_frames_are_not_numbered: WrongNumbers, false, ["W7.1"];
}

fn assert_found(fault: Fault, tells: bool, rules: &[&str]) {
    let config = Config {
        cases: 1000,
        failure_persistence: None,
        max_shrink_iters: crate::SHRINK,
        ..Config::default()
    };
    let rng = TestRunner::deterministic().rng().clone();
    let mut runner = TestRunner::new_with_rng(config, rng);
    // A shorter script may break another rule first: that is another failure.
    let first = Cell::new(None);
    let verdict = runner.run(&script(&Knobs::default()), |script| {
        let Err(failure) = play(fault, tells, &script) else { return Ok(()) };
        let rule = first.get().unwrap_or(failure.rule());
        first.set(Some(rule));
        if failure.rule() == rule { Err(failure.into()) } else { Ok(()) }
    });
    let Err(TestError::Fail(_, script)) = &verdict else {
        panic!("{fault:?} is not found: {verdict:?}")
    };
    let failure = play(fault, tells, script).unwrap_err();
    let steps = format!("{script:?}").lines().filter(|line| line.contains(". ")).count();
    println!("{steps} steps: {failure}\n{script:?}");
    assert!(failure.rule().is_some_and(|rule| rules.contains(&rule)), "{failure}");
    assert!(steps <= 10, "{steps} steps: {script:?}");
}

fn play(fault: Fault, tells: bool, script: &Script) -> Result<(), kefu_proto::script::Failure> {
    let mut host = Host::with(fault);
    host.tells = tells;
    script.play(&mut host, &mut Checker::new(terms()))
}
