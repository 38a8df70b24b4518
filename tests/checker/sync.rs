//! S2, S3, S12, D4: the answer to a SYNC, where the store is seen.

use std::cmp::Ordering;

use kefu_proto::{Dialect, StoreId, SyncBounds};

use crate::world::{
    ANN, BOB, Chat, DESK, Device, NOW, PHONE, PUSH, SELF, SELLER, TABLET, Verdict, WEB, World,
    customer, rule, support, terms, v2,
};

const ONE: Chat = customer(ANN, SELLER, "1");
const TWO: Chat = support(SELLER, ANN, "2");
const THREE: Chat = customer(ANN, SELLER, "3");

/// Ann's phone is 1, another device of hers 3, the seller's desk 2, a tablet 4. Each queue has three
/// rows, with the ids 10, 20 and 30.
fn world() -> World {
    filled(World::new())
}

fn filled(mut world: World) -> World {
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    world.logs_in(3, ANN, Device { name: "other", ..PHONE });
    world.logs_in(4, SELLER, TABLET);
    for (seq, chat) in [(10, ONE), (20, TWO), (30, THREE)] {
        let connection = if chat.command == 24 { 1 } else { 2 };
        let device = connection.try_into().unwrap();
        world.says(connection, seq, chat);
        world
            .stored(if connection == 1 { SELLER } else { ANN }, &chat.row(seq.into(), device))
            .unwrap();
        world
            .stored(if connection == 1 { ANN } else { SELLER }, &chat.row(seq.into(), device))
            .unwrap();
        for other in (1..5).filter(|other| *other != connection) {
            world.notified(other, seq.into()).unwrap();
        }
        world.acked(connection, seq).unwrap();
    }
    world
}

fn answers(connection: u64, key: i64, (begin, end): (i64, i64), rows: &[Chat]) -> Verdict {
    let mut world = world();
    world.asks(connection, key);
    world.answered(connection, (begin, end), rows)
}

#[test]
fn s2_an_answer_is_the_rest_of_the_queue() {
    answers(3, 0, (0, 30), &[ONE, TWO, THREE]).unwrap();
    answers(3, 10, (10, 30), &[TWO, THREE]).unwrap();
    answers(3, 15, (15, 30), &[TWO, THREE]).unwrap();
    answers(3, 30, (30, 30), &[]).unwrap();
    answers(3, 99, (99, 99), &[]).unwrap();
    answers(3, -1, (-1, 30), &[ONE, TWO, THREE]).unwrap();
}

#[test]
fn s2_5_what_the_device_has_sent_is_left_out() {
    answers(1, 0, (0, 30), &[TWO]).unwrap();
    answers(2, 0, (0, 30), &[ONE, THREE]).unwrap();
    assert_eq!(rule(answers(1, 0, (0, 30), &[ONE, TWO])), Some("S2.5"));
    assert_eq!(rule(answers(2, 0, (0, 30), &[ONE, TWO])), Some("S2.6"));
    assert_eq!(rule(answers(1, 0, (0, 30), &[TWO, THREE])), Some("S2.5"));
    // What is no row at all is not taken for its own.
    assert_eq!(rule(answers(1, 0, (0, 30), &[TWO, TWO])), Some("S2.3"));
}

#[test]
fn s2_5_of_two_equal_messages_each_device_gets_the_other_s() {
    let twice = customer(ANN, SELLER, "5");
    let mut world = world();
    for (msgid, connection, chat) in
        [(40, 3, customer(ANN, SELLER, "4")), (50, 1, twice), (60, 3, twice)]
    {
        world.says(connection, msgid, chat);
        let row = chat.row(msgid.into(), connection.try_into().unwrap());
        world.stored(SELLER, &row).unwrap();
        world.stored(ANN, &row).unwrap();
        world.acked(connection, msgid).unwrap();
    }
    world.asks(1, 40);
    world.answered(1, (40, 60), &[twice]).unwrap();
    world.asks(3, 40);
    world.answered(3, (40, 60), &[twice]).unwrap();
}

#[test]
fn s2_7_what_is_left_out_at_the_end_counts_for_it() {
    let world = || {
        let mut terms = terms();
        terms.sync_bounds = Some(SyncBounds { rows: 2, bytes: 1_000 });
        let mut world = filled(World::on(terms));
        for (seq, content) in [(40, "4"), (50, "5")] {
            let chat = customer(ANN, SELLER, content);
            world.says(1, seq, chat);
            world.saved(chat, [(SELLER, seq.into()), (ANN, seq.into())]);
            world.acked(1, seq).unwrap();
        }
        world.asks(1, 20);
        world
    };
    // Two of three: the answer is full.
    let mut full = world();
    full.answered(1, (20, 40), &[]).unwrap();
    full.notified(1, 41).unwrap();
    assert_eq!(rule(world().answered(1, (20, 50), &[])), Some("S2.4"));
    assert_eq!(rule(world().answered(1, (20, 30), &[])), Some("S2.3"));
}

#[test]
fn h10_1_a_row_keeps_its_shop() {
    let mut row = ONE;
    row.ids[2] = 9;
    assert_eq!(rule(answers(3, 0, (0, 30), &[row])), Some("H10.1"));
}

#[test]
fn s2_3_no_row_is_skipped_or_comes_twice_or_elsewhere() {
    let cases: [&[Chat]; 6] = [
        &[TWO, THREE],
        &[ONE, THREE],
        &[TWO, ONE, THREE],
        &[ONE, ONE],
        &[ONE, TWO, THREE, THREE],
        &[THREE, TWO],
    ];
    for rows in cases {
        assert_eq!(rule(answers(3, 0, (0, 30), rows)), Some("S2.3"));
    }
    // All but the last.
    assert_eq!(rule(answers(3, 0, (0, 20), &[ONE, TWO])), Some("S2.3"));
    assert_eq!(rule(answers(3, 0, (0, 10), &[ONE])), Some("S2.3"));
    // Of another queue, and of none.
    let mut world = world();
    let foreign = customer((7, 2), SELLER, "4");
    world.logs_in(5, (7, 2), PHONE);
    world.says(5, 1, foreign);
    world.asks(3, 0);
    assert_eq!(rule(world.answered(3, (0, 0), &[foreign])), Some("S2.3"));
    assert_eq!(rule(answers(3, 0, (0, 0), &[customer(ANN, SELLER, "0")])), Some("W4.2"));
}

#[test]
fn s2_4_an_answer_ends_at_the_newest_row() {
    for end in [31, 40] {
        assert_eq!(rule(answers(3, 0, (0, end), &[ONE, TWO, THREE])), Some("S2.4"));
    }
    assert_eq!(rule(answers(3, 40, (40, 30), &[])), Some("S2.4"));
    // Version 2, where SYNC_BEGIN tells the end.
    answers(4, 30, (30, 30), &[]).unwrap();
    for key in [0, 10] {
        assert_eq!(rule(answers(4, key, (30, 30), &[])), Some("S2.4"));
    }
    for (end, expected) in [(35, "S2.4"), (20, "S2.3")] {
        assert_eq!(rule(answers(4, 99, (end, end), &[])), Some(expected));
    }
}

#[test]
fn s2_2_an_answer_begins_with_its_key() {
    assert_eq!(rule(answers(3, 10, (0, 30), &[ONE, TWO, THREE])), Some("S2.2"));
    let mut world = world();
    assert_eq!(rule(world.gets_key(3, 27, 0)), Some("S2.2"));
    assert_eq!(rule(world.gets_key(3, 28, 0)), Some("S2.2"));
    assert_eq!(rule(world.reads(3, ONE)), Some("H14.10"));
    world.asks(3, 0);
    assert_eq!(rule(world.finish()), Some("S2.2"));
    let mut world = self::world();
    world.asks(3, 10);
    world.gets_key(3, 27, 10).unwrap();
    assert_eq!(rule(world.finish()), Some("S2.4"));
    assert_eq!(rule(world.gets_key(3, 27, 10)), Some("S12.5"));
}

#[test]
fn s11_1_a_sync_is_answered_before_what_comes_behind_it() {
    let mut world = world();
    world.asks(3, 0);
    world.sends(3, (1, 13), b"");
    assert_eq!(rule(world.gets(3, 14, 0, b"")), Some("S11.1"));
}

#[test]
fn s2_9_a_second_sync_of_0_goes_on_where_the_first_ended() {
    let mut world = world();
    world.asks(3, 0);
    world.answered(3, (0, 30), &[ONE, TWO, THREE]).unwrap();
    world.asks(3, 0);
    assert_eq!(rule(world.gets_key(3, 27, 0)), Some("S2.2"));
    let mut world = self::world();
    world.asks(3, 0);
    world.asks(3, 0);
    world.answered(3, (0, 30), &[ONE, TWO, THREE]).unwrap();
    world.answered(3, (30, 30), &[]).unwrap();
}

#[test]
fn s3_1_the_greatest_key_is_kept() {
    let keeps = |keys: &[i64]| {
        let mut world = world();
        for key in keys {
            world.sends(1, (0, 34), &key.to_be_bytes());
        }
        world.asks(1, 0);
        world
    };
    keeps(&[20, 10, 0, -5]).answered(1, (20, 30), &[]).unwrap();
    assert_eq!(rule(keeps(&[20, 10]).gets_key(1, 27, 10)), Some("S3.1"));
    assert_eq!(rule(keeps(&[20]).gets_key(1, 27, 30)), Some("S3.1"));
    assert_eq!(rule(keeps(&[]).gets_key(1, 27, 10)), Some("S3.1"));
    assert_eq!(rule(keeps(&[20, 10]).syncing(1, 10)), Some("S3.1"));
    // Another connection may have been heard, or not yet.
    for kept in [20, 30] {
        let mut world = keeps(&[20]);
        world.sends(3, (0, 34), &30_i64.to_be_bytes());
        world.syncing(1, kept).unwrap();
        world.gets_key(1, 27, kept).unwrap();
        world.gets_key(1, 28, 30).unwrap();
        // What was kept does not fall.
        world.logs_in(5, ANN, DESK);
        world.asks(5, 0);
        let expected = if kept == 20 { None } else { Some("S3.1") };
        assert_eq!(rule(world.gets_key(5, 27, 20)), expected);
    }
    // Nobody asks.
    world().syncing(1, 9).unwrap();
    // Who asks from another key is answered from there, whatever is kept.
    let mut world = world();
    world.asks(1, 10);
    world.syncing(1, 10).unwrap();
    world.answered(1, (10, 30), &[TWO]).unwrap();
    // S2.9: nor does it matter for who has had an answer.
    world.sends(1, (1, 13), b"");
    world.asks(1, 0);
    world.syncing(1, 10).unwrap();
}

#[test]
fn s3_1_a_client_that_makes_keys_up_is_not_followed_for_ever() {
    // With 0 they are as many as are remembered, or one less.
    for (greatest, expected) in [(4_200, None), (4_095, None), (4_094, Some("S3.1"))] {
        let mut world = world();
        for key in 1..=greatest {
            world.sends(1, (0, 34), &i64::to_be_bytes(key));
        }
        world.asks(3, 0);
        assert_eq!(rule(world.syncing(3, 4_500)), expected);
    }
}

#[test]
fn s3_2_a_key_of_less_than_1_is_ignored() {
    let mut world = world();
    world.sends(1, (0, 34), &i64::to_be_bytes(-5));
    world.asks(3, 0);
    assert_eq!(rule(world.syncing(3, -5)), Some("S3.1"));
}

#[test]
fn d4_6_the_end_is_the_newest_row_of_any_time_since_the_sync() {
    // What nobody was told of is no more than a row.
    let rows: Vec<_> = ["1", "2", "3", "4"].map(|it| customer(ANN, SELLER, it)).into();
    let stored = |world: &mut World, range: std::ops::Range<usize>| {
        for (chat, msgid) in rows[range.clone()].iter().zip(range.map(|it| it * 10 + 10)) {
            let msgid = msgid.try_into().unwrap();
            world.says(1, 1, *chat);
            world.saved(*chat, [(SELLER, msgid), (ANN, msgid)]);
        }
    };
    for memory in [1_000, 4] {
        for (end, expected) in [(10, Some("S2.4")), (20, None), (30, None), (40, None)] {
            let mut terms = terms();
            terms.memory = memory;
            let mut world = World::on(terms);
            world.logs_in(1, ANN, PHONE);
            world.logs_in(4, SELLER, TABLET);
            stored(&mut world, 0..2);
            world.asks(4, 99);
            stored(&mut world, 2..4);
            let is_forgotten = memory == 4 && end < 30;
            if !is_forgotten {
                assert_eq!(rule(world.answered(4, (end, end), &[])), expected, "{end}");
            }
        }
    }
}

#[test]
fn s2_3_the_place_in_a_queue_stays_though_its_beginning_is_forgotten() {
    let mut terms = terms();
    terms.memory = 8;
    let mut world = filled(World::on(terms));
    world.asks(3, 10);
    world.gets_key(3, 27, 10).unwrap();
    let more = ["4", "5"].map(|content| customer(ANN, SELLER, content));
    for (chat, msgid) in more.into_iter().zip([40, 50]) {
        world.says(1, 1, chat);
        world.saved(chat, [(SELLER, msgid), (ANN, msgid)]);
    }
    for row in [TWO, THREE, more[0], more[1]] {
        world.reads(3, row).unwrap();
    }
    world.gets_key(3, 28, 50).unwrap();
}

#[test]
fn s12_an_answer_ends_at_its_bounds_and_tells_that_it_goes_on() {
    let bounded = |rows, bytes| {
        let mut terms = terms();
        terms.sync_bounds = Some(SyncBounds { rows, bytes });
        let mut world = filled(World::on(terms));
        world.asks(3, 0);
        world
    };
    for (rows, bytes) in [(2, 1_000), (0, 1_000), (100, 50), (100, 0)] {
        let length = if rows == 2 || bytes == 50 { 2 } else { 1 };
        let all = [ONE, TWO, THREE];
        let end = [10, 20][length - 1];
        let mut world = bounded(rows, bytes);
        world.answered(3, (0, end), &all[..length]).unwrap();
        assert_eq!(rule(world.finish()), Some("S12.3"));
        assert_eq!(rule(world.notified(3, 30)), Some("S12.3"));
        world.gets_bytes(3, &[]).unwrap();

        let mut world = bounded(rows, bytes);
        world.answered(3, (0, end), &all[..length]).unwrap();
        world.notified(3, end + 1).unwrap();
        assert_eq!(rule(world.notified(3, 30)), Some("S12.4"));
        world.asks(3, end);
        world.gets_key(3, 27, end).unwrap();
        assert_eq!(rule(world.notified(3, 30)), Some("H7.4"), "once more");

        let verdict = bounded(rows, bytes).answered(3, (0, 30), &all);
        assert_eq!(rule(verdict), Some("S12.1"));
    }
    // Something else than the notify.
    let mut world = bounded(2, 1_000);
    world.answered(3, (0, 20), &[ONE, TWO]).unwrap();
    assert_eq!(rule(world.gets(3, 98, 0, b"")), Some("S12.3"));
    // S12.2: what is left out does not make it longer.
    let mut world = bounded(1, 1_000);
    world.asks(1, 10);
    assert_eq!(rule(world.answered(1, (10, 30), &[TWO])), Some("S2.4"));
    // Not full, and yet not the end.
    assert_eq!(rule(bounded(3, 1_000).answered(3, (0, 20), &[ONE, TWO])), Some("S2.3"));
    // Full at the end of the queue.
    let mut world = bounded(3, 1_000);
    world.answered(3, (0, 30), &[ONE, TWO, THREE]).unwrap();
    world.finish().unwrap();
    // S12.2: what is left out counts as a row.
    let mut world = bounded(2, 1_000);
    world.asks(1, 0);
    world.answered(1, (0, 20), &[TWO]).unwrap();
    world.notified(1, 21).unwrap();
    // A host that chooses freely.
    let mut terms = terms();
    terms.sync_bounds = None;
    let mut world = filled(World::on(terms));
    world.asks(3, 0);
    world.answered(3, (0, 10), &[ONE]).unwrap();
    world.notified(3, 11).unwrap();
}

#[test]
fn s12_1_a_row_counts_with_its_header() {
    let world = |rows, bytes| {
        let mut terms = terms();
        terms.sync_bounds = Some(SyncBounds { rows, bytes });
        // What was there before is not known.
        terms.begins_empty = false;
        filled(World::on(terms))
    };
    // 12, 36 and 1 byte.
    for (bytes, most) in [(49, 1), (50, 2), (98, 2), (99, 3)] {
        for count in 1..=3 {
            let mut world = world(100, bytes);
            world.asks(3, 9);
            let end = i64::try_from(count).unwrap() * 10;
            let verdict = world.answered(3, (9, end), &[ONE, TWO, THREE][..count]);
            let expected = match count.cmp(&most) {
                Ordering::Less => Some("S2.3"),
                Ordering::Equal => None,
                Ordering::Greater => Some("S12.1"),
            };
            assert_eq!(rule(verdict), expected, "{count} in {bytes} bytes");
        }
    }
    // 12, 36 and 6.
    let old = customer(ANN, SELLER, "of old");
    for (rows, bytes, most) in [(100, 54, 1), (100, 55, 2), (100, 108, 2), (1, 999, 1), (2, 999, 2)]
    {
        let mut world = world(rows, bytes);
        world.asks(3, 1);
        world.gets_key(3, 27, 1).unwrap();
        for _ in 0..most {
            world.reads(3, old).unwrap();
        }
        assert_eq!(rule(world.reads(3, old)), Some("S12.1"), "{rows} rows, {bytes} bytes");
    }
}

#[test]
fn s12_1_one_message_always_fits() {
    let mut terms = terms();
    terms.sync_bounds = None;
    let mut world = filled(World::on(terms));
    world.asks(3, 0);
    assert_eq!(rule(world.answered(3, (0, 0), &[])), Some("S2.3"));
}

#[test]
fn s12_3_of_what_comes_meanwhile_the_host_need_not_know() {
    let mut terms = terms();
    terms.sync_bounds = Some(SyncBounds { rows: 3, bytes: 1_000 });
    // It tells that the queue goes on, or only of the new message.
    for msgid in [31, 40] {
        let mut world = filled(World::on(terms));
        let four = customer(ANN, SELLER, "4");
        world.asks(3, 0);
        world.says(1, 40, four);
        world.saved(four, [(SELLER, 40), (ANN, 40)]);
        world.answered(3, (0, 30), &[ONE, TWO, THREE]).unwrap();
        world.notified(3, msgid).unwrap();
        world.notified(2, 40).unwrap();
        world.notified(4, 40).unwrap();
        world.acked(1, 40).unwrap();
        world.finish().unwrap();
    }
}

#[test]
fn s12_4_live_copies_may_have_led_further() {
    let mut terms = terms();
    terms.sync_bounds = Some(SyncBounds { rows: 2, bytes: 1_000 });
    let mut world = filled(World::on(terms));
    let four = v2(SELLER, ANN, "4");
    world.asks(4, 0);
    world.gets_key(4, 27, 20).unwrap();
    world.says(4, 9, four);
    world.stored(ANN, &four.row(40, 9)).unwrap();
    world.stored(SELLER, &four.row(40, 9)).unwrap();
    // A METADATA within the answer.
    let row = v2(ANN, SELLER, "1");
    world.reads(4, row).unwrap();
    world.reads(4, v2(SELLER, ANN, "2")).unwrap();
    world.gets_key(4, 28, 20).unwrap();
    world.notified(4, 21).unwrap();
    world.metadata(4, 40, 30).unwrap();
    world.acked(4, 9).unwrap();
    assert_eq!(rule(world.notified(4, 30)), Some("S12.4"));
}

#[test]
fn s12_4_who_has_to_ask_on_is_owed_no_notify() {
    let bounds = Some(SyncBounds { rows: 1, bytes: 1_000 });
    let four = customer(ANN, SELLER, "4");
    // The notify that the queue goes on comes behind the message; it has come; it may have.
    for (bounds, is_late) in [(bounds, true), (bounds, false), (None, false)] {
        let mut terms = terms();
        terms.sync_bounds = bounds;
        let mut world = filled(World::on(terms));
        world.asks(3, 0);
        world.answered(3, (0, 10), &[ONE]).unwrap();
        if !is_late {
            world.notified(3, 11).unwrap();
        }
        world.says(1, 40, four);
        world.saved(four, [(SELLER, 40), (ANN, 40)]);
        world.notified(2, 40).unwrap();
        world.notified(4, 40).unwrap();
        world.acked(1, 40).unwrap();
        if is_late {
            world.notified(3, 11).unwrap();
        }
        world.finish().unwrap();
    }
}

#[test]
fn s12_4_who_has_asked_on_is_notified() {
    let mut terms = terms();
    terms.sync_bounds = Some(SyncBounds { rows: 2, bytes: 1_000 });
    let behind = || {
        let mut world = filled(World::on(terms));
        world.asks(4, 0);
        world.gets_key(4, 27, 20).unwrap();
        world.reads(4, in_v2(ONE)).unwrap();
        world.reads(4, in_v2(TWO)).unwrap();
        world.gets_key(4, 28, 20).unwrap();
        world.notified(4, 21).unwrap();
        let four = customer(ANN, SELLER, "4");
        world.says(1, 40, four);
        world.stored(SELLER, &four.row(40, 1)).unwrap();
        world.stored(ANN, &four.row(40, 1)).unwrap();
        world
    };
    assert_eq!(rule(behind().notified(4, 40)), Some("S12.4"));
    // In version 2 SYNC_BEGIN comes late.
    let mut world = behind();
    world.asks(4, 20);
    world.notified(4, 40).unwrap();
}

fn in_v2(chat: Chat) -> Chat {
    if chat.command == 24 { v2(ANN, SELLER, chat.content) } else { v2(SELLER, ANN, chat.content) }
}

#[test]
fn d4_version_2_gets_all_rows_and_the_end_in_the_beginning() {
    let all = [in_v2(ONE), in_v2(TWO), in_v2(THREE)];
    answers(4, 0, (30, 30), &all).unwrap();
    answers(4, 10, (30, 30), &all[1..]).unwrap();
    // D4.5
    assert_eq!(rule(answers(4, 0, (0, 30), &all)), Some("D4.5"));
    // D4.6
    answers(4, 99, (30, 30), &[]).unwrap();
    assert_eq!(rule(answers(4, 99, (99, 99), &[])), Some("S2.4"));
    // D4.2
    assert_eq!(rule(answers(4, 0, (30, 30), &[ONE])), Some("D4.2"));
    // D4.3: no device of version 2 has sent it.
    assert_eq!(rule(answers(4, 0, (30, 30), &[all[0].with(SELF)])), Some("D4.3"));
    assert_eq!(rule(answers(4, 0, (30, 30), &[all[0].with(2)])), Some("S6.1"));
    assert_eq!(rule(answers(4, 0, (30, 30), &[all[0].with(4)])), Some("S6.1"));
}

#[test]
fn d4_3_the_own_message_says_so() {
    let own = v2(SELLER, ANN, "4");
    let said = || {
        let mut world = world();
        world.says(4, 9, own);
        world.stored(ANN, &own.row(40, 9)).unwrap();
        world.stored(SELLER, &own.row(40, 9)).unwrap();
        world.acked(4, 9).unwrap();
        world.asks(4, 30);
        world
    };
    said().answered(4, (40, 40), &[own.with(SELF)]).unwrap();
    assert_eq!(rule(said().answered(4, (40, 40), &[own])), Some("D4.3"));
    // D4.2: it is not left out.
    assert_eq!(rule(said().answered(4, (40, 40), &[])), Some("S2.4"));
    // D4.1: version 1 gets it in its own form, and not from the device that has sent it.
    let mut world = said();
    world.asks(3, 30);
    let mut answer = support(SELLER, ANN, "4");
    answer.ids[2] = 0;
    world.answered(3, (30, 40), &[answer]).unwrap();
    let mut world = said();
    world.asks(3, 30);
    assert_eq!(rule(world.answered(3, (30, 40), &[own])), Some("D4.1"));
}

#[test]
fn d2_a_translation_keeps_who_when_and_what() {
    let wrong = |change: fn(&mut Chat)| {
        let mut row = in_v2(ONE);
        change(&mut row);
        rule(answers(4, 0, (30, 30), &[row]))
    };
    assert_eq!(wrong(|_| {}), Some("S2.4"), "right as far as it goes");
    assert_eq!(wrong(|row| row.ids.swap(1, 3)), Some("D2.1"));
    assert_eq!(wrong(|row| row.content = "9"), Some("W4.2"));
    let mut world = world();
    world.asks(4, 0);
    world.gets_key(4, 27, 30).unwrap();
    world.time(NOW + 5).unwrap();
    let late = world.gets(4, 64, 0, &in_v2(ONE).body(NOW + 5));
    assert_eq!(rule(late), Some("D2.5"));
}

#[test]
fn d2_4_the_shop_is_the_host_s() {
    let own = v2(SELLER, ANN, "4");
    let said = |mut world: World| {
        world.says(4, 9, own);
        world.stored(ANN, &own.row(40, 9)).unwrap();
        world.stored(SELLER, &own.row(40, 9)).unwrap();
        world.asks(3, 30);
        world
    };
    for (shop, expected) in [(5, None), (0, None), (9, Some("D2.4"))] {
        let mut terms = terms();
        terms.store_id = Some(|customer, seller| {
            assert_eq!((customer.uid.0, seller.uid.0), (ANN.1, SELLER.1));
            StoreId(5)
        });
        let mut row = support(SELLER, ANN, "4");
        row.ids[2] = shop;
        let verdict = said(filled(World::on(terms))).answered(3, (30, 40), &[row]);
        assert_eq!(rule(verdict), expected, "{shop}");
        said(world()).answered(3, (30, 40), &[row]).unwrap();
    }
}

#[test]
fn d4_4_as_sent_each_message_has_its_own_form() {
    let own = v2(SELLER, ANN, "4");
    let world = |dialect| {
        let mut world = world();
        world.says(4, 9, own);
        world.stored(ANN, &own.row(40, 9)).unwrap();
        world.stored(SELLER, &own.row(40, 9)).unwrap();
        world.knocks(5, &crate::world::token(ANN), WEB);
        if let Some(dialect) = dialect {
            world.logged_in(5, ANN, (0, dialect)).unwrap();
        }
        world.gets(5, 3, 0, &[0; 4]).unwrap();
        world.asks(5, 20);
        world
    };
    // What the login does not tell, the answer does.
    for dialect in [None, Some(Dialect::AsSent)] {
        world(dialect).answered(5, (20, 40), &[THREE, own]).unwrap();
        assert_eq!(rule(world(dialect).answered(5, (20, 40), &[THREE])), Some("S2.4"));
    }
    world(None).answered(5, (40, 40), &[in_v2(THREE), own]).unwrap();
    let mut v1 = support(SELLER, ANN, "4");
    v1.ids[2] = 0;
    world(None).answered(5, (20, 40), &[THREE, v1]).unwrap();
    assert_eq!(rule(world(None).answered(5, (40, 40), &[in_v2(THREE), v1])), Some("D4.2"));
    assert_eq!(
        rule(world(Some(Dialect::AsSent)).answered(5, (20, 40), &[in_v2(THREE)])),
        Some("D4.4")
    );
    // D4.6
    let mut world = world(Some(Dialect::AsSent));
    world.answered(5, (20, 40), &[THREE, own]).unwrap();
    world.asks(5, 99);
    world.answered(5, (40, 40), &[]).unwrap();
    world.asks(5, 99);
    assert_eq!(rule(world.answered(5, (99, 40), &[])), Some("D4.5"));
}

#[test]
fn a_store_that_was_not_empty_is_judged_from_where_it_is_known() {
    let mut terms = terms();
    terms.begins_empty = false;
    let mut world = filled(World::on(terms));
    let old = customer(ANN, SELLER, "of old");
    world.asks(3, 0);
    world.answered(3, (5, 30), &[old, old, ONE, TWO, THREE]).unwrap();
    world.logs_in(5, ANN, DESK);
    world.asks(5, 1);
    assert_eq!(rule(world.answered(5, (1, 30), &[old, ONE, THREE])), Some("S2.3"));
    world.closes(5);
    // From the id before the first row that is known.
    world.logs_in(9, ANN, DESK);
    world.asks(9, 9);
    assert_eq!(rule(world.answered(9, (9, 30), &[TWO, THREE])), Some("S2.3"));
    world.closes(9);
    world.logs_in(6, ANN, DESK);
    world.asks(6, 1);
    world.answered(6, (1, 7), &[old]).unwrap();
    assert_eq!(rule(world.finish()), Some("S12.3"), "rows that are known are still to come");
    world.logs_in(7, SELLER, TABLET);
    world.asks(7, 0);
    world.answered(7, (30, 30), &[in_v2(old), in_v2(ONE), in_v2(TWO), in_v2(THREE)]).unwrap();
    // A notify of something older, and METADATA.
    world.notified(2, 4).unwrap();
}

#[test]
fn s12_3_where_nothing_of_a_queue_is_known_nothing_is_known_to_come() {
    let mut terms = terms();
    terms.begins_empty = false;
    let mut world = filled(World::on(terms));
    world.logs_in(5, BOB, PHONE);
    world.asks(5, 1);
    world.answered(5, (1, 7), &[support(SELLER, BOB, "of old")]).unwrap();
    world.finish().unwrap();
    // Up to the first row that is known.
    for (end, expected) in [(8, Some("S12.3")), (9, Some("S12.3")), (30, None)] {
        let mut world = filled(World::on(terms));
        world.asks(3, 1);
        world.answered(3, (1, end), &[customer(ANN, SELLER, "of old")]).unwrap();
        assert_eq!(rule(world.finish()), expected, "{end}");
    }
}

#[test]
fn metadata_and_rows_of_other_commands_are_no_rows_of_the_answer() {
    let mut world = world();
    world.asks(3, 0);
    world.gets_key(3, 27, 0).unwrap();
    world.gets(3, 99, 0, b"other").unwrap();
    for row in [ONE, TWO, THREE] {
        world.reads(3, row).unwrap();
    }
    world.gets_key(3, 28, 30).unwrap();
}

#[test]
fn d2_3_a_customer_s_message_is_translated_for_a_seller_of_version_1() {
    let hi = v2(ANN, SELLER, "4");
    let said = || {
        let mut world = world();
        world.logs_in(5, ANN, TABLET);
        world.says(5, 9, hi);
        world.stored(SELLER, &hi.row(40, 9)).unwrap();
        world.stored(ANN, &hi.row(40, 9)).unwrap();
        world.asks(2, 30);
        world
    };
    let mut row = customer(ANN, SELLER, "4");
    row.ids[2] = 0;
    said().answered(2, (30, 40), &[row]).unwrap();
    for place in [0, 1] {
        let mut row = row;
        row.ids[place] = 9;
        assert_eq!(rule(said().answered(2, (30, 40), &[row])), Some("D2.3"));
    }
}

#[test]
fn d2_2_a_seller_s_message_is_translated_for_version_2() {
    let mut row = in_v2(TWO);
    row.ids.swap(1, 3);
    assert_eq!(rule(answers(4, 10, (30, 30), &[row])), Some("D2.2"));
}

#[test]
fn s2_8_where_the_device_is_not_known_either_is_right() {
    // Two devices have said it, and the store gives it a number that nobody has told of.
    let twice = customer(ANN, SELLER, "4");
    let said = || {
        let mut world = world();
        world.says(1, 40, twice);
        world.says(3, 40, twice);
        world.stored(SELLER, &twice.row(40, 77)).unwrap();
        world.stored(ANN, &twice.row(40, 77)).unwrap();
        world.asks(1, 30);
        world
    };
    said().answered(1, (30, 40), &[twice]).unwrap();
    said().answered(1, (30, 40), &[]).unwrap();
}

#[test]
fn rows_that_are_forgotten_meanwhile_pass() {
    let mut terms = terms();
    terms.memory = 8;
    let mut world = filled(World::on(terms));
    world.asks(3, 0);
    world.gets_key(3, 27, 0).unwrap();
    for (seq, content) in [(40, "4"), (50, "5"), (60, "6"), (70, "7")] {
        let chat = customer(ANN, SELLER, content);
        world.says(1, seq, chat);
        world.stored(SELLER, &chat.row(seq.into(), 1)).unwrap();
        world.stored(ANN, &chat.row(seq.into(), 1)).unwrap();
    }
    world.reads(3, ONE).unwrap_err();
}

/// S2.1: whether the last SYNC_KEY has come is not known, nor which dialect a web client knows.
#[test]
fn an_answer_begins_at_either_of_two_keys() {
    let four = v2(SELLER, ANN, "4");
    for (kept, rows) in [(10, &[TWO, THREE, four][..]), (30, &[four])] {
        let mut world = world();
        world.sends(3, (2, 34), &10_i64.to_be_bytes());
        world.says(4, 40, four);
        world.stored(ANN, &four.row(40, 4)).unwrap();
        world.stored(SELLER, &four.row(40, 4)).unwrap();
        world.sends(3, (3, 34), &30_i64.to_be_bytes());
        world.closes(3);
        world.logs_in(5, ANN, WEB);
        world.asks(5, 0);
        world.answered(5, (kept, 40), rows).unwrap();
    }
}

#[test]
fn h14_9_what_was_before_a_forgotten_row_passes() {
    let mut terms = terms();
    terms.begins_empty = false;
    let mut world = filled(World::on(terms));
    let old = v2(ANN, SELLER, "4");
    world.logs_in(5, ANN, TABLET);
    world.says(5, 9, old);
    world.stored(SELLER, &old.row(40, 9)).unwrap();
    world.stored(ANN, &old.row(40, 9)).unwrap();
    world.metadata(4, 5, 4).unwrap();
    world.gets(4, 64, PUSH, &old.body(NOW)).unwrap();
}

#[test]
fn d2_3_the_customer_is_who_wrote() {
    let hi = v2(ANN, SELLER, "4");
    let mut world = world();
    world.logs_in(5, ANN, TABLET);
    world.says(5, 9, hi);
    world.stored(SELLER, &hi.row(40, 9)).unwrap();
    world.stored(ANN, &hi.row(40, 9)).unwrap();
    world.asks(2, 30);
    let mut row = customer(ANN, SELLER, "4");
    row.ids[1] = 9;
    assert_eq!(rule(world.answered(2, (30, 40), &[row])), Some("D2.3"));
}
