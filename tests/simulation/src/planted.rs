//! Each planted fault of the host is found, by the rule that it breaks.

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
                Some(Flaw::Broken(violation)) => violation.rule(),
                Some(Flaw::Lost(_)) => "",
                None => panic!("not found"),
            };
            assert_eq!(rule, $rule, "{}", flaw.unwrap());
        })*
    };
}

planted! {
    h8_an_ack_before_the_saves_is_found: AckEarly breaks "AckAfterSaves";
    h8_a_push_before_the_saves_is_found: PushEarly breaks "PushAfterSaves";
    h8_a_notify_before_the_second_save_is_found: NotifyEarly breaks "NotifyAfterSaves";
    h8_a_forgotten_save_is_found: ForgetSenderCopy breaks "PushAfterSaves";
    h7_an_id_of_the_other_queue_is_found: SwapIds breaks "NotifiedIsReadable";
    h7_a_receiver_who_is_not_notified_is_found: ForgetReceiver breaks "AckAfterNotify";
    h7_login_points_that_are_not_notified_are_found: ForgetSender breaks "AckAfterNotify";
    a_message_that_is_dropped_when_it_is_read_is_found: DropRead breaks "BothCopies";
    s10_a_message_that_is_stored_twice_is_found: ForgetMarks breaks "ExactlyOnce";
    h5_a_copy_in_a_stranger_s_queue_is_found: StoreAtStranger breaks "PartiesOnly";
    h5_a_message_that_strangers_see_is_found: ShowEverybody breaks "PartiesOnly";
    h5_a_push_to_a_stranger_is_found: PushStranger breaks "PartiesOnly";
    h2_a_refused_message_that_is_acknowledged_is_found: AckRefused breaks "RefusedIsNothing";
    h2_a_refused_message_that_is_stored_is_found: StoreRefused breaks "RefusedIsNothing";
    s7_a_message_behind_a_malformed_frame_is_found: GoOnAfterMalformed breaks "IgnoredIsNothing";
    h6_an_unpersistent_message_that_is_stored_is_found: StoreUnpersistent breaks "UnpersistentIsNotStored";
    h8_a_message_that_is_never_acknowledged_is_found: NeverAckLong breaks "FinallyAcked";
    saves_that_overtake_each_other_are_found: SavesOvertake breaks "SenderOrder";
    h10_a_content_that_is_cut_is_found: ChangeContent breaks "SameBytes";
    h4_a_time_that_is_not_the_server_s_is_found: ClientTime breaks "ServerTime";
    s2_a_device_s_own_messages_in_its_sync_are_found: SyncOwn breaks "OwnLeftOut";
    s2_a_sync_that_skips_a_message_is_found: SyncSkips breaks "WholeSync";
    s3_a_kept_key_that_falls_is_found: KeyFalls breaks "WholeSync";
    s5_a_stale_sync_is_found: StaleSync breaks "FreshSync";
    s2_a_sync_without_an_answer_is_found: IgnoreSync breaks "AllRead";
    w7_frames_under_other_numbers_are_found: OwnNumbers breaks "Header";
    w8_flags_that_are_dropped_are_found: DropFlags breaks "Header";
    s1_a_login_of_nobody_is_found: AcceptAll breaks "Login";
    h7_a_second_ack_is_found: AckTwice breaks "AskedFor";
    w3_an_unlisted_frame_that_is_changed_is_found: ChangeUnlisted breaks "Unlisted";
    w10_a_pair_that_is_separated_is_found: SeparatePairs breaks "Pair";
    w10_a_live_copy_without_metadata_is_found: DropMetadata breaks "Pair";
    w10_metadata_without_a_message_is_found: DropMessage breaks "Pair";
    h14_a_live_copy_that_is_left_out_is_found: ForgetCopy breaks "AckAfterCopy";
    h14_live_copies_that_are_lost_between_servers_are_found: LoseCopies breaks "AckAfterCopy";
    h14_a_guess_at_what_was_before_is_found: GuessPrevious breaks "Previous";
    s10_a_repeat_that_names_todays_newest_is_found: RepeatPrevious breaks "Previous";
    d3_a_live_copy_to_version_1_is_found: CopyToV1 breaks "Dialect";
    h13_a_client_that_poses_as_a_server_is_found: KeepServerFlags breaks "Header";
    w3_an_ack_that_is_a_refusal_is_found: AckStatus breaks "AskedFor";
    d2_a_message_that_is_not_translated_is_found: TranslateNothing breaks "Dialect";
    d2_a_translation_that_swaps_the_parties_is_found: SwapParties breaks "Translation";
    d2_a_translation_to_another_shop_is_found: WrongShop breaks "Translation";
    d4_an_own_message_that_does_not_say_so_is_found: HideSelf breaks "OwnMarked";
    s12_an_answer_without_bounds_is_found: KnowNoBounds breaks "Bounded";
    s12_an_answer_that_stops_halfway_is_found: StopHalfway breaks "ToldToGoOn";
    s12_a_notify_that_is_not_held_back_is_found: NotifyBehind breaks "HeldBack";
    d1_a_dialect_that_is_not_remembered_is_found: ForgetDialect breaks "WholeSync";
    d1_a_dialect_that_nobody_is_told_of_is_found: TellNoDialect breaks "DialectTold";
}

/// The first one in a few worlds, small enough for a debug build.
fn first_flaw(plant: Plant) -> Option<Flaw> {
    (0..100).find_map(|world| {
        let outcome = World::new(seed_of(7, world), Size::Small, Some(plant)).run();
        outcome.err().map(|failure| failure.flaw)
    })
}
