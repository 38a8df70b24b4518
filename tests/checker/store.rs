//! H4, H7, H10, S10, S11: what is stored, and where.

use kefu_proto::checker::Repeats;
use kefu_proto::{Command, StoredMessage};

use crate::world::{
    ANN, BOB, Chat, DESK, NOW, OTHER, PHONE, SELLER, UNPERSISTENT, World, customer, rule, support,
    terms, token,
};

const HI: Chat = customer(ANN, SELLER, "hi");
const MARKED: Chat = customer(ANN, SELLER, r#"{"uuid":"a"}"#);

fn world() -> World {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    world
}

fn once() -> World {
    let mut terms = terms();
    terms.repeats = Repeats::UUID;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    world
}

#[test]
fn h7_1_a_copy_goes_to_a_party() {
    let mut world = world();
    world.says(1, 1, HI);
    assert_eq!(rule(world.stored(BOB, &HI.row(1, 1))), Some("H7.1"));
    world.stored(SELLER, &HI.row(1, 1)).unwrap();
    assert_eq!(rule(world.stored(OTHER, &HI.row(1, 1))), Some("H7.2"));
}

#[test]
fn h7_1_a_message_is_stored_as_often_as_it_is_said() {
    let mut world = world();
    world.says(1, 1, HI);
    world.stored(SELLER, &HI.row(1, 1)).unwrap();
    assert_eq!(rule(world.stored(SELLER, &HI.row(2, 1))), Some("H7.1"));
    world.stored(ANN, &HI.row(1, 1)).unwrap();
    assert_eq!(rule(world.stored(ANN, &HI.row(2, 1))), Some("H7.2"));
    world.says(1, 2, HI);
    world.stored(SELLER, &HI.row(2, 1)).unwrap();
}

#[test]
fn s10_2_a_message_with_a_mark_is_stored_once() {
    let mut world = once();
    world.says(1, 1, MARKED);
    world.says(1, 2, MARKED);
    world.says(1, 3, customer(ANN, SELLER, r#"{"uuid":"a","n":2}"#));
    world.saved(MARKED, [(SELLER, 1), (ANN, 1)]);
    for seq in 1..4 {
        world.acked(1, seq).unwrap();
    }
    assert_eq!(rule(world.stored(SELLER, &MARKED.row(2, 1))), Some("S10.2"));
}

#[test]
fn s10_1_a_message_without_a_mark_is_never_a_repeat() {
    let mut world = once();
    world.says(1, 1, HI);
    world.says(1, 2, HI);
    world.saved(HI, [(SELLER, 1), (ANN, 1)]);
    world.acked(1, 1).unwrap();
    let violation = world.acked(1, 2).unwrap_err();
    assert_eq!(violation.rule(), "S10.1");
    assert!(violation.explanation().starts_with("2 ACKs of a message of 7/1"), "{violation}");
    world.saved(HI, [(SELLER, 2), (ANN, 2)]);
}

#[test]
fn h7_1_ids_grow_within_a_queue() {
    let mut world = world();
    world.says(1, 1, HI);
    world.says(1, 2, MARKED);
    world.stored(SELLER, &HI.row(5, 1)).unwrap();
    assert_eq!(rule(world.stored(SELLER, &MARKED.row(5, 1))), Some("H7.1"));
    world.stored(ANN, &HI.row(5, 1)).unwrap();
    assert_eq!(rule(world.stored(ANN, &MARKED.row(0, 1))), Some("H7.2"));
}

#[test]
fn h6_an_unpersistent_message_is_not_stored() {
    let typing = HI.with(UNPERSISTENT);
    let mut world = world();
    world.says(1, 1, typing);
    assert_eq!(rule(world.stored(SELLER, &typing.row(1, 1))), Some("H6.3"));
}

#[test]
fn w4_2_what_is_stored_is_what_was_said() {
    let mut world = world();
    world.says(1, 1, HI);
    for other in
        [customer(ANN, SELLER, "ho"), customer(ANN, OTHER, "hi"), customer(BOB, SELLER, "hi")]
    {
        assert_eq!(rule(world.stored(SELLER, &other.row(1, 1))), Some("W4.2"));
    }
    let marked = customer(ANN, SELLER, r#"{"uuid":"a","n":2}"#);
    let mut world = once();
    world.says(1, 1, MARKED);
    assert_eq!(rule(world.stored(SELLER, &marked.row(1, 1))), Some("W4.2"));
    // S10.1: said again in other words, it is stored in either.
    world.says(1, 2, marked);
    world.stored(SELLER, &marked.row(1, 1)).unwrap();
    world.stored(ANN, &MARKED.row(1, 1)).unwrap();
}

#[test]
fn h4_1_the_time_is_that_of_the_first_time_that_it_was_right() {
    let at = |stamp| StoredMessage { body: HI.body(stamp).into(), ..HI.row(1, 1) };
    let mut world = world();
    world.says(1, 1, HI);
    world.time(NOW + 10).unwrap();
    world.says(1, 2, HI);
    world.stored(SELLER, &at(NOW)).unwrap();
    // What was said before the login is not.
    let mut world = World::new();
    world.opens(1, 0);
    world.says(1, 1, HI);
    world.says_token(1, &token(ANN), PHONE);
    world.gets(1, 3, 0, &[0; 4]).unwrap();
    world.time(NOW + 10).unwrap();
    world.says(1, 2, HI);
    assert_eq!(rule(world.stored(SELLER, &at(NOW))), Some("H4.1"));
}

#[test]
fn h4_1_a_clock_that_jumps_has_not_shown_what_is_between() {
    let at = |stamp| StoredMessage { body: HI.body(stamp).into(), ..HI.row(1, 1) };
    for (jump, expected) in [(3_599, None), (3_600, Some("H4.1"))] {
        let mut world = world();
        world.says(1, 1, HI);
        world.time(NOW + jump).unwrap();
        assert_eq!(rule(world.stored(SELLER, &at(NOW + 1_800))), expected);
    }
    // So many settings are remembered one by one.
    for (settings, expected) in [(63, Some("H4.1")), (64, None)] {
        let mut world = world();
        world.says(1, 1, HI);
        for count in 1..=settings {
            world.time(NOW - 10_000 * count).unwrap();
        }
        assert_eq!(rule(world.stored(SELLER, &at(NOW - 5_000))), expected);
    }
    // What is said after many of them bears the time since then.
    let mut world = world();
    for count in 1..=100 {
        world.time(NOW - 10_000 * count).unwrap();
    }
    world.says(1, 1, HI);
    assert_eq!(rule(world.stored(SELLER, &at(NOW - 990_000))), Some("H4.1"));
    world.stored(SELLER, &at(NOW - 1_000_000)).unwrap();
}

#[test]
fn w4_2_zeros_at_the_end_count() {
    let zeros = customer(ANN, SELLER, "hi\0");
    let mut world = world();
    world.says(1, 1, HI);
    assert_eq!(rule(world.stored(SELLER, &zeros.row(1, 1))), Some("W4.2"));
}

#[test]
fn h4_1_the_time_is_the_server_s() {
    let at = |stamp| StoredMessage { body: HI.body(stamp).into(), ..HI.row(1, 1) };
    let mut world = world();
    world.time(NOW + 10).unwrap();
    world.says(1, 1, HI);
    world.time(NOW + 20).unwrap();
    for (stamp, expected) in [(NOW + 9, Some("H4.1")), (0, Some("H4.1")), (NOW + 21, Some("H4.1"))]
    {
        assert_eq!(rule(world.stored(SELLER, &at(stamp))), expected, "{stamp}");
    }
    world.stored(SELLER, &at(NOW + 15)).unwrap();
    // The clock is set back.
    world.time(NOW - 100).unwrap();
    assert_eq!(rule(world.stored(ANN, &at(NOW - 101))), Some("H4.1"));
    world.stored(ANN, &at(NOW - 100)).unwrap();
}

#[test]
fn h4_1_where_no_clock_is_shown_any_time_may_be_right() {
    let mut world = World::timeless(terms());
    world.logs_in(1, ANN, PHONE);
    world.says(1, 1, HI);
    world.stored(SELLER, &StoredMessage { body: HI.body(12).into(), ..HI.row(1, 1) }).unwrap();
}

#[test]
fn h4_1_clocks_may_differ_by_what_the_host_says() {
    let mut terms = terms();
    terms.clock_error = 5;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    world.says(1, 1, HI);
    let at = |stamp| StoredMessage { body: HI.body(stamp).into(), ..HI.row(1, 1) };
    assert_eq!(rule(world.stored(SELLER, &at(NOW + 6))), Some("H4.1"));
    world.stored(SELLER, &at(NOW + 5)).unwrap();
    world.stored(ANN, &at(NOW - 5)).unwrap();
}

#[test]
fn h4_1_a_clock_that_is_set_often_is_remembered_for_long() {
    let mut world = world();
    world.says(1, 1, HI);
    for hours in 1..100 {
        world.time(NOW - 10_000 * hours).unwrap();
    }
    let at = |stamp| StoredMessage { body: HI.body(stamp).into(), ..HI.row(1, 1) };
    world.stored(SELLER, &at(NOW - 990_000)).unwrap();
    world.stored(ANN, &at(NOW - 10_000)).unwrap();
}

#[test]
fn h10_1_a_copy_has_the_device_that_has_sent_it() {
    let mut world = world();
    world.says(1, 1, HI);
    world.says(2, 1, support(SELLER, ANN, "yes?"));
    world.stored(SELLER, &HI.row(1, 11)).unwrap();
    assert_eq!(rule(world.stored(ANN, &HI.row(1, 12))), Some("H10.1"));
    assert_eq!(rule(world.stored(ANN, &HI.row(1, 0))), Some("H10.1"));
    world.stored(ANN, &HI.row(1, 11)).unwrap();
    // Another device has another number.
    let answer = support(SELLER, ANN, "yes?");
    assert_eq!(rule(world.stored(ANN, &answer.row(2, 11))), Some("H10.1"));
}

#[test]
fn s11_1_messages_of_a_connection_are_stored_in_their_order() {
    let mut world = world();
    world.says(1, 1, HI);
    world.says(1, 2, MARKED);
    world.stored(SELLER, &MARKED.row(1, 1)).unwrap();
    assert_eq!(rule(world.stored(SELLER, &HI.row(2, 1))), Some("S11.1"));
    // Said again behind the other, it may be.
    world.says(1, 3, HI);
    world.stored(SELLER, &HI.row(2, 1)).unwrap();
    // Of which of two equal messages the last copies are, nothing tells.
    let mut world = self::world();
    world.says(1, 1, HI);
    world.says(1, 2, HI);
    world.says(1, 3, MARKED);
    world.stored(SELLER, &HI.row(1, 1)).unwrap();
    world.stored(ANN, &HI.row(1, 1)).unwrap();
    world.stored(SELLER, &MARKED.row(2, 1)).unwrap();
    world.stored(SELLER, &HI.row(3, 1)).unwrap();
    // From two connections, or one that is gone, there is no order.
    let mut world = self::world();
    world.says(1, 1, HI);
    world.says(1, 2, MARKED);
    world.stored(SELLER, &MARKED.row(1, 1)).unwrap();
    world.closes(1);
    world.stored(SELLER, &HI.row(2, 1)).unwrap();
    let mut world = self::world();
    world.logs_in(3, ANN, PHONE);
    world.says(1, 1, HI);
    world.says(1, 2, MARKED);
    world.says(3, 1, HI);
    world.says(3, 1, HI);
    world.stored(SELLER, &MARKED.row(1, 1)).unwrap();
    world.stored(SELLER, &HI.row(2, 1)).unwrap();
}

#[test]
fn rows_of_other_commands_are_not_the_protocol_s() {
    let mut world = world();
    let row = StoredMessage { command: Command(99), ..HI.row(1, 1) };
    world.stored(BOB, &row).unwrap();
    let short = StoredMessage { body: HI.body(NOW).split_off(20).into(), ..HI.row(1, 1) };
    world.stored(BOB, &short).unwrap();
}

#[test]
fn whoever_was_refused_first_may_say_it_rightly_later() {
    let mut world = World::new();
    world.logs_in(2, SELLER, DESK);
    world.opens(1, 0);
    world.says(1, 1, HI);
    world.says_token(1, &token(ANN), PHONE);
    world.gets(1, 3, 0, &[0; 4]).unwrap();
    assert_eq!(rule(world.stored(SELLER, &HI.row(1, 1))), Some("S1.1"));
    world.says(1, 2, HI);
    world.stored(SELLER, &HI.row(1, 1)).unwrap();
}

#[test]
fn h4_1_without_the_server_s_clock_no_time_is_judged() {
    let mut world = World::timeless(terms());
    world.logs_in(1, ANN, PHONE);
    world.says(1, 1, HI);
    world.stored(SELLER, &StoredMessage { body: HI.body(-5).into(), ..HI.row(1, 1) }).unwrap();
}
