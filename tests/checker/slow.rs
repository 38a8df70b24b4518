//! What a host may do for a connection that reads slowly: it leaves out and merges (S13), holds
//! notifies back (S12.6), and goes on with others while an answer is under way (S11.2).

use kefu_proto::SyncBounds;

use crate::world::{
    ANN, Chat, DESK, Device, NOW, PHONE, PUSH, SELLER, TABLET, UNPERSISTENT, World, customer, rule,
    support, terms, v2,
};

const ONE: Chat = customer(ANN, SELLER, "1");
const TWO: Chat = customer(ANN, SELLER, "2");
const THREE: Chat = customer(ANN, SELLER, "3");
const TYPING: Chat = customer(ANN, SELLER, "...").with(UNPERSISTENT);

/// Ann's phone is 1, the seller's desk 2.
fn world() -> World {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    world
}

/// Ann has written twice, and both copies have the ids 10 and 20.
fn stored(mut world: World) -> World {
    for (seq, chat) in [(10, ONE), (20, TWO)] {
        world.says(1, seq, chat);
        world.saved(chat, [(SELLER, seq.into()), (ANN, seq.into())]);
        world.notified(2, seq.into()).unwrap();
        world.acked(1, seq).unwrap();
    }
    world
}

/// Ann's third message, of which nobody has been told yet.
fn third(world: &mut World) {
    world.says(1, 30, THREE);
    world.saved(THREE, [(SELLER, 30), (ANN, 30)]);
    world.acked(1, 30).unwrap();
}

#[test]
fn s13_2_one_notify_stands_for_several_where_bytes_alone_are_seen() {
    let mut world = world();
    for (seq, chat) in [(1, ONE), (2, TWO), (3, THREE)] {
        world.says(1, seq, chat);
        world.acked(1, seq).unwrap();
    }
    assert_eq!(rule(world.finish()), Some("H7.4"));
    world.notified(2, 3).unwrap();
    world.finish().unwrap();
}

#[test]
fn s13_2_the_greatest_of_several_notifies_stands_for_them() {
    for inside in [false, true] {
        for (written, expected) in [(10, Some("H7.4")), (20, Some("H7.4")), (30, None)] {
            let mut world = world();
            for (seq, chat) in [(10, ONE), (20, TWO), (30, THREE)] {
                world.says(1, seq, chat);
                world.saved(chat, [(SELLER, seq.into()), (ANN, seq.into())]);
                if inside {
                    world.given_notify(2, seq.into()).unwrap();
                    world.given_ack(1, seq).unwrap();
                }
                world.acked(1, seq).unwrap();
            }
            world.notified(2, written).unwrap();
            assert_eq!(rule(world.finish()), expected, "{inside} {written}");
        }
    }
}

/// S13.3, S13.4: only from a host that says so. The notify must come in any case.
#[test]
fn s13_3_s13_4_a_host_may_leave_out_live_copies_and_unpersistent_messages() {
    let chat = v2(ANN, SELLER, "hi");
    for leaves_out in [false, true] {
        let mut terms = terms();
        terms.leaves_out = leaves_out;
        let mut world = World::on(terms);
        world.logs_in(1, ANN, TABLET);
        world.logs_in(2, SELLER, TABLET);
        world.says(1, 6, TYPING);
        world.acked(1, 6).unwrap();
        assert_eq!(rule(world.finish()), (!leaves_out).then_some("H6.1"));

        let mut world = World::on(terms);
        world.logs_in(1, ANN, TABLET);
        world.logs_in(2, SELLER, TABLET);
        world.says(1, 7, chat);
        world.saved(chat, [(SELLER, 1), (ANN, 1)]);
        world.confirmed(1, chat, [(1, Some(0)), (1, None)]).unwrap();
        world.acked(1, 7).unwrap();
        assert_eq!(rule(world.finish()), Some("H14.5"));
        world.notified(2, 1).unwrap();
        assert_eq!(rule(world.finish()), (!leaves_out).then_some("H14.4"));
        // With its METADATA, or not at all (W10.3).
        world.metadata(2, 1, 0).unwrap();
        assert_eq!(rule(world.notified(2, 1)), Some("W10.3"));
    }
}

/// S13.3, S13.4: they are not given to the connection.
#[test]
fn s13_3_s13_4_what_is_left_out_is_not_given_before_the_ack() {
    let chat = v2(ANN, SELLER, "hi");
    for leaves_out in [false, true] {
        let mut terms = terms();
        terms.leaves_out = leaves_out;
        let start = || {
            let mut world = World::on(terms);
            world.logs_in(1, ANN, TABLET);
            world.logs_in(2, SELLER, TABLET);
            world
        };
        let mut world = start();
        world.says(1, 6, TYPING);
        assert_eq!(rule(world.given_ack(1, 6)), (!leaves_out).then_some("H6.2"));

        for notified in [false, true] {
            let mut world = start();
            world.says(1, 7, chat);
            world.saved(chat, [(SELLER, 1), (ANN, 1)]);
            world.confirmed(1, chat, [(1, Some(0)), (1, None)]).unwrap();
            if notified {
                world.given_notify(2, 1).unwrap();
            }
            let is_right = leaves_out && notified;
            assert_eq!(rule(world.given_ack(1, 7)), (!is_right).then_some("H14.8"));
        }
    }
}

/// S12.6, S12.4: it is dropped where the queue goes on, and comes behind the answer otherwise.
#[test]
fn s12_6_a_notify_waits_for_the_end_of_an_answer() {
    for (rows, behind, expected) in [
        // The answer is full: the client asks on.
        (Some(1), Some(11), None),
        // It may be full.
        (None, Some(11), None),
        (Some(2), None, Some("H7.4")),
        (Some(2), Some(30), None),
    ] {
        let mut terms = terms();
        terms.sync_bounds = rows.map(|rows| SyncBounds { rows, bytes: 1_000 });
        let mut world = World::on(terms);
        world.logs_in(1, ANN, PHONE);
        world.logs_in(2, SELLER, DESK);
        let mut world = stored(world);
        world.asks(2, 0);
        world.gets_key(2, 27, 0).unwrap();
        third(&mut world);
        world.reads(2, ONE).unwrap();
        if rows == Some(2) {
            world.reads(2, TWO).unwrap();
        }
        world.gets_key(2, 28, if rows == Some(2) { 20 } else { 10 }).unwrap();
        if let Some(msgid) = behind {
            world.notified(2, msgid).unwrap();
        }
        assert_eq!(rule(world.finish()), expected, "{rows:?} {behind:?}");
    }
}

/// S12.6, S12.3: the row behind the answer has come since it began.
#[test]
fn s12_6_a_notify_that_waits_is_dropped_where_the_queue_may_go_on() {
    let mut terms = terms();
    terms.sync_bounds = Some(SyncBounds { rows: 2, bytes: 1_000 });
    for (behind, expected) in [(None, Some("H7.4")), (Some(21), None), (Some(30), None)] {
        let mut world = World::on(terms);
        world.logs_in(1, ANN, PHONE);
        world.logs_in(2, SELLER, DESK);
        let mut world = stored(world);
        world.asks(2, 0);
        world.gets_key(2, 27, 0).unwrap();
        third(&mut world);
        world.says(1, 40, customer(ANN, SELLER, "4"));
        world.saved(customer(ANN, SELLER, "4"), [(SELLER, 40), (ANN, 40)]);
        world.reads(2, ONE).unwrap();
        world.reads(2, TWO).unwrap();
        world.gets_key(2, 28, 20).unwrap();
        if let Some(msgid) = behind {
            world.notified(2, msgid).unwrap();
        }
        assert_eq!(rule(world.checker.expire(u64::MAX)), expected, "{behind:?}");
    }
}

/// S12.6, where bytes alone are seen.
#[test]
fn s12_6_where_the_store_is_not_seen_it_may_wait_as_well() {
    for behind in [2, 3] {
        let mut world = world();
        for (seq, chat) in [(1, ONE), (2, TWO)] {
            world.says(1, seq, chat);
            world.notified(2, seq.into()).unwrap();
            world.acked(1, seq).unwrap();
        }
        world.asks(2, 0);
        world.gets_key(2, 27, 0).unwrap();
        world.says(1, 3, THREE);
        world.acked(1, 3).unwrap();
        world.reads(2, ONE).unwrap();
        if behind == 3 {
            world.reads(2, TWO).unwrap();
        }
        world.gets_key(2, 28, behind - 1).unwrap();
        assert_eq!(rule(world.finish()), Some("H7.4"));
        world.notified(2, behind).unwrap();
        world.finish().unwrap();
    }
}

/// S12.4: a client that may be beyond the end does not ask on, so what has waited must come.
#[test]
fn s12_6_behind_a_live_copy_a_notify_that_waits_is_not_dropped() {
    let mut terms = terms();
    terms.sync_bounds = Some(SyncBounds { rows: 1, bytes: 1_000 });
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, TABLET);
    let mut world = stored(world);
    let four = v2(SELLER, ANN, "4");
    world.asks(2, 0);
    world.says(2, 9, four);
    world.stored(ANN, &four.row(25, 9)).unwrap();
    world.stored(SELLER, &four.row(25, 9)).unwrap();
    world.notified(1, 25).unwrap();
    third(&mut world);
    // With the ACK of the seller's own message comes a METADATA.
    world.gets_key(2, 27, 10).unwrap();
    world.metadata(2, 25, 20).unwrap();
    world.acked(2, 9).unwrap();
    world.reads(2, v2(ANN, SELLER, "1")).unwrap();
    world.gets_key(2, 28, 10).unwrap();
    world.notified(2, 11).unwrap();
    assert_eq!(rule(world.finish()), Some("H7.4"));
    world.notified(2, 30).unwrap();
    world.finish().unwrap();
}

/// S12.4: the host has dealt with the message while the client had not asked on; the sender reads the
/// ACK later.
#[test]
fn s12_4_what_was_stored_before_a_client_asked_on_is_in_its_answer() {
    let mut terms = terms();
    terms.sync_bounds = Some(SyncBounds { rows: 1, bytes: 1_000 });
    for stored_late in [false, true] {
        let mut world = World::on(terms);
        world.logs_in(1, ANN, PHONE);
        world.logs_in(2, SELLER, DESK);
        let mut world = stored(world);
        let save = |world: &mut World| world.saved(THREE, [(SELLER, 30), (ANN, 30)]);
        world.asks(2, 0);
        world.answered(2, (0, 10), &[ONE]).unwrap();
        world.notified(2, 11).unwrap();
        world.says(1, 30, THREE);
        if !stored_late {
            save(&mut world);
        }
        world.asks(2, 10);
        world.gets_key(2, 27, 10).unwrap();
        if stored_late {
            save(&mut world);
        }
        world.acked(1, 30).unwrap();
        let owed = world.checker.expire(u64::MAX);
        assert_eq!(rule(owed), stored_late.then_some("H7.4"));
        world.reads(2, TWO).unwrap();
        world.gets_key(2, 28, 20).unwrap();
        world.notified(2, 21).unwrap();
        world.asks(2, 20);
        world.answered(2, (20, 30), &[THREE]).unwrap();
        world.finish().unwrap();
    }
}

#[test]
fn s11_2_others_and_what_was_sent_behind_a_sync_come_while_it_is_answered() {
    let reply = support(SELLER, ANN, "reply");
    let mut world = stored(world());
    world.asks(2, 0);
    world.sends(2, (1, 13), b"");
    world.says(2, 5, reply);
    assert_eq!(rule(world.gets_key(2, 28, 20)), Some("S2.2"));
    let mut world = stored(self::world());
    world.asks(2, 0);
    world.sends(2, (1, 13), b"");
    world.says(2, 5, reply);
    world.gets_key(2, 27, 0).unwrap();
    world.gets(2, 14, 0, b"").unwrap();
    world.reads(2, ONE).unwrap();
    world.stored(ANN, &reply.row(25, 2)).unwrap();
    world.stored(SELLER, &reply.row(25, 2)).unwrap();
    world.notified(1, 25).unwrap();
    world.acked(2, 5).unwrap();
    world.says(1, 6, TYPING);
    world.reads(2, TYPING).unwrap();
    world.acked(1, 6).unwrap();
    third(&mut world);
    world.notified(2, 30).unwrap();
    world.reads(2, TWO).unwrap();
    // Its own reply is left out (S2.6).
    world.reads(2, THREE).unwrap();
    world.gets_key(2, 28, 30).unwrap();
    world.finish().unwrap();
}

/// S11.2: live copies, too.
#[test]
fn s11_2_a_live_copy_comes_while_an_answer_is_under_way() {
    let other = Device { name: "other", ..TABLET };
    let mut world = World::new();
    for (connection, who, device) in [(1, ANN, TABLET), (2, SELLER, TABLET), (3, SELLER, other)] {
        world.logs_in(connection, who, device);
    }
    let chat = v2(ANN, SELLER, "hi");
    world.asks(2, 0);
    world.says(1, 7, chat);
    for connection in [2, 3] {
        world.metadata(connection, 1, 0).unwrap();
        world.gets(connection, 64, PUSH, &chat.body(NOW)).unwrap();
    }
    world.notified(3, 1).unwrap();
    world.metadata(1, 1, 0).unwrap();
    world.acked(1, 7).unwrap();
    world.answered(2, (1, 1), &[chat]).unwrap();
    assert_eq!(rule(world.finish()), Some("H14.5"));
    world.notified(2, 1).unwrap();
    world.finish().unwrap();
}
