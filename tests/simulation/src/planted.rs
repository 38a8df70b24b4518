//! Each planted fault of the host is found, by the rule that it breaks.

use crate::audit::Loss;
use crate::cast::Size;
use crate::epochs::seed_of;
use crate::host::Plant;
use crate::world::{Flaw, World};

/// One test a fault.
macro_rules! planted {
    ($($name:ident: $plant:ident breaks $rule:literal;)*) => {
        $(#[test]
        fn $name() {
            let flaw = first_flaw(Plant::$plant);
            let rule = match &flaw {
                Some(Flaw::Broken(violation)) => Some(violation.rule()),
                Some(Flaw::Lost(_)) | None => None,
            };
            assert_eq!(rule, Some($rule), "{flaw:?}");
        })*
    };
}

planted! {
    h8_an_ack_before_the_saves_is_found: AckEarly breaks "H14.8";
    h8_a_push_before_the_saves_is_found: PushEarly breaks "H7.1";
    h8_a_notify_before_the_second_save_is_found: NotifyEarly breaks "H7.2";
    h8_a_forgotten_save_is_found: ForgetSenderCopy breaks "H14.2";
    h7_an_id_of_the_other_queue_is_found: SwapIds breaks "H14.1";
    h7_a_receiver_who_is_not_notified_is_found: ForgetReceiver breaks "H14.8";
    h7_login_points_that_are_not_notified_are_found: ForgetSender breaks "H14.8";
    s10_a_message_that_is_stored_twice_is_found: ForgetMarks breaks "S10.2";
    h5_a_copy_in_a_stranger_s_queue_is_found: StoreAtStranger breaks "H14.1";
    h5_a_message_that_strangers_see_is_found: ShowEverybody breaks "H6.1";
    h5_a_push_to_a_stranger_is_found: PushStranger breaks "H14.3";
    h2_a_refused_message_that_is_acknowledged_is_found: AckRefused breaks "H11.1";
    h2_a_refused_message_that_is_stored_is_found: StoreRefused breaks "H11.1";
    s7_a_message_behind_a_malformed_frame_is_found: GoOnAfterMalformed breaks "S7.1";
    h6_an_unpersistent_message_that_is_stored_is_found: StoreUnpersistent breaks "H6.3";
    h8_a_message_that_is_never_acknowledged_is_found: NeverAckLong breaks "H14.8";
    saves_that_overtake_each_other_are_found: SavesOvertake breaks "S11.1";
    h10_a_content_that_is_cut_is_found: ChangeContent breaks "W4.2";
    h4_a_time_that_is_not_the_server_s_is_found: ClientTime breaks "H4.1";
    s2_a_device_s_own_messages_in_its_sync_are_found: SyncOwn breaks "S2.5";
    s2_a_sync_that_skips_a_message_is_found: SyncSkips breaks "S2.3";
    s3_a_kept_key_that_falls_is_found: KeyFalls breaks "S3.1";
    s5_a_stale_sync_is_found: StaleSync breaks "S2.3";
    s2_a_sync_without_an_answer_is_found: IgnoreSync breaks "S11.1";
    w7_frames_under_other_numbers_are_found: OwnNumbers breaks "W7.1";
    w8_flags_that_are_dropped_are_found: DropFlags breaks "W7.4";
    s1_a_login_of_nobody_is_found: AcceptAll breaks "S1.5";
    h7_a_second_ack_is_found: AckTwice breaks "H9.1";
    w3_an_unlisted_frame_that_is_changed_is_found: ChangeUnlisted breaks "W3.4";
    w10_a_pair_that_is_separated_is_found: SeparatePairs breaks "W10.3";
    w10_a_live_copy_without_metadata_is_found: DropMetadata breaks "W10.3";
    w10_metadata_without_a_message_is_found: DropMessage breaks "W10.3";
    h14_a_live_copy_that_is_left_out_is_found: ForgetCopy breaks "H14.8";
    h14_live_copies_that_are_lost_between_servers_are_found: LoseCopies breaks "H14.8";
    h14_a_guess_at_what_was_before_is_found: GuessPrevious breaks "H14.9";
    s10_a_repeat_that_names_todays_newest_is_found: RepeatPrevious breaks "S10.4";
    d3_a_live_copy_to_version_1_is_found: CopyToV1 breaks "D3.1";
    h13_a_client_that_poses_as_a_server_is_found: KeepServerFlags breaks "H13.4";
    w3_an_ack_that_is_a_refusal_is_found: AckStatus breaks "H14.8";
    d2_a_message_that_is_not_translated_is_found: TranslateNothing breaks "D4.2";
    d2_a_translation_that_swaps_the_parties_is_found: SwapParties breaks "D2.1";
    d2_a_translation_to_another_shop_is_found: WrongShop breaks "D2.4";
    d4_an_own_message_that_does_not_say_so_is_found: HideSelf breaks "D4.3";
    s12_an_answer_without_bounds_is_found: KnowNoBounds breaks "S12.1";
    s12_an_answer_that_stops_halfway_is_found: StopHalfway breaks "S12.3";
    s12_a_notify_that_is_not_held_back_is_found: NotifyBehind breaks "S12.4";
    d1_a_dialect_that_is_not_remembered_is_found: ForgetDialect breaks "D1.4";
    d1_a_dialect_that_nobody_is_told_of_is_found: TellNoDialect breaks "D1.8";
    s13_2_a_notify_that_does_not_fit_is_found: DropNotify breaks "H14.7";
    s13_2_a_notify_that_gives_way_to_an_older_one_is_found: OlderNotify breaks "H14.7";
    s13_3_a_metadata_that_is_left_behind_is_found: LeaveMetadata breaks "W10.3";
    s13_5_an_ack_that_does_not_fit_is_found: DropAck breaks "H7.6";
}

/// No rule says how a store keeps what it has.
#[test]
fn a_message_that_is_dropped_when_it_is_read_is_found() {
    let flaw = first_flaw(Plant::DropRead);
    assert!(matches!(flaw, Some(Flaw::Lost(Loss::Rows(_)))), "{flaw:?}");
}

/// The first one in a few worlds, small enough for a debug build.
fn first_flaw(plant: Plant) -> Option<Flaw> {
    (0..100).find_map(|world| {
        let outcome = World::new(seed_of(7, world), Size::Small, Some(plant)).run();
        outcome.err().map(|failure| failure.flaw)
    })
}
