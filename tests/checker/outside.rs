//! What bytes alone show.

use kefu_proto::Dialect;

use crate::world::{
    ANN, BOB, Chat, DESK, Device, NOW, PHONE, PUSH, SELLER, TABLET, UNPERSISTENT, WEB, World,
    customer, rule, support, terms, v2,
};

const ONE: Chat = customer(ANN, SELLER, "1");
const TWO: Chat = customer(ANN, SELLER, "2");
const THREE: Chat = customer(ANN, SELLER, "3");

/// Ann's phone is 1, the seller's desk 2, another device of Ann 3, Bob's 4.
fn world() -> World {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    world.logs_in(3, ANN, DESK);
    world.logs_in(4, BOB, PHONE);
    world
}

/// Ann says both; all goes well.
fn said() -> World {
    let mut world = world();
    for (seq, chat) in [(1, ONE), (2, TWO)] {
        world.says(1, seq, chat);
        world.notified(2, seq.into()).unwrap();
        world.notified(3, seq.into()).unwrap();
        world.acked(1, seq).unwrap();
    }
    world
}

#[test]
fn h7_4_everybody_who_is_there_is_notified_in_the_end() {
    said().finish().unwrap();
    for left_out in [2, 3] {
        let mut world = world();
        world.says(1, 1, ONE);
        world.acked(1, 1).unwrap();
        world.notified(5 - left_out, 1).unwrap();
        let expected = if left_out == 2 { "H7.4" } else { "H7.5" };
        assert_eq!(rule(world.finish()), Some(expected));
        // It may be on its way.
        world.notified(left_out, 1).unwrap();
        world.finish().unwrap();
    }
    // Of version 2.
    for (left_out, expected) in [(2, "H14.5"), (3, "H14.7")] {
        let mut world = world();
        world.says(1, 1, v2(ANN, SELLER, "1"));
        world.acked(1, 1).unwrap();
        world.notified(5 - left_out, 1).unwrap();
        assert_eq!(rule(world.finish()), Some(expected));
    }
}

#[test]
fn a_newer_notify_will_do() {
    let mut world = world();
    for (seq, chat) in [(1, ONE), (2, TWO)] {
        world.says(1, seq, chat);
        world.acked(1, seq).unwrap();
    }
    world.notified(2, 2).unwrap();
    world.notified(3, 2).unwrap();
    world.finish().unwrap();
}

#[test]
fn h7_4_a_stranger_is_not_notified() {
    let mut world = world();
    world.says(1, 1, ONE);
    assert_eq!(rule(world.notified(4, 1)), Some("H7.4"));
    assert_eq!(rule(said().notified(2, 2)), Some("H7.4"), "once more");
    assert_eq!(rule(said().notified(2, 3)), Some("H7.4"), "one too many");
}

#[test]
fn h7_5_the_own_connection_is_not_notified() {
    let mut world = world();
    world.says(1, 1, ONE);
    assert_eq!(rule(world.notified(1, 1)), Some("H7.5"));
}

#[test]
fn a_message_said_again_is_notified_again() {
    let mut world = said();
    world.says(1, 3, TWO);
    world.notified(2, 2).unwrap();
    world.notified(3, 2).unwrap();
    world.acked(1, 3).unwrap();
    world.finish().unwrap();
}

fn world_with_login_on_its_way() -> World {
    let mut world = world();
    world.opens(8, 0);
    world.says_token(8, &crate::world::token(SELLER), DESK);
    world
}

#[test]
fn whoever_comes_later_is_notified_of_what_is_not_over() {
    let mut world = world();
    world.says(1, 1, ONE);
    world.logs_in(5, SELLER, PHONE);
    world.notified(5, 1).unwrap();
    world.notified(2, 1).unwrap();
    world.notified(3, 1).unwrap();
    world.acked(1, 1).unwrap();
    world.logs_in(6, SELLER, WEB);
    assert_eq!(rule(world.notified(6, 1)), Some("H7.4"));
    // Its client has the answer to its login only after the message was over.
    let mut world = world_with_login_on_its_way();
    world.says(1, 1, ONE);
    world.notified(2, 1).unwrap();
    world.notified(3, 1).unwrap();
    world.acked(1, 1).unwrap();
    world.gets(8, 3, 0, &[0; 4]).unwrap();
    world.notified(8, 1).unwrap();
    assert_eq!(rule(world.notified(8, 2)), Some("H7.4"));
    // On another server it may come late.
    let mut world = said();
    world.opens(7, 1);
    world.says_token(7, &crate::world::token(SELLER), DESK);
    world.gets(7, 3, 0, &[0; 4]).unwrap();
    world.notified(7, 1).unwrap();
    world.notified(7, 2).unwrap();
    assert_eq!(rule(world.notified(7, 3)), Some("H7.4"));
}

#[test]
fn whom_the_checker_does_not_see_may_have_more_to_tell() {
    let mut terms = terms();
    terms.sees_everybody = false;
    let mut world = World::on(terms);
    world.logs_in(2, SELLER, DESK);
    world.notified(2, 9).unwrap();
    world.asks(2, 0);
    world.answered(2, (0, 9), &[customer(ANN, SELLER, "of old")]).unwrap();
    world.finish().unwrap();
}

#[test]
fn h7_6_a_message_gets_its_ack() {
    let mut world = world();
    world.says(1, 1, ONE);
    assert_eq!(rule(world.finish()), Some("H7.6"));
    world.says(1, 2, TWO);
    assert_eq!(rule(world.acked(1, 2)), Some("H7.6"));
    let mut terms = terms();
    terms.saves_may_fail = true;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    world.says(1, 1, ONE);
    world.says(1, 2, TWO);
    world.acked(1, 2).unwrap();
    world.finish().unwrap();
}

#[test]
fn h6_1_an_unpersistent_message_comes_once_to_each_connection() {
    let typing = customer(ANN, SELLER, "...").with(UNPERSISTENT);
    let mut world = world();
    world.says(1, 1, typing);
    world.acked(1, 1).unwrap();
    assert_eq!(rule(world.finish()), Some("H6.1"));
    world.reads(2, typing).unwrap();
    world.finish().unwrap();
    assert_eq!(rule(world.reads(2, typing)), Some("H6.1"));
    // What is to be stored comes in a sync alone.
    assert_eq!(rule(said().reads(2, ONE)), Some("H14.10"));
    let mut world = self::world();
    world.says(1, 1, v2(ANN, SELLER, "1"));
    assert_eq!(rule(world.reads(2, v2(ANN, SELLER, "1"))), Some("D3.1"));
    world.logs_in(5, SELLER, TABLET);
    assert_eq!(rule(world.reads(5, v2(ANN, SELLER, "1"))), Some("W10.3"));
}

#[test]
fn h6_1_what_was_said_both_ways_comes_both_ways() {
    let typing = ONE.with(UNPERSISTENT);
    let mut world = world();
    world.says(1, 1, typing);
    world.says(1, 2, ONE);
    world.asks(2, 0);
    world.gets_key(2, 27, 0).unwrap();
    world.reads(2, typing).unwrap();
    world.reads(2, ONE).unwrap();
    world.gets_key(2, 28, 1).unwrap();
    assert_eq!(rule(world.reads(2, ONE)), Some("W7.4"), "outside of a sync");
}

#[test]
fn h6_1_what_a_connection_is_owed_outlives_its_message() {
    let mut terms = terms();
    terms.memory = 10;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    for seq in 1..100 {
        let content: &'static str = Box::leak(seq.to_string().into_boxed_str());
        let typing = customer(ANN, SELLER, content).with(UNPERSISTENT);
        world.says(1, seq, typing);
        if seq > 1 {
            world.reads(2, typing).unwrap();
        }
        world.acked(1, seq).unwrap();
    }
    assert_eq!(rule(world.finish()), Some("H6.1"));
}

#[test]
fn w4_1_a_message_may_be_empty() {
    let empty = customer(ANN, SELLER, "");
    let mut world = world();
    world.says(1, 1, empty);
    world.notified(2, 1).unwrap();
    world.notified(3, 1).unwrap();
    world.acked(1, 1).unwrap();
    world.asks(2, 0);
    world.answered(2, (0, 1), &[empty]).unwrap();
    world.finish().unwrap();
}

#[test]
fn h14_9_ids_may_be_as_great_as_they_can() {
    let mut world = world();
    world.says(1, 1, ONE);
    world.notified(2, i64::MAX).unwrap();
    world.notified(3, i64::MAX).unwrap();
    world.acked(1, 1).unwrap();
    world.finish().unwrap();
}

#[test]
fn h6_1_of_much_that_does_not_come_the_oldest_is_remembered() {
    let mut world = world();
    for seq in 1..100 {
        world.says(1, seq, customer(ANN, SELLER, "...").with(UNPERSISTENT));
        world.acked(1, seq).unwrap();
    }
    let violation = world.finish().unwrap_err();
    assert_eq!(violation.rule(), "H6.1");
    assert_eq!(violation.events()[0].number, 14);
}

#[test]
fn s2_3_an_answer_has_all_that_was_acknowledged() {
    let asked = |connection, key| {
        let mut world = said();
        world.asks(connection, key);
        world
    };
    let mut world = asked(2, 0);
    world.answered(2, (0, 2), &[ONE, TWO]).unwrap();
    world.finish().unwrap();
    for rows in [&[ONE][..], &[TWO], &[]] {
        let mut world = asked(2, 0);
        world.answered(2, (0, 2), rows).unwrap();
        assert_eq!(rule(world.finish()), Some("S2.3"));
        world.sends(2, (1, 13), b"");
    }
    // Its own device's are left out in version 1, another's are not.
    let mut world = asked(1, 0);
    world.answered(1, (0, 2), &[]).unwrap();
    world.finish().unwrap();
    assert_eq!(rule(asked(1, 0).answered(1, (0, 2), &[ONE])), Some("S2.5"));
    let mut world = asked(3, 0);
    world.answered(3, (0, 2), &[TWO]).unwrap();
    assert_eq!(rule(world.finish()), Some("S2.3"));
    // Twice, in another order, of another queue, of nobody.
    assert_eq!(rule(asked(2, 0).answered(2, (0, 2), &[ONE, ONE])), Some("S2.3"));
    assert_eq!(rule(asked(2, 0).answered(2, (0, 2), &[TWO, ONE])), Some("S11.1"));
    assert_eq!(rule(asked(4, 0).answered(4, (0, 2), &[ONE])), Some("S2.3"));
    let other = customer(BOB, SELLER, "1");
    assert_eq!(rule(asked(2, 0).answered(2, (0, 2), &[other])), Some("W4.2"));
    // With the client's time.
    let mut world = asked(2, 0);
    world.gets_key(2, 27, 0).unwrap();
    assert_eq!(rule(world.gets(2, 24, 0, &ONE.body(0))), Some("H4.1"));
    // Before what was told.
    let mut world = asked(2, 0);
    world.answered(2, (0, 1), &[ONE, TWO]).unwrap();
    assert_eq!(rule(world.finish()), Some("S2.3"));
    // Before its beginning.
    assert_eq!(rule(asked(2, 5).answered(2, (5, 2), &[])), Some("S2.4"));
}

#[test]
fn s2_3_a_message_said_again_may_come_again() {
    let mut world = said();
    world.says(1, 3, TWO);
    world.asks(2, 0);
    world.answered(2, (0, 3), &[ONE, TWO, TWO]).unwrap();
    // To oneself there are two copies.
    let note = support(SELLER, SELLER, "note");
    let mut world = self::world();
    world.logs_in(5, SELLER, PHONE);
    world.says(2, 1, note);
    world.asks(5, 0);
    world.answered(5, (0, 2), &[note, note]).unwrap();
}

#[test]
fn s11_1_of_what_two_connections_have_said_there_is_no_order() {
    let mut world = world();
    world.says(1, 1, TWO);
    world.says(1, 2, ONE);
    world.says(3, 1, TWO);
    world.asks(2, 0);
    world.answered(2, (0, 3), &[ONE, TWO, TWO]).unwrap();
}

#[test]
fn s12_3_a_notify_of_another_id_is_no_sign_that_the_queue_goes_on() {
    let mut world = said();
    world.asks(2, 0);
    world.answered(2, (0, 2), &[ONE]).unwrap();
    world.says(1, 3, customer(ANN, SELLER, "3"));
    world.notified(2, 9).unwrap();
    world.sends(2, (1, 13), b"");
    assert_eq!(rule(world.gets(2, 14, 0, b"")), Some("S2.3"));
}

#[test]
fn d4_6_as_sent_who_is_beyond_the_queue_comes_back() {
    let answers = |key, ends| {
        let mut world = World::new();
        world.knocks(2, &crate::world::token(SELLER), WEB);
        world.logged_in(2, SELLER, (0, Dialect::AsSent)).unwrap();
        world.gets(2, 3, 0, &[0; 4]).unwrap();
        world.asks(2, key);
        rule(world.answered(2, ends, &[]))
    };
    assert_eq!(answers(9, (9, 9)), None);
    assert_eq!(answers(9, (5, 5)), None);
    assert_eq!(answers(9, (5, 4)), Some("D4.5"));
    assert_eq!(answers(9, (9, 5)), Some("S2.4"));
}

#[test]
fn s2_3_what_is_said_meanwhile_may_come_or_not() {
    for rows in [&[ONE, TWO][..], &[ONE, TWO, customer(ANN, SELLER, "3")]] {
        let mut world = said();
        world.asks(2, 0);
        world.says(1, 3, customer(ANN, SELLER, "3"));
        let end = i64::try_from(rows.len()).unwrap();
        world.answered(2, (0, end), rows).unwrap();
        world.notified(2, 3).unwrap();
        world.notified(3, 3).unwrap();
        world.acked(1, 3).unwrap();
        // The next answer goes on there.
        world.asks(2, end);
        let rest = &[customer(ANN, SELLER, "3")][rows.len() - 2..];
        world.answered(2, (end, 3), rest).unwrap();
        world.finish().unwrap();
    }
}

#[test]
fn s12_3_an_answer_may_go_on_behind_a_notify() {
    let mut world = said();
    world.asks(2, 0);
    world.answered(2, (0, 1), &[ONE]).unwrap();
    world.notified(2, 2).unwrap();
    world.finish().unwrap();
    world.asks(2, 1);
    world.answered(2, (1, 2), &[]).unwrap();
    assert_eq!(rule(world.finish()), Some("S2.3"));
}

#[test]
fn s12_4_who_had_not_asked_on_finds_it_in_the_answer() {
    let mut world = said();
    world.asks(2, 0);
    world.answered(2, (0, 1), &[ONE]).unwrap();
    world.notified(2, 2).unwrap();
    world.asks(2, 1);
    // The host has dealt with it before it had this SYNC; the ACK is read behind the answer.
    world.says(1, 3, THREE);
    world.notified(3, 3).unwrap();
    world.answered(2, (1, 3), &[TWO, THREE]).unwrap();
    world.acked(1, 3).unwrap();
    world.finish().unwrap();
    world.says(1, 4, customer(ANN, SELLER, "4"));
    world.notified(3, 4).unwrap();
    world.acked(1, 4).unwrap();
    assert_eq!(rule(world.finish()), Some("H7.4"));
}

#[test]
fn d4_version_2_reads_its_own_messages_with_self() {
    let mut world = World::new();
    world.logs_in(1, ANN, TABLET);
    world.logs_in(2, SELLER, TABLET);
    let hi = v2(ANN, SELLER, "hi");
    world.says(1, 1, hi);
    world.metadata(2, 1, 0).unwrap();
    world.gets(2, 64, PUSH, &hi.body(NOW)).unwrap();
    world.notified(2, 1).unwrap();
    world.metadata(1, 1, 0).unwrap();
    world.acked(1, 1).unwrap();
    world.asks(1, 0);
    world.asks(2, 0);
    world.answered(2, (1, 1), &[hi]).unwrap();
    world.gets_key(1, 27, 1).unwrap();
    assert_eq!(rule(world.reads(1, hi)), Some("D4.3"));
    // D4.5
    let mut world = World::new();
    world.logs_in(2, SELLER, TABLET);
    world.asks(2, 0);
    assert_eq!(rule(world.answered(2, (0, 5), &[])), Some("D4.5"));
    // D4.6
    let mut world = World::new();
    world.logs_in(2, SELLER, TABLET);
    world.asks(2, 9);
    world.answered(2, (5, 5), &[]).unwrap();
    // S2.2: as sent, where a row shows that it is not version 2.
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, WEB);
    world.says(1, 1, ONE);
    world.notified(2, 1).unwrap();
    world.acked(1, 1).unwrap();
    world.asks(2, 0);
    assert_eq!(rule(world.answered(2, (1, 1), &[ONE])), Some("D4.5"));
}

#[test]
fn h14_9_what_is_told_of_ids_fits_together() {
    let hi = v2(ANN, SELLER, "hi");
    let ho = v2(ANN, SELLER, "ho");
    let copied = |notified: &[i64], pairs: &[(Chat, i64, i64)]| {
        let mut world = World::new();
        world.logs_in(1, ANN, TABLET);
        world.logs_in(2, SELLER, TABLET);
        for (seq, chat) in [(1, hi), (2, ho), (3, v2(ANN, SELLER, "3")), (4, v2(ANN, SELLER, "4"))]
        {
            world.says(1, seq, chat);
        }
        for msgid in notified {
            world.notified(2, *msgid)?;
        }
        for (chat, key, previous) in pairs {
            world.metadata(2, *key, *previous)?;
            world.gets(2, 64, PUSH, &chat.body(NOW))?;
        }
        world.notified(2, 25)
    };
    copied(&[10, 20], &[(hi, 30, 25), (ho, 40, 30)]).unwrap();
    // Something is between the two, by what was told before or after.
    assert_eq!(rule(copied(&[10, 20], &[(hi, 30, 10)])), Some("H14.9"));
    assert_eq!(rule(copied(&[], &[(hi, 30, 20)])), Some("H14.9"));
    // Two messages of one id, one message before which are two.
    assert_eq!(rule(copied(&[], &[(hi, 20, 10), (ho, 20, 10)])), Some("H14.1"));
    let mut world = World::new();
    world.logs_in(1, ANN, TABLET);
    world.logs_in(2, SELLER, TABLET);
    world.logs_in(3, SELLER, Device { name: "b", ..TABLET });
    world.says(1, 1, hi);
    world.metadata(2, 20, 10).unwrap();
    world.gets(2, 64, PUSH, &hi.body(NOW)).unwrap();
    world.metadata(3, 20, 11).unwrap();
    assert_eq!(rule(world.gets(3, 64, PUSH, &hi.body(NOW))), Some("H14.9"));
}

#[test]
fn h14_4_a_live_copy_comes_once() {
    let hi = v2(ANN, SELLER, "hi");
    let mut world = World::new();
    world.logs_in(1, ANN, TABLET);
    world.logs_in(2, SELLER, TABLET);
    world.says(1, 1, hi);
    world.metadata(2, 20, 10).unwrap();
    world.gets(2, 64, PUSH, &hi.body(NOW)).unwrap();
    world.metadata(2, 20, 10).unwrap();
    assert_eq!(rule(world.gets(2, 64, PUSH, &hi.body(NOW))), Some("H14.4"));
    // Unless it is said again.
    world.says(1, 2, hi);
    world.metadata(2, 20, 10).unwrap();
    world.gets(2, 64, PUSH, &hi.body(NOW)).unwrap();
}

#[test]
fn a_reply_is_told_from_what_was_asked() {
    let mut world = said();
    let yes = support(SELLER, ANN, "yes?");
    world.says(2, 1, yes);
    world.notified(1, 3).unwrap();
    world.notified(3, 3).unwrap();
    world.acked(2, 1).unwrap();
    world.asks(1, 0);
    world.answered(1, (0, 3), &[yes]).unwrap();
    world.asks(3, 0);
    world.answered(3, (0, 3), &[ONE, TWO, yes]).unwrap();
    world.finish().unwrap();
}

#[test]
fn s11_1_acks_come_in_the_order_of_their_messages() {
    let mut terms = terms();
    terms.saves_may_fail = true;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    for seq in 1..100 {
        world.says(1, seq, customer(ANN, SELLER, "hi"));
    }
    world.acked(1, 99).unwrap();
    for seq in [98, 35] {
        assert_eq!(rule(world.acked(1, seq)), Some("S11.1"));
    }
    for seq in [34, 1] {
        assert_eq!(rule(world.acked(1, seq)), Some("H9.1"), "that is long ago");
    }
}

#[test]
fn s11_1_what_waits_for_an_answer_gets_it_first() {
    let mut world = World::new();
    world.opens(1, 0);
    world.sends(1, (1, 13), b"");
    world.says_token(1, &crate::world::token(ANN), PHONE);
    assert_eq!(rule(world.gets(1, 3, 0, &[0; 4])), Some("S11.1"));
    let mut world = World::new();
    world.knocks(1, &crate::world::token(ANN), PHONE);
    world.sends(1, (1, 13), b"");
    let pong = crate::world::frame((1, 14), 0, 0, b"");
    assert_eq!(rule(world.gets_bytes(1, &pong)), Some("S11.1"));
}

#[test]
fn a_command_of_the_host_s_own_need_not_be_answered() {
    let mut world = world();
    world.sends(1, (1, 99), b"mine");
    world.finish().unwrap();
}

#[test]
fn h14_8_metadata_of_an_ack_fits_what_was_told() {
    let world = || {
        let mut world = World::new();
        world.logs_in(1, ANN, TABLET);
        world.logs_in(2, SELLER, TABLET);
        world.says(1, 1, v2(ANN, SELLER, "hi"));
        world.says(1, 2, v2(ANN, SELLER, "ho"));
        world.metadata(1, 20, 10).unwrap();
        world.acked(1, 1).unwrap();
        world
    };
    let mut same = world();
    same.metadata(1, 20, 10).unwrap();
    assert_eq!(rule(same.acked(1, 2)), Some("H14.2"));
    let mut next = world();
    next.metadata(1, 30, 20).unwrap();
    next.acked(1, 2).unwrap();
}

#[test]
fn a_first_answer_of_version_2_may_begin_anywhere_that_was_kept() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, TABLET);
    world.says(1, 1, ONE);
    world.notified(2, 5).unwrap();
    world.acked(1, 1).unwrap();
    world.logs_in(3, SELLER, DESK);
    world.sends(3, (0, 34), &5_i64.to_be_bytes());
    // From 0 or from 5.
    world.asks(2, 0);
    world.answered(2, (5, 5), &[]).unwrap();
    world.finish().unwrap();
    world.says(1, 2, TWO);
    world.notified(2, 6).unwrap();
    world.notified(3, 6).unwrap();
    world.acked(1, 2).unwrap();
    world.asks(2, 0);
    world.answered(2, (6, 6), &[]).unwrap();
    assert_eq!(rule(world.finish()), Some("S2.3"));
    // As a web client of version 1 it is told the beginning.
    let mut world = World::new();
    world.logs_in(2, SELLER, WEB);
    world.logs_in(3, SELLER, DESK);
    world.sends(3, (0, 34), &5_i64.to_be_bytes());
    world.asks(2, 0);
    world.answered(2, (5, 9), &[]).unwrap();
    world.finish().unwrap();
}

#[test]
fn a_client_that_asks_from_elsewhere_is_judged_from_there() {
    let mut world = said();
    world.asks(2, 1);
    world.answered(2, (1, 2), &[TWO]).unwrap();
    world.finish().unwrap();
    world.asks(2, 0);
    world.answered(2, (2, 2), &[]).unwrap();
    world.asks(2, -1);
    world.answered(2, (-1, 2), &[ONE]).unwrap();
    assert_eq!(rule(world.finish()), Some("S2.3"));
}

#[test]
fn a_queue_that_was_not_empty_has_nothing_new_to_tell() {
    let mut terms = terms();
    terms.begins_empty = false;
    let mut world = World::on(terms);
    world.logs_in(2, SELLER, DESK);
    world.asks(2, 0);
    world.answered(2, (3, 9), &[customer(ANN, SELLER, "of old")]).unwrap();
    world.finish().unwrap();
    assert_eq!(rule(world.notified(2, 10)), Some("H7.4"));
}

#[test]
fn a_key_beyond_the_queue_tells_nothing_of_its_ids() {
    let mut terms = terms();
    terms.begins_empty = false;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    world.asks(1, 0);
    world.answered(1, (90, 90), &[]).unwrap();
    world.says(1, 1, ONE);
    world.acked(1, 1).unwrap();
    // The queue ends at 9: what came since is below the key, so the answer need not have it.
    world.logs_in(4, ANN, DESK);
    world.asks(4, 90);
    world.answered(4, (90, 90), &[]).unwrap();
    world.finish().unwrap();
    // From the beginning on it must be there.
    world.logs_in(5, ANN, WEB);
    world.asks(5, -1);
    world.answered(5, (-1, 9), &[]).unwrap();
    assert_eq!(rule(world.finish()), Some("S2.3"));
}

#[test]
fn a_host_may_make_up_for_lost_notifies_so_often() {
    let mut terms = terms();
    terms.spare_notifies = 3;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    world.says(1, 1, ONE);
    world.notified(2, 1).unwrap();
    world.acked(1, 1).unwrap();
    for _ in 0..3 {
        world.notified(1, 1).unwrap();
        world.notified(2, 1).unwrap();
    }
    assert_eq!(rule(world.notified(1, 1)), Some("H7.4"), "once more");
    assert_eq!(rule(world.notified(2, 2)), Some("H7.4"), "one too many");
}

#[test]
fn s10_2_a_message_with_a_mark_is_synced_once_however_often_it_is_said() {
    let mut once = terms();
    once.repeats = kefu_proto::checker::Repeats::UUID;
    let marked = customer(ANN, SELLER, r#"{"uuid":"a"}"#);
    let answered = |terms, chat: Chat| {
        let mut world = World::on(terms);
        world.logs_in(1, ANN, PHONE);
        world.logs_in(2, SELLER, DESK);
        for seq in [1, 2] {
            world.says(1, seq, chat);
            world.notified(2, seq.into()).unwrap();
            world.acked(1, seq).unwrap();
        }
        world.asks(2, 0);
        rule(world.answered(2, (0, 2), &[chat, chat]))
    };
    assert_eq!(answered(once, marked), Some("S10.2"));
    assert_eq!(answered(once, ONE), None, "without a mark it is no repeat");
    assert_eq!(answered(terms(), marked), None, "a store may keep both");
}

#[test]
fn h6_1_servers_that_may_lose_what_they_tell_each_other_lose_unpersistent_messages() {
    let typing = customer(ANN, SELLER, "...").with(UNPERSISTENT);
    for (spare, server, expected) in
        [(0, 0, Some("H6.1")), (0, 1, Some("H6.1")), (1, 0, Some("H6.1")), (1, 1, None)]
    {
        let mut terms = terms();
        terms.spare_notifies = spare;
        let mut world = World::on(terms);
        world.logs_in(1, ANN, PHONE);
        world.opens(2, server);
        world.says_token(2, &crate::world::token(SELLER), DESK);
        world.gets(2, 3, 0, &[0; 4]).unwrap();
        world.says(1, 1, typing);
        world.acked(1, 1).unwrap();
        assert_eq!(rule(world.finish()), expected, "{spare} {server}");
        // What is stored is notified in the end, by whichever notify.
        world.says(1, 2, ONE);
        world.acked(1, 2).unwrap();
        assert!(world.finish().is_err());
    }
}
