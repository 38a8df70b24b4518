//! The checker remembers what is open, and no more of the rest than it is allowed to.

use crate::world::{ANN, Chat, DESK, NOW, PHONE, PUSH, SELLER, TABLET, World, rule, terms};

/// Messages that differ.
fn message(number: usize) -> Chat {
    let content: &'static str = Box::leak(number.to_string().into_boxed_str());
    crate::world::customer(ANN, SELLER, content)
}

fn small() -> World {
    let mut terms = terms();
    terms.memory = 10;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    world
}

/// Says so many messages, which are stored and acknowledged.
fn talks(world: &mut World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let (seq, msgid) = (i32::try_from(number).unwrap(), i64::try_from(number).unwrap());
        world.says(1, seq, message(number));
        world.saved(message(number), [(SELLER, msgid), (ANN, msgid)]);
        world.notified(2, msgid).unwrap();
        world.acked(1, seq).unwrap();
    }
}

#[test]
fn what_is_remembered_is_judged_and_what_is_older_passes() {
    let mut world = small();
    talks(&mut world, 1..100);
    // Of 10 rows, half are the seller's: 95 to 99.
    let answers = |world: &mut World, connection, numbers: &[usize]| {
        world.logs_in(connection, SELLER, PHONE);
        world.asks(connection, 80);
        let rows: Vec<_> = numbers.iter().map(|number| message(*number)).collect();
        world.answered(connection, (80, 99), &rows)
    };
    let rest = [95, 96, 97, 98, 99];
    answers(&mut world, 3, &[&[88, 89, 94][..], &rest].concat()).unwrap();
    let skipped = answers(&mut world, 4, &[88, 95, 97, 98, 99]);
    assert_eq!(rule(skipped), Some("S2.3"));
    // A METADATA and a notify of what is forgotten.
    world.notified(2, 50).unwrap();
    world.confirmed(1, message(99), [(99, Some(98)), (99, Some(98))]).unwrap();
}

#[test]
fn what_was_said_last_is_remembered_even_without_memory() {
    let mut terms = terms();
    terms.memory = 0;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    let refused = crate::world::support(SELLER, ANN, "as the seller");
    world.says(1, 1, refused);
    assert_eq!(rule(world.stored(ANN, &refused.row(1, 1))), Some("H11.1"));
}

#[test]
fn what_is_open_is_never_forgotten() {
    let mut world = small();
    for number in 1..50 {
        world.says(1, i32::try_from(number).unwrap(), message(number));
    }
    for number in 1..50 {
        let msgid = i64::try_from(number).unwrap();
        world.saved(message(number), [(SELLER, msgid), (ANN, msgid)]);
    }
    for seq in 1..50 {
        world.acked(1, seq).unwrap();
    }
    world.notified(2, 49).unwrap();
    world.finish().unwrap();
}

#[test]
fn without_the_store_no_more_is_remembered_than_with_it() {
    let mut world = small();
    for number in 1..100 {
        let (seq, msgid) = (i32::try_from(number).unwrap(), i64::try_from(number).unwrap());
        world.says(1, seq, message(number));
        world.notified(2, msgid).unwrap();
        world.acked(1, seq).unwrap();
    }
    world.asks(2, 94);
    let rows: Vec<_> = (95..100).map(message).collect();
    world.answered(2, (94, 99), &rows).unwrap();
    world.finish().unwrap();
}

#[test]
fn ids_that_are_told_are_forgotten_in_time() {
    let mut terms = terms();
    terms.memory = 10;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, TABLET);
    world.logs_in(2, SELLER, DESK);
    for number in 1..3_000 {
        let (seq, msgid) = (i32::try_from(number).unwrap(), i64::try_from(number).unwrap());
        world.says(1, seq, crate::world::v2(ANN, SELLER, message(number).content));
        world.notified(2, msgid).unwrap();
        world.acked(1, seq).unwrap();
    }
}

#[test]
fn devices_and_connections_that_are_over_are_forgotten() {
    let mut world = small();
    for connection in 10..60 {
        let name: &'static str = Box::leak(connection.to_string().into_boxed_str());
        let device = crate::world::Device { name, ..PHONE };
        world.logs_in(connection, ANN, device);
        let chat = message(usize::try_from(connection).unwrap());
        world.says(connection, 1, chat);
        let id = i64::try_from(connection).unwrap();
        world.stored(SELLER, &chat.row(id, id)).unwrap();
        world.stored(ANN, &chat.row(id, id)).unwrap();
        world.acked(connection, 1).unwrap();
        world.closes(connection);
    }
    world.notified(2, 59).unwrap();
    world.notified(1, 59).unwrap();
    world.finish().unwrap();
}

#[test]
fn queues_of_which_nothing_is_left_are_forgotten() {
    let mut world = small();
    for number in 1..40_i64 {
        let seller = (1453, 100 + number);
        let content: &'static str = Box::leak(number.to_string().into_boxed_str());
        let chat = crate::world::customer(ANN, seller, content);
        world.says(1, i32::try_from(number).unwrap(), chat);
        world.stored(seller, &chat.row(1, 1)).unwrap();
        world.stored(ANN, &chat.row(number, 1)).unwrap();
        world.acked(1, i32::try_from(number).unwrap()).unwrap();
    }
    assert!(size(&world) < 20_000, "{}", size(&world));
    // Of the first nothing is known any more.
    world.checker.add_token(b"late", crate::world::account((1453, 101)));
    world.knocks(5, "late", PHONE);
    world.gets(5, 3, 0, &[0; 4]).unwrap();
    world.notified(5, 77).unwrap();
}

#[test]
fn the_order_of_connections_that_are_over_is_forgotten() {
    let mut terms = terms();
    terms.memory = 10;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    let late: Vec<_> = (0..3).map(message).collect();
    for chat in &late {
        world.says(1, 1, *chat);
    }
    world.stored(SELLER, &late[2].row(1, 1)).unwrap();
    let stores = |world: &mut World, connections: std::ops::Range<u64>| {
        for connection in connections {
            world.logs_in(connection, ANN, PHONE);
            let chat = message(usize::try_from(connection).unwrap() + 10);
            world.says(connection, 1, chat);
            let id = i64::try_from(connection).unwrap();
            world.stored(SELLER, &chat.row(id, 1)).unwrap();
            world.closes(connection);
        }
    };
    stores(&mut world, 2..10_001);
    assert_eq!(rule(world.stored(SELLER, &late[1].row(20_000, 1))), Some("S11.1"));
    stores(&mut world, 10_001..10_002);
    world.stored(SELLER, &late[0].row(20_000, 1)).unwrap();
}

/// How much it holds, by all that it shows.
fn size(world: &World) -> usize {
    format!("{:?}", world.checker).len()
}

#[test]
fn what_is_remembered_does_not_grow() {
    let with_the_store = |world: &mut World, number| talks(world, number..number + 1);
    let without = |world: &mut World, number| {
        let (seq, msgid) = (i32::try_from(number).unwrap(), i64::try_from(number).unwrap());
        world.says(1, seq, message(number));
        world.notified(2, msgid).unwrap();
        world.acked(1, seq).unwrap();
    };
    // Neither acknowledged nor refused, and the connection is gone.
    let left = |world: &mut World, number: usize| {
        let connection = 10 + u64::try_from(number).unwrap();
        world.logs_in(connection, ANN, PHONE);
        world.says(connection, 1, message(number));
        world.closes(connection);
    };
    let ways: [fn(&mut World, usize); 3] = [with_the_store, without, left];
    for (index, way) in ways.into_iter().enumerate() {
        let mut world = small();
        (1..1_200).for_each(|number| way(&mut world, number));
        let before = size(&world);
        (1_200..2_400).for_each(|number| way(&mut world, number));
        let after = size(&world);
        assert!(after < before + 1_000, "{index}: {before} and then {after}");
    }
}

#[test]
fn h14_9_so_many_ids_are_remembered() {
    for (more, expected) in [(1_022, Some("H14.9")), (1_023, None)] {
        let mut world = World::new();
        world.logs_in(1, ANN, TABLET);
        world.logs_in(2, SELLER, TABLET);
        for number in 0..2 + more {
            let number = usize::try_from(number).unwrap();
            world.says(1, 1, crate::world::v2(ANN, SELLER, message(number).content));
        }
        world.notified(2, 10).unwrap();
        for msgid in 0..more {
            world.notified(2, 100 + msgid).unwrap();
        }
        // 10 is between the two.
        world.metadata(2, 11, 5).unwrap();
        let chat = crate::world::v2(ANN, SELLER, message(0).content);
        assert_eq!(rule(world.gets(2, 64, PUSH, &chat.body(NOW))), expected, "{more}");
    }
}

#[test]
fn s2_3_what_is_acknowledged_is_demanded_though_older_is_forgotten() {
    let says = |world: &mut World, numbers: std::ops::Range<usize>| {
        for number in numbers {
            let (seq, msgid) = (i32::try_from(number).unwrap(), i64::try_from(number).unwrap());
            world.says(1, seq, message(number));
            world.notified(2, msgid).unwrap();
            world.acked(1, seq).unwrap();
        }
    };
    let mut world = small();
    says(&mut world, 1..6);
    world.asks(2, 0);
    world.answered(2, (0, 5), &(1..6).map(message).collect::<Vec<_>>()).unwrap();
    world.finish().unwrap();
    says(&mut world, 6..30);
    world.asks(2, 5);
    // All but the last.
    world.answered(2, (5, 29), &(6..29).map(message).collect::<Vec<_>>()).unwrap();
    assert_eq!(rule(world.finish()), Some("S2.3"));
}

#[test]
fn s2_3_a_queue_that_nobody_reads_is_remembered_as_well() {
    let mut terms = terms();
    terms.memory = 10;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    for number in 1..8 {
        let (seq, msgid) = (i32::try_from(number).unwrap(), i64::try_from(number).unwrap());
        world.says(1, seq, message(number));
        world.saved(message(number), [(SELLER, msgid), (ANN, msgid)]);
        world.acked(1, seq).unwrap();
    }
    world.logs_in(2, SELLER, DESK);
    world.asks(2, 4);
    assert_eq!(rule(world.answered(2, (4, 7), &[message(5), message(7)])), Some("S2.3"));
}

#[test]
fn the_latest_message_is_remembered_in_any_case() {
    let mut terms = terms();
    terms.memory = 0;
    let mut world = World::on(terms);
    world.logs_in(1, ANN, PHONE);
    let posing = crate::world::customer((7, 2), SELLER, "x");
    world.says(1, 7, posing);
    assert_eq!(rule(world.stored(SELLER, &posing.row(1, 1))), Some("H11.1"));
}
