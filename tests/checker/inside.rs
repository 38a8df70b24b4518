//! H6–H9, H14: what a host gives to whom, and in which order, seen from inside.

use kefu_proto::{Dialect, MsgId, Outbound, OwnedOutbound};

use crate::world::{
    ANN, BOB, Chat, DESK, NOW, OTHER, PHONE, PUSH, SELLER, TABLET, UNPERSISTENT, World, customer,
    frame, rule, support, terms, v2,
};

const HI: Chat = customer(ANN, SELLER, "hi");

/// Ann's phone is 1, her other one 3, the seller's desk 2, Bob's phone 4.
fn world() -> World {
    let mut world = World::new();
    for (connection, who, device) in
        [(1, ANN, PHONE), (2, SELLER, DESK), (3, ANN, DESK), (4, BOB, PHONE)]
    {
        world.logs_in(connection, who, device);
    }
    world
}

fn saved(world: &mut World) {
    world.says(1, 7, HI);
    world.saved(HI, [(SELLER, 1), (ANN, 1)]);
}

#[test]
fn h7_a_message_that_goes_its_way_is_right() {
    let mut world = world();
    world.says(1, 7, HI);
    world.came(1, 7, HI).unwrap();
    world.saved(HI, [(SELLER, 1), (ANN, 1)]);
    world.confirmed(1, HI, [(1, Some(0)), (1, Some(0))]).unwrap();
    world.pushed(SELLER, HI).unwrap();
    world.given_notify(2, 1).unwrap();
    world.given_notify(3, 1).unwrap();
    world.given_ack(1, 7).unwrap();
    world.acked(1, 7).unwrap();
    world.notified(3, 1).unwrap();
    world.notified(2, 1).unwrap();
    world.finish().unwrap();
}

#[test]
fn h7_7_nothing_comes_before_both_copies_are_stored() {
    for count in 0..2 {
        let expected = Some(["H7.1", "H7.2"][count]);
        let before = |check: &dyn Fn(&mut World) -> crate::world::Verdict| {
            let mut world = world();
            world.says(1, 7, HI);
            // That the store is seen.
            world.says(4, 1, customer(BOB, OTHER, "hi"));
            world.saved(customer(BOB, OTHER, "hi"), [(OTHER, 1), (BOB, 1)]);
            if count == 1 {
                world.stored(SELLER, &HI.row(1, 1)).unwrap();
            }
            rule(check(&mut world))
        };
        assert_eq!(before(&|world| world.pushed(SELLER, HI)), expected);
        assert_eq!(before(&|world| world.given_ack(1, 7)), expected);
        assert_eq!(before(&|world| world.acked(1, 7)), expected);
        let notified = if count == 0 { Some("H7.4") } else { expected };
        assert_eq!(before(&|world| world.given_notify(2, 1)), notified);
        assert_eq!(before(&|world| world.notified(2, 1)), notified);
    }
}

#[test]
fn h7_3_only_the_receiver_is_pushed() {
    for who in [ANN, BOB, OTHER] {
        let mut world = world();
        saved(&mut world);
        assert_eq!(rule(world.pushed(who, HI)), Some("H7.3"));
    }
}

#[test]
fn h6_nobody_is_pushed_what_is_not_stored() {
    let mut world = world();
    let typing = HI.with(UNPERSISTENT);
    world.says(1, 7, typing);
    assert_eq!(rule(world.pushed(SELLER, typing)), Some("H6.3"));
}

#[test]
fn h7_4_nobody_is_notified_of_what_is_not_theirs() {
    for (connection, id) in [(4, 1), (2, 9), (2, 0), (2, -1)] {
        let mut world = world();
        saved(&mut world);
        assert_eq!(rule(world.given_notify(connection, id)), Some("H7.4"), "{connection} {id}");
        let mut world = self::world();
        saved(&mut world);
        assert_eq!(rule(world.notified(connection, id)), Some("H7.4"), "{connection} {id}");
    }
}

#[test]
fn h7_5_the_own_connection_is_not_notified() {
    let mut world = world();
    saved(&mut world);
    assert_eq!(rule(world.given_notify(1, 1)), Some("H7.5"));
    let mut world = self::world();
    saved(&mut world);
    assert_eq!(rule(world.notified(1, 1)), Some("H7.5"));
}

#[test]
fn h7_4_a_message_to_oneself_is_notified_everywhere() {
    let note = support(SELLER, SELLER, "note");
    let mut world = World::new();
    world.logs_in(1, SELLER, PHONE);
    world.logs_in(2, SELLER, DESK);
    world.says(1, 1, note);
    world.saved(note, [(SELLER, 1), (SELLER, 2)]);
    world.given_notify(1, 1).unwrap();
    world.given_notify(2, 1).unwrap();
    world.given_notify(2, 2).unwrap();
    world.given_ack(1, 1).unwrap();
    world.notified(1, 1).unwrap();
    world.acked(1, 1).unwrap();
    world.notified(2, 2).unwrap();
    world.finish().unwrap();

    let mut world = World::new();
    world.logs_in(1, SELLER, PHONE);
    world.says(1, 1, note);
    world.saved(note, [(SELLER, 1), (SELLER, 2)]);
    assert_eq!(rule(world.given_ack(1, 1)), Some("H7.6"));
}

#[test]
fn h7_6_the_ack_is_given_last() {
    for missing in [2, 3] {
        let mut world = world();
        saved(&mut world);
        world.given_notify(5 - missing, 1).unwrap();
        let violation = world.given_ack(1, 7).unwrap_err();
        assert_eq!(violation.rule(), "H7.6");
        let to = format!("SYNC_NOTIFY is given to connection {missing}");
        assert!(violation.explanation().contains(&to), "{violation}");
    }
}

#[test]
fn whoever_comes_later_need_not_be_told() {
    let mut world = world();
    saved(&mut world);
    world.given_notify(2, 1).unwrap();
    world.given_notify(3, 1).unwrap();
    world.logs_in(5, SELLER, PHONE);
    world.given_ack(1, 7).unwrap();
    world.acked(1, 7).unwrap();
    world.notified(2, 1).unwrap();
    world.notified(3, 1).unwrap();
    world.finish().unwrap();
}

#[test]
fn s1_8_whoever_has_no_answer_to_the_login_yet_need_not_be_told() {
    let mut world = world();
    world.knocks(5, &crate::world::token(SELLER), PHONE);
    world.logged_in(5, SELLER, (1, Dialect::V1)).unwrap();
    saved(&mut world);
    world.given_notify(2, 1).unwrap();
    world.given_notify(3, 1).unwrap();
    world.given_ack(1, 7).unwrap();
}

#[test]
fn h7_5_what_two_connections_have_said_both_may_be_told() {
    let mut world = world();
    world.says(3, 7, HI);
    saved(&mut world);
    for connection in [1, 2, 3] {
        world.notified(connection, 1).unwrap();
    }
}

#[test]
fn whoever_has_left_need_not_be_told() {
    let mut world = world();
    saved(&mut world);
    world.closes(2);
    world.given_notify(3, 1).unwrap();
    world.given_ack(1, 7).unwrap();
    assert_eq!(rule(world.given_notify(2, 1)), Some("H7.4"));
}

#[test]
fn another_server_may_be_told_later() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.opens(2, 1);
    world.says_token(2, &crate::world::token(SELLER), DESK);
    world.gets(2, 3, 0, &[0; 4]).unwrap();
    saved(&mut world);
    world.given_ack(1, 7).unwrap();
    world.acked(1, 7).unwrap();
    let before = world.checker.events();
    // Not due yet.
    world.checker.expire(before).unwrap();
    assert_eq!(rule(world.checker.expire(before + 1)), Some("H7.4"));
    assert_eq!(rule(world.finish()), Some("H7.4"));
    world.notified(2, 1).unwrap();
    world.finish().unwrap();
}

#[test]
fn h9_1_an_ack_answers_a_message_once() {
    let mut world = world();
    saved(&mut world);
    for connection in [2, 3] {
        world.given_notify(connection, 1).unwrap();
    }
    assert_eq!(rule(world.given_ack(1, 8)), Some("H9.1"));
    world.given_ack(1, 7).unwrap();
    assert_eq!(rule(world.given_ack(1, 7)), Some("H9.1"));
    world.acked(1, 7).unwrap();
    assert_eq!(rule(world.acked(1, 7)), Some("H9.1"));
}

#[test]
fn h11_1_a_refused_message_has_no_effect() {
    let refused = [
        (1, customer((8, 1), SELLER, "x")),
        (1, customer(BOB, SELLER, "x")),
        (1, customer(ANN, (1453, 0), "x")),
        (1, support(SELLER, BOB, "x")),
        (2, support(OTHER, BOB, "x")),
        (1, v2(BOB, SELLER, "x")),
        (1, v2(ANN, BOB, "x")),
    ];
    for (connection, chat) in refused {
        let says = || {
            let mut world = world();
            world.says(connection, 7, chat);
            world.came(connection, 7, chat).unwrap();
            world.finish().unwrap();
            world
        };
        assert_eq!(rule(says().acked(connection, 7)), Some("H11.1"));
        assert_eq!(rule(says().acked(connection, 8)), Some("H9.1"));
        assert_eq!(rule(says().given_ack(connection, 7)), Some("H11.1"));
        assert_eq!(rule(says().pushed(SELLER, chat)), Some("H11.1"));
        assert_eq!(rule(says().stored(SELLER, &chat.row(1, 1))), Some("H11.1"));
    }
}

#[test]
fn h7_6_a_message_of_which_a_copy_is_missing_may_have_failed() {
    for queue in [SELLER, ANN] {
        let mut world = world();
        world.says(1, 7, HI);
        world.came(1, 7, HI).unwrap();
        world.stored(queue, &HI.row(1, 1)).unwrap();
        world.finish().unwrap();
    }
}

#[test]
fn h7_6_who_comes_behind_the_first_two_copies_need_not_be_told() {
    let mut world = world();
    saved(&mut world);
    world.given_notify(2, 1).unwrap();
    world.given_notify(3, 1).unwrap();
    world.says(1, 8, HI);
    world.logs_in(5, SELLER, PHONE);
    world.saved(HI, [(SELLER, 2), (ANN, 2)]);
    world.given_ack(1, 7).unwrap();
}

#[test]
fn h7_5_a_message_said_twice_on_one_connection_is_still_its_own() {
    let mut world = world();
    world.says(1, 7, HI);
    saved(&mut world);
    assert_eq!(rule(world.notified(1, 1)), Some("H7.5"));
}

#[test]
fn s10_3_of_a_repeat_there_are_notifies_again() {
    let mut world = repeated();
    world.notified(2, 1).unwrap();
    world.notified(3, 1).unwrap();
}

#[test]
fn h7_6_where_the_store_is_not_seen_a_notify_since_then_will_do() {
    for (to, expected) in [(&[2][..], Some("H7.6")), (&[3], Some("H7.6")), (&[2, 3], None)] {
        let mut world = world();
        world.says(1, 7, HI);
        for connection in to {
            world.given_notify(*connection, 1).unwrap();
        }
        assert_eq!(rule(world.given_ack(1, 7)), expected);
    }
}

#[test]
fn h14_9_whoever_has_no_pairs_is_owed_no_live_copy() {
    for device in [DESK, crate::world::WEB] {
        let mut world = World::new();
        world.logs_in(1, ANN, TABLET);
        world.logs_in(2, SELLER, device);
        let chat = v2(ANN, SELLER, "hi");
        world.says(1, 7, chat);
        world.saved(chat, [(SELLER, 1), (ANN, 1)]);
        world.confirmed(1, chat, [(1, Some(0)), (1, None)]).unwrap();
        world.notified(2, 1).unwrap();
        world.acked(1, 7).unwrap();
        world.finish().unwrap();
    }
}

#[test]
fn what_is_given_to_a_connection_that_shows_no_bytes_is_taken_as_written() {
    let mut world = World::new();
    world.opens(1, 0);
    world.says_token(1, &crate::world::token(ANN), PHONE);
    world.logged_in(1, ANN, (1, Dialect::V1)).unwrap();
    world.sends(1, (2, 13), b"");
    assert_eq!(rule(world.finish()), Some("S1.3"));
    world.given_notify(1, 1).unwrap();
    // The answers to the login and the PING are not seen either.
    world.finish().unwrap();
    // Where bytes are seen, they must come.
    let mut world = self::world();
    saved(&mut world);
    world.given_notify(2, 1).unwrap();
    world.sends(2, (2, 13), b"");
    assert_eq!(rule(world.finish()), Some("H7.6"));
    world.notified(2, 1).unwrap();
    world.notified(3, 1).unwrap();
    world.acked(1, 7).unwrap();
    assert_eq!(rule(world.finish()), Some("S4.1"));
}

#[test]
fn h8_1_nothing_follows_a_save_that_has_failed() {
    let failed = |queue| {
        let mut world = world();
        world.says(1, 7, HI);
        world.saved(HI, [(SELLER, 1), (ANN, 1)]);
        world.given_notify(2, 1).unwrap();
        world.given_notify(3, 1).unwrap();
        world.failed(1, queue, HI).unwrap();
        world
    };
    assert_eq!(rule(failed(ANN).given_ack(1, 7)), Some("H8.1"));
    assert_eq!(rule(failed(SELLER).acked(1, 7)), Some("H8.1"));
    let confirmed = failed(ANN).confirmed(1, HI, [(1, None), (1, None)]);
    assert_eq!(rule(confirmed), Some("H8.1"));
    // It is said again, and saved.
    let mut world = failed(ANN);
    world.sends(1, (8, 13), b"");
    world.gets(1, 14, 0, b"").unwrap();
    world.says(1, 9, HI);
    world.given_ack(1, 9).unwrap();
    // Another message that waits is not the one.
    let failed = || {
        let mut world = self::world();
        world.says(1, 7, HI);
        world.says(1, 8, customer(ANN, SELLER, "ho"));
        world.saved(HI, [(SELLER, 1), (ANN, 1)]);
        world.failed(1, ANN, HI).unwrap();
        world
    };
    assert_eq!(rule(failed().acked(1, 7)), Some("H8.1"));
    // Nor is one that is refused.
    let mut world = self::world();
    let refused = customer(BOB, SELLER, "as Bob");
    world.says(1, 7, refused);
    world.failed(1, BOB, refused).unwrap();
    assert_eq!(rule(world.acked(1, 7)), Some("H11.1"));
    let confirmed = failed().confirmed(1, HI, [(1, None), (1, None)]);
    assert_eq!(rule(confirmed), Some("H8.1"));
    // Of two at once it is not known whose save has failed.
    let mut world = self::world();
    world.says(1, 7, HI);
    world.says(1, 8, HI);
    world.saved(HI, [(SELLER, 1), (ANN, 1)]);
    world.failed(1, ANN, HI).unwrap();
    world.failed(1, ANN, customer(ANN, OTHER, "never said")).unwrap();
    world.acked(1, 8).unwrap();
}

#[test]
fn h7_6_a_message_that_is_stored_gets_its_ack() {
    let mut world = world();
    saved(&mut world);
    assert_eq!(rule(world.finish()), Some("H7.6"));
    // S11.1
    world.sends(1, (8, 13), b"");
    assert_eq!(rule(world.gets(1, 14, 0, b"")), Some("H7.6"));
    // By rules of its own a host may stay silent (H11.3).
    let mut terms = terms();
    terms.has_own_rules = true;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    saved(&mut world);
    world.finish().unwrap();
}

/// A message that has had its ACK is sent again.
fn repeated() -> World {
    let mut world = world();
    world.says(1, 7, HI);
    world.came(1, 7, HI).unwrap();
    world.saved(HI, [(SELLER, 1), (ANN, 1)]);
    world.notified(2, 1).unwrap();
    world.notified(3, 1).unwrap();
    world.acked(1, 7).unwrap();
    world.says(1, 8, HI);
    world
}

#[test]
fn s10_3_a_repeat_gets_its_ack_as_well() {
    // The host has taken the message before, but not this one.
    assert_eq!(rule(repeated().finish()), Some("S10.3"));
    // Its save may have failed unseen.
    let mut world = repeated();
    world.came(1, 8, HI).unwrap();
    world.finish().unwrap();
    world.confirmed(1, HI, [(1, None), (1, None)]).unwrap();
    assert_eq!(rule(world.finish()), Some("S10.3"));
    let mut world = repeated();
    world.came(1, 8, HI).unwrap();
    world.says(1, 9, customer(ANN, SELLER, "ho"));
    world.came(1, 9, customer(ANN, SELLER, "ho")).unwrap();
    world.confirmed(1, HI, [(1, None), (1, None)]).unwrap();
    assert_eq!(rule(world.finish()), Some("S10.3"), "another one waits");
    // Of several it is not known which one is confirmed.
    let mut world = repeated();
    world.came(1, 8, HI).unwrap();
    world.says(1, 9, HI);
    world.came(1, 9, HI).unwrap();
    world.confirmed(1, HI, [(1, None), (1, None)]).unwrap();
    world.finish().unwrap();
}

#[test]
fn h7_1_the_answers_of_the_store_are_the_copies() {
    let cases = [
        ([(1, None), (2, None)], None),
        ([(2, None), (2, None)], Some("H7.1")),
        ([(1, None), (1, None)], Some("H7.2")),
        ([(9, None), (2, None)], Some("H7.1")),
        ([(1, None), (0, None)], Some("H7.2")),
        ([(1, Some(0)), (2, Some(1))], None),
        ([(1, Some(1)), (2, Some(1))], Some("H14.9")),
        ([(1, Some(0)), (2, Some(0))], Some("H14.9")),
    ];
    for (copies, expected) in cases {
        let mut world = world();
        let first = customer(ANN, OTHER, "first");
        world.says(1, 6, first);
        world.saved(first, [(OTHER, 1), (ANN, 1)]);
        world.says(1, 7, HI);
        world.saved(HI, [(SELLER, 1), (ANN, 2)]);
        assert_eq!(rule(world.confirmed(1, HI, copies)), expected, "{copies:?}");
    }
    // Nobody has said it.
    world().confirmed(1, HI, [(1, None), (1, None)]).unwrap();
    // Where the store is not seen, any id may be right.
    let mut world = world();
    world.says(1, 7, HI);
    world.confirmed(1, HI, [(5, None), (5, None)]).unwrap();
}

#[test]
fn h7_1_an_id_before_the_first_that_is_known_may_be_right() {
    let mut terms = terms();
    terms.begins_empty = false;
    for (msgid, expected) in
        [(1, None), (9, None), (0, Some("H7.1")), (10, None), (11, Some("H7.1"))]
    {
        let mut world = World::on(terms);
        world.logs_in(1, ANN, PHONE);
        world.says(1, 7, HI);
        world.saved(HI, [(SELLER, 10), (ANN, 10)]);
        let copies = [(msgid, None), (10, Some(3))];
        assert_eq!(rule(world.confirmed(1, HI, copies)), expected, "{msgid}");
    }
}

#[test]
fn h6_1_an_unpersistent_message_goes_to_its_receiver() {
    let typing = support(SELLER, ANN, "...").with(UNPERSISTENT);
    let says = || {
        let mut world = world();
        world.says(2, 5, typing);
        world
    };
    let message = typing.message(5, NOW);
    let mut world = says();
    for connection in [1, 3] {
        world.given(connection, Outbound::Chat(&message)).unwrap();
    }
    world.given_ack(2, 5).unwrap();
    world.acked(2, 5).unwrap();
    assert_eq!(rule(world.finish()), None, "it has been given");
    for connection in [1, 3] {
        world.reads(connection, typing).unwrap();
    }
    world.finish().unwrap();
    assert_eq!(rule(world.reads(1, typing)), Some("H6.1"));

    assert_eq!(rule(says().given_ack(2, 5)), Some("H6.2"));
    assert_eq!(rule(says().given(4, Outbound::Chat(&message))), Some("H6.1"));
    assert_eq!(rule(says().given(2, Outbound::Chat(&message))), Some("H6.1"));
    assert_eq!(rule(says().reads(4, typing)), Some("H6.1"));
    assert_eq!(rule(says().finish()), Some("H6.2"));
    // It was not given to a connection from which bytes are seen.
    let mut world = says();
    world.acked(2, 5).unwrap();
    assert_eq!(rule(world.finish()), Some("H6.1"));
}

fn live(chat: Chat, (msgid, previous): (i64, i64)) -> OwnedOutbound {
    let keys = [msgid, previous, 0, 0].map(i64::to_be_bytes).concat();
    let metadata = frame((0, 37), 2, 0, &keys);
    let body = chat.body(NOW);
    let message = frame((0, 64), 2, chat.flags | PUSH, &body);
    let mut bytes = [metadata, message].concat()[..].into();
    OwnedOutbound::decode(&mut bytes, kefu_proto::FrameLimit::MAX).unwrap().unwrap()
}

fn live_ack(seq: i32, (msgid, previous): (i64, i64)) -> OwnedOutbound {
    let keys = [msgid, previous, 0, 0].map(i64::to_be_bytes).concat();
    let metadata = frame((0, 37), 2, 0, &keys);
    let body = [&seq.to_be_bytes()[..], &[0]].concat();
    let mut bytes = [metadata, frame((0, 5), 2, 0, &body)].concat()[..].into();
    OwnedOutbound::decode(&mut bytes, kefu_proto::FrameLimit::MAX).unwrap().unwrap()
}

/// Ann's tablet is 1, another of hers 3, the seller's 2: a message of version 2 is stored.
fn live_world() -> (World, Chat) {
    let mut world = World::new();
    for (connection, who, device) in [(1, ANN, TABLET), (2, SELLER, TABLET), (3, ANN, TABLET)] {
        world.logs_in(connection, who, device);
    }
    let chat = v2(ANN, SELLER, "hi");
    world.says(1, 7, chat);
    world.came(1, 7, chat).unwrap();
    world.saved(chat, [(SELLER, 1), (ANN, 1)]);
    (world, chat)
}

#[test]
fn h14_live_copies_come_before_their_notifies_and_the_ack() {
    let (mut world, chat) = live_world();
    world.confirmed(1, chat, [(1, Some(0)), (1, Some(0))]).unwrap();
    let copy = live(chat, (1, 0));
    for connection in [2, 3] {
        world.given(connection, copy.get()).unwrap();
        world.given(connection, Outbound::SyncNotify(MsgId(1))).unwrap();
    }
    world.given(1, live_ack(7, (1, 0)).get()).unwrap();
    for connection in [2, 3] {
        world.metadata(connection, 1, 0).unwrap();
        world.gets(connection, 64, PUSH, &chat.body(NOW)).unwrap();
        world.notified(connection, 1).unwrap();
    }
    world.metadata(1, 1, 0).unwrap();
    world.acked(1, 7).unwrap();
    world.finish().unwrap();
}

#[test]
fn h14_a_live_copy_that_the_store_knows_enough_for_must_come() {
    let (mut world, chat) = live_world();
    world.confirmed(1, chat, [(1, Some(0)), (1, Some(0))]).unwrap();
    for connection in [2, 3] {
        world.given_notify(connection, 1).unwrap();
    }
    let violation = world.given(1, live_ack(7, (1, 0)).get()).unwrap_err();
    assert_eq!(violation.rule(), "H14.8");
    assert!(violation.explanation().contains("the live copy"), "{violation}");
    // From bytes alone, at the end.
    let (mut world, chat) = live_world();
    world.confirmed(1, chat, [(1, Some(0)), (1, None)]).unwrap();
    world.acked(1, 7).unwrap();
    for connection in [2, 3] {
        world.notified(connection, 1).unwrap();
    }
    assert_eq!(rule(world.finish()), Some("H14.4"));
    // It comes late.
    world.metadata(2, 1, 0).unwrap();
    world.gets(2, 64, PUSH, &chat.body(NOW)).unwrap();
    world.finish().unwrap();
}

#[test]
fn h14_4_an_id_before_the_first_that_is_known_may_be_right() {
    let mut terms = terms();
    terms.begins_empty = false;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, TABLET);
    world.logs_in(2, SELLER, TABLET);
    let chat = v2(ANN, SELLER, "hi");
    world.says(1, 7, chat);
    world.saved(chat, [(SELLER, 10), (ANN, 10)]);
    world.metadata(2, 9, 3).unwrap();
    world.gets(2, 64, PUSH, &chat.body(NOW)).unwrap();
}

#[test]
fn h14_8_the_ack_has_its_metadata_where_the_store_knows_enough() {
    let (mut world, chat) = live_world();
    world.confirmed(1, chat, [(1, None), (1, Some(0))]).unwrap();
    assert_eq!(rule(world.acked(1, 7)), Some("H14.8"));
    for keys in [(2, 0), (1, 5), (1, -1), (1, 1)] {
        let (mut world, _) = live_world();
        world.metadata(1, keys.0, keys.1).unwrap();
        assert_eq!(rule(world.acked(1, 7)), Some("H14.8"), "{keys:?}");
    }
    let (mut world, _) = live_world();
    assert_eq!(rule(world.gets(1, 5, 0, &[0, 0, 0, 7, 3])), Some("H14.8"));
}

#[test]
fn h11_4_by_rules_of_its_own_a_host_may_refuse() {
    let mut terms = terms();
    terms.has_own_rules = true;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, TABLET);
    world.says(1, 7, v2(ANN, SELLER, "hi"));
    world.gets(1, 5, 0, &[0, 0, 0, 7, 3]).unwrap();
    world.finish().unwrap();
}

#[test]
fn h14_4_live_copies_are_for_the_two_parties() {
    let (mut world, chat) = live_world();
    world.logs_in(4, BOB, TABLET);
    assert_eq!(rule(world.given(4, live(chat, (1, 0)).get())), Some("H14.6"));
    world.metadata(4, 1, 0).unwrap();
    assert_eq!(rule(world.gets(4, 64, PUSH, &chat.body(NOW))), Some("H14.4"));
}

#[test]
fn h14_live_copies_name_the_row_before() {
    let cases = [(2, (1, 0), None), (2, (1, 3), Some("H14.4")), (3, (9, 0), Some("H14.6"))];
    for (connection, keys, expected) in cases {
        let (mut world, chat) = live_world();
        assert_eq!(rule(world.given(connection, live(chat, keys).get())), expected);
        let (mut world, chat) = live_world();
        world.metadata(connection, keys.0, keys.1).unwrap();
        let copied = world.gets(connection, 64, PUSH, &chat.body(NOW));
        assert_eq!(rule(copied), expected);
    }
}

#[test]
fn h14_7_live_copies_come_when_both_copies_are_stored() {
    let chat = v2(ANN, SELLER, "hi");
    let world = || {
        let mut world = World::new();
        world.logs_in(1, ANN, TABLET);
        world.logs_in(2, SELLER, TABLET);
        world.says(1, 7, chat);
        world.stored(SELLER, &chat.row(1, 1)).unwrap();
        world
    };
    assert_eq!(rule(world().given(2, live(chat, (1, 0)).get())), Some("H14.2"));
    let mut world = world();
    world.metadata(2, 1, 0).unwrap();
    assert_eq!(rule(world.gets(2, 64, PUSH, &chat.body(NOW))), Some("H14.2"));
}

#[test]
fn h14_10_a_message_of_version_1_has_no_live_copy() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, TABLET);
    saved(&mut world);
    let chat = v2(ANN, SELLER, "hi");
    world.metadata(2, 1, 0).unwrap();
    assert_eq!(rule(world.gets(2, 64, PUSH, &chat.body(NOW))), Some("H14.10"));
    let mut world = World::new();
    world.logs_in(1, ANN, TABLET);
    saved(&mut world);
    world.metadata(1, 1, 0).unwrap();
    assert_eq!(rule(world.acked(1, 7)), Some("H14.10"));
}

#[test]
fn h13_4_live_copies_have_the_flags_of_the_sender_and_push() {
    for (flags, expected) in [(PUSH | 1, None), (PUSH, Some("H14.4")), (PUSH | 9, Some("H13.4"))] {
        let mut world = World::new();
        world.logs_in(1, ANN, TABLET);
        world.logs_in(2, SELLER, TABLET);
        let chat = v2(ANN, SELLER, "hi").with(0x39);
        world.says(1, 7, chat);
        world.saved(chat, [(SELLER, 1), (ANN, 1)]);
        world.metadata(2, 1, 0).unwrap();
        let copied = world.gets(2, 64, flags, &chat.body(NOW));
        assert_eq!(rule(copied), expected);
    }
}

#[test]
fn w10_3_metadata_and_its_message_come_together() {
    // METADATA, then something else.
    let (mut world, _) = live_world();
    world.metadata(2, 1, 0).unwrap();
    assert_eq!(rule(world.notified(2, 1)), Some("W10.3"));
    let (mut world, _) = live_world();
    world.metadata(2, 1, 0).unwrap();
    assert_eq!(rule(world.metadata(2, 1, 0)), Some("W10.3"));
    // A live copy alone.
    let (mut world, chat) = live_world();
    assert_eq!(rule(world.gets(2, 64, PUSH, &chat.body(NOW))), Some("W10.3"));
    // A message that is no live copy.
    let (mut world, chat) = live_world();
    world.metadata(2, 1, 0).unwrap();
    assert_eq!(rule(world.gets(2, 64, 0, &chat.body(NOW))), Some("W10.3"));
    // Nothing.
    let (mut world, _) = live_world();
    world.acked(1, 7).unwrap();
    world.notified(2, 1).unwrap();
    world.notified(3, 1).unwrap();
    world.metadata(2, 1, 0).unwrap();
    assert_eq!(rule(world.finish()), Some("W10.3"));
}

#[test]
fn d1_8_the_host_is_told_of_a_dialect_before_anything_behind_it() {
    let mut terms = terms();
    terms.remembers_dialects = true;
    let says = || {
        let mut world = World::on(terms);
        world.knocks(1, &crate::world::token(ANN), crate::world::WEB);
        world.logged_in(1, ANN, (0, Dialect::AsSent)).unwrap();
        world.gets(1, 3, 0, &[0; 4]).unwrap();
        world.says(1, 1, v2(ANN, SELLER, "a"));
        world.says(1, 2, v2(ANN, SELLER, "b"));
        world.came(1, 1, v2(ANN, SELLER, "a")).unwrap();
        world
    };
    assert_eq!(rule(says().came(1, 2, v2(ANN, SELLER, "b"))), Some("D1.8"));
    assert_eq!(rule(says().kept_dialect(1, Dialect::V1)), Some("D1.8"));
    let mut world = says();
    world.kept_dialect(1, Dialect::V2).unwrap();
    world.came(1, 2, v2(ANN, SELLER, "b")).unwrap();
    // D1.4: the next login begins in it.
    world.knocks(2, &crate::world::token(ANN), crate::world::WEB);
    assert_eq!(rule(world.logged_in(2, ANN, (0, Dialect::AsSent))), Some("D1.4"));
    // A connection of which nothing was seen to come is believed.
    world.opens(3, 0);
    world.kept_dialect(3, Dialect::V1).unwrap();
}

#[test]
fn w3_4_a_command_outside_the_protocol_reaches_the_host_as_it_came() {
    use kefu_proto::checker::{ConnectionId, Event};
    let took = |world: &mut World, command, body: &'static [u8]| {
        let frame = &kefu_proto::Frame::new(kefu_proto::Command(command), body.into());
        let connection = ConnectionId(1);
        rule(world.checker.observe(Event::Unlisted { connection, frame }))
    };
    for (command, body, expected) in
        [(99, &b"mine"[..], None), (99, b"other", Some("W3.4")), (98, b"mine", Some("W3.4"))]
    {
        let mut world = world();
        world.sends(1, (1, 99), b"mine");
        assert_eq!(took(&mut world, command, body), expected);
    }
    assert_eq!(took(&mut world(), 99, b"mine"), Some("W3.4"));
    // S5.1, S1.1: neither what only a server says, nor what came before the login.
    let mut world = world();
    world.sends(1, (1, 5), &[0; 4]);
    world.sends(1, (1, 99), b"mine");
    assert_eq!(took(&mut world, 99, b"mine"), None);
    let mut world = World::new();
    world.opens(1, 0);
    world.sends(1, (1, 99), b"mine");
    world.says_token(1, &crate::world::token(ANN), PHONE);
    world.gets(1, 3, 0, &[0; 4]).unwrap();
    assert_eq!(took(&mut world, 99, b"mine"), Some("W3.4"));
    // No bytes of the client are seen.
    let mut world = World::new();
    world.opens(1, 0);
    assert_eq!(took(&mut world, 99, b"mine"), None);
}

/// No bytes are seen of Ann on 1 and the seller on 2, each on a server of its own.
fn world_that_gives() -> World {
    let mut world = World::new();
    for connection in [1, 2] {
        world.opens(connection, connection.try_into().unwrap());
    }
    world.logged_in(1, ANN, (1, Dialect::V2)).unwrap();
    world.logged_in(2, SELLER, (2, Dialect::V2)).unwrap();
    world
}

#[test]
fn where_only_gifts_are_seen_they_are_what_is_owed() {
    let world = world_that_gives;
    // Where the store is seen, and where it is not.
    for sees_store in [true, false] {
        let mut world = world();
        world.came(1, 7, HI).unwrap();
        if sees_store {
            world.saved(HI, [(SELLER, 1), (ANN, 1)]);
        }
        world.given_ack(1, 7).unwrap();
        assert_eq!(rule(world.finish()), Some("H7.4"));
        world.given_notify(2, 1).unwrap();
        world.finish().unwrap();
        assert_eq!(rule(world.given_ack(1, 7)), Some("H9.1"));
    }
    // 0 is a seq in version 1.
    let mut refused = world();
    refused.came(1, 0, HI).unwrap();
    assert_eq!(rule(refused.given_ack(1, 99)), Some("H9.1"));
    // An accepted CUSTOMER_V2 has no seq: its ACK has any. One that is refused has.
    let mut refused = world();
    refused.came(1, 9, v2(BOB, SELLER, "as Bob")).unwrap();
    assert_eq!(rule(refused.given_ack(1, 9)), Some("H11.1"));
    assert_eq!(rule(refused.given_ack(1, 10)), Some("H9.1"));
    let mut world = world();
    let chat = v2(ANN, SELLER, "hi");
    world.came(1, 0, chat).unwrap();
    world.given_notify(2, 1).unwrap();
    world.given_ack(1, 99).unwrap();
    world.came(1, 0, chat).unwrap();
    world.failed(1, ANN, chat).unwrap();
    world.came(1, 0, v2(ANN, SELLER, "ho")).unwrap();
    world.given_ack(1, 100).unwrap();
    // What is not seen to come is no message that waits.
    world.came(2, 5, customer(ANN, SELLER, "as Ann")).unwrap();
    assert_eq!(rule(world.given_ack(2, 5)), Some("H11.1"));
}

#[test]
fn s11_1_messages_are_taken_in_their_order() {
    let mut world = world();
    world.says(1, 7, HI);
    world.says(1, 8, customer(ANN, SELLER, "ho"));
    world.came(1, 9, customer(ANN, SELLER, "never said")).unwrap();
    assert_eq!(rule(world.came(1, 8, customer(ANN, SELLER, "ho"))), Some("S11.1"));
    // One that is refused need not be taken.
    let mut world = self::world();
    world.says(1, 7, customer(BOB, SELLER, "as Bob"));
    world.says(1, 8, HI);
    world.came(1, 8, HI).unwrap();
}

#[test]
fn s1_8_a_login_is_accepted_behind_what_was_sent_before_it() {
    let mut world = World::new();
    world.opens(1, 0);
    world.sends(1, (1, 13), b"");
    world.says_token(1, &crate::world::token(ANN), PHONE);
    world.logged_in(1, ANN, (11, Dialect::V1)).unwrap();
    world.gets_bytes(1, &frame((1, 14), 0, 0, b"")).unwrap();
    world.gets_bytes(1, &frame((2, 3), 1, 0, &[0; 4])).unwrap();
}

#[test]
fn h7_5_others_of_the_sender_are_owed_their_notify() {
    let mut world = world();
    saved(&mut world);
    world.notified(2, 1).unwrap();
    world.acked(1, 7).unwrap();
    assert_eq!(rule(world.finish()), Some("H7.5"));
}

#[test]
fn h4_1_what_is_given_bears_the_server_s_time() {
    let typing = support(SELLER, ANN, "...").with(UNPERSISTENT);
    let mut world = world();
    world.says(2, 5, typing);
    let message = typing.message(5, 0);
    assert_eq!(rule(world.given(1, Outbound::Chat(&message))), Some("H4.1"));
}

#[test]
fn a_live_copy_of_an_unpersistent_one_is_another_s() {
    // H13.5: in version 2 it is persistent, whatever the flag says.
    let (mut world, chat) = live_world();
    let typing = v2(ANN, SELLER, "...").with(UNPERSISTENT);
    world.says(1, 8, typing);
    assert_eq!(rule(world.given(2, live(typing, (2, 1)).get())), Some("H14.1"));
    let _ = chat;
}

#[test]
fn s10_4_a_repeat_names_what_was_before_the_first() {
    let mut terms = terms();
    terms.repeats = kefu_proto::checker::Repeats::UUID;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, TABLET);
    world.logs_in(2, SELLER, TABLET);
    let first = v2(ANN, SELLER, r#"{"uuid":"a"}"#);
    let second = v2(ANN, SELLER, r#"{"uuid":"b"}"#);
    world.says(1, 1, first);
    world.saved(first, [(SELLER, 1), (ANN, 1)]);
    world.says(1, 2, second);
    world.saved(second, [(SELLER, 2), (ANN, 2)]);
    world.says(1, 3, first);
    assert_eq!(rule(world.confirmed(1, first, [(1, Some(2)), (1, None)])), Some("S10.4"));
    world.metadata(2, 1, 1).unwrap();
    assert_eq!(rule(world.gets(2, 64, PUSH, &first.body(NOW))), Some("H14.4"));
    world.metadata(2, 2, 0).unwrap();
    assert_eq!(rule(world.gets(2, 64, PUSH, &second.body(NOW))), Some("H14.4"));
}

#[test]
fn s10_4_metadata_of_a_repeat_is_that_of_the_first() {
    let (mut world, chat) = live_world();
    world.says(1, 8, v2(ANN, SELLER, "ho"));
    world.saved(v2(ANN, SELLER, "ho"), [(SELLER, 2), (ANN, 2)]);
    world.says(1, 9, v2(ANN, SELLER, "ho"));
    world.metadata(2, 2, 0).unwrap();
    let copied = world.gets(2, 64, PUSH, &v2(ANN, SELLER, "ho").body(NOW));
    assert_eq!(rule(copied), Some("S10.4"));
    let _ = chat;
}

#[test]
fn h7_6_what_is_confirmed_for_a_connection_that_is_gone_is_judged_too() {
    let mut world = world();
    saved(&mut world);
    world.closes(1);
    world.confirmed(1, HI, [(1, None), (1, None)]).unwrap();
    assert_eq!(rule(world.confirmed(1, HI, [(2, None), (1, None)])), Some("H7.1"));
}

#[test]
fn h8_1_a_refused_message_has_no_save_that_could_fail() {
    let mut world = world();
    let posing = customer(BOB, SELLER, "x");
    world.says(1, 7, posing);
    world.failed(1, SELLER, posing).unwrap();
    assert_eq!(rule(world.acked(1, 7)), Some("H11.1"));
}

#[test]
fn whoever_has_not_read_the_answer_to_a_login_is_owed_nothing() {
    let mut world = world();
    world.knocks(5, &crate::world::token(SELLER), PHONE);
    world.logged_in(5, SELLER, (1, Dialect::V1)).unwrap();
    saved(&mut world);
    for connection in [2, 3] {
        world.given_notify(connection, 1).unwrap();
        world.notified(connection, 1).unwrap();
    }
    world.given_ack(1, 7).unwrap();
    world.acked(1, 7).unwrap();
    world.gets(5, 3, 0, &[0; 4]).unwrap();
    world.finish().unwrap();
}

#[test]
fn a_live_copy_that_comes_late_is_owed_no_more() {
    let (mut world, chat) = live_world();
    world.confirmed(1, chat, [(1, Some(0)), (1, None)]).unwrap();
    world.acked(1, 7).unwrap();
    for connection in [2, 3] {
        world.notified(connection, 1).unwrap();
    }
    assert_eq!(rule(world.finish()), Some("H14.4"));
    world.metadata(2, 1, 0).unwrap();
    world.gets(2, 64, PUSH, &chat.body(NOW)).unwrap();
    world.finish().unwrap();
}
