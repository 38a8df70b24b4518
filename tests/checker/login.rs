//! S1, S4, S5: logins and their answers, from outside and inside.

use kefu_proto::Dialect;

use crate::world::{ANN, BOB, DESK, Device, PHONE, TABLET, WEB, World, customer, rule, token};
use crate::world::{SELLER, terms};

const OK: [u8; 4] = [0; 4];
const NO: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 0];

#[test]
fn s1_4_a_right_login_is_accepted_in_its_version() {
    let mut world = World::new();
    world.knocks(1, &token(ANN), PHONE);
    world.gets(1, 3, 0, &OK).unwrap();
    world.finish().unwrap();

    let mut world = World::new();
    world.knocks(1, &token(ANN), PHONE);
    assert_eq!(rule(world.gets(1, 3, 0, &[0, 0, 0, 1])), Some("S1.4"));

    let mut world = World::new();
    world.knocks(1, &token(ANN), TABLET);
    assert_eq!(
        rule(world.gets_bytes(1, &[0, 0, 0, 4, 0, 0, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0])),
        Some("S1.4")
    );
}

#[test]
fn s1_5_a_login_that_names_nobody_is_refused_in_version_0() {
    for who in ["tok-9-9", "nobody"] {
        let mut world = World::new();
        world.knocks(1, who, PHONE);
        let refusal = [&[0, 0, 0, 8, 0, 0, 0, 1, 3, 0, 0, 0][..], &NO].concat();
        world.gets_bytes(1, &refusal).unwrap();
        // S1.6
        world.says_token(1, &token(ANN), PHONE);
        world.gets_bytes(1, &[0, 0, 0, 4, 0, 0, 0, 2, 3, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        world.finish().unwrap();

        let mut world = World::new();
        world.knocks(1, who, PHONE);
        assert_eq!(rule(world.gets(1, 3, 0, &OK)), Some("S1.5"));
    }
}

#[test]
fn w3_3_a_login_of_version_0_is_answered_with_8_bytes() {
    let old = Device { version: 0, ..PHONE };
    let mut world = World::new();
    world.logs_in(1, ANN, old);

    let mut world = World::new();
    world.knocks(1, &token(ANN), old);
    assert_eq!(rule(world.gets(1, 3, 0, &OK)), Some("W3.3"));
}

#[test]
fn s1_7_there_is_one_answer_to_one_login() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.says_token(1, &token(BOB), PHONE);
    world.finish().unwrap();
    assert_eq!(rule(world.gets(1, 3, 0, &OK)), Some("S1.7"));
}

#[test]
fn s1_3_a_login_is_answered_before_anything_else() {
    let mut world = World::new();
    world.knocks(1, &token(ANN), PHONE);
    assert_eq!(rule(world.finish()), Some("S1.3"));

    let mut world = World::new();
    world.opens(1, 0);
    assert_eq!(
        rule(world.gets_bytes(1, &[0, 0, 0, 8, 0, 0, 0, 1, 29, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
        Some("S1.3")
    );

    let mut world = World::new();
    world.knocks(1, &token(ANN), PHONE);
    assert_eq!(rule(world.given_notify(1, 1)), Some("S1.3"));
}

#[test]
fn s1_1_what_is_sent_before_a_login_has_no_effect() {
    let mut world = World::new();
    world.logs_in(2, SELLER, DESK);
    world.opens(1, 0);
    let hi = customer(ANN, SELLER, "hi");
    world.says(1, 1, hi);
    world.sends(1, (2, 26), &[0; 8]);
    world.sends(1, (3, 34), &[0; 8]);
    world.sends(1, (4, 99), b"?");
    assert_eq!(rule(world.stored(SELLER, &hi.row(1, 1))), Some("S1.1"));
}

#[test]
fn s4_1_a_ping_has_one_pong_also_before_a_login() {
    let mut world = World::new();
    world.opens(1, 0);
    world.sends(1, (1, 13), b"");
    world.gets(1, 14, 0, b"").unwrap();
    assert_eq!(rule(world.gets(1, 14, 0, b"")), Some("S4.1"));

    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.sends(1, (1, 13), b"");
    assert_eq!(rule(world.gets(1, 14, 0, b"!")), Some("W5.4"));

    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.sends(1, (1, 13), b"");
    assert_eq!(rule(world.finish()), Some("S4.1"));
}

#[test]
fn s5_what_only_a_server_says_is_ignored_from_a_client() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    for (command, body) in
        [(3, &[0; 8][..]), (3, &[0; 4]), (5, b""), (14, b""), (27, &[0; 8]), (37, &[0; 32])]
    {
        world.sends(1, (1, command), body);
    }
    world.sends(1, (2, 13), b"");
    world.gets(1, 14, 0, b"").unwrap();
    world.finish().unwrap();
}

#[test]
fn d1_8_what_a_host_keeps_counts_where_the_login_tells_nothing() {
    let kept = |(remembers, chooses), device: Device, dialect| {
        let mut terms = terms();
        (terms.remembers_dialects, terms.chooses_dialects) = (remembers, chooses);
        let mut world = World::on(terms);
        world.logs_in(1, SELLER, device);
        world.kept_dialect(1, dialect).unwrap();
        world.logs_in(2, SELLER, device);
        rule(world.metadata(2, 2, 1))
    };
    assert_eq!(kept((true, false), WEB, Dialect::V1), Some("D3.1"));
    assert_eq!(kept((true, false), PHONE, Dialect::V2), Some("D3.1"));
    // Nothing is remembered, or the host chooses by what else it knows (D1.5).
    assert_eq!(kept((false, false), WEB, Dialect::V1), None);
    assert_eq!(kept((true, true), WEB, Dialect::V1), None);
}

#[test]
fn s1_2_so_many_devices_are_remembered_as_rows() {
    let devices = |count: i64| {
        let mut terms = terms();
        terms.memory = 10;
        let mut world = World::on(terms);
        let mut comes = |connection, name: String, number| {
            let device = Device { name: Box::leak(name.into_boxed_str()), ..PHONE };
            world.knocks(connection, &token(ANN), device);
            rule(world.logged_in(connection, ANN, (number, Dialect::V1)))
        };
        for number in 1..=count {
            let connection = number.try_into().unwrap();
            assert_eq!(comes(connection, number.to_string(), number), None);
        }
        comes(99, "another".into(), 1)
    };
    assert_eq!(devices(10), Some("S1.2"));
    assert_eq!(devices(11), None);
}

#[test]
fn s7_1_a_malformed_frame_is_the_last() {
    let header = |length: i32, command| {
        [&length.to_be_bytes()[..], &[0, 0, 0, 1, command, 1, 0, 0]].concat()
    };
    let short = |command, length: usize| {
        let head = header(i32::try_from(length).unwrap(), command);
        [head, vec![0; length]].concat()
    };
    let malformed = [
        header(-1, 13),
        header(32_768, 24),
        short(13, 1),
        short(14, 1),
        short(15, 3),
        short(24, 35),
        short(25, 35),
        short(64, 35),
        short(26, 7),
        short(34, 7),
        short(37, 31),
        short(3, 3),
        [&[0, 0, 0, 7, 0, 0, 0, 1, 3, 0, 0, 0][..], &[0; 7]].concat(),
        [header(4, 15), vec![1, 9, 0, 0]].concat(),
        [header(4, 15), vec![1, 0, 9, 0]].concat(),
        [header(4, 15), vec![1, 2, 0, 0]].concat(),
    ];
    for bytes in malformed {
        let mut world = World::new();
        world.logs_in(1, ANN, PHONE);
        world.logs_in(2, SELLER, DESK);
        let hi = customer(ANN, SELLER, "hi");
        world.sends_bytes(1, &bytes);
        world.says(1, 2, hi);
        world.sends(1, (3, 13), b"");
        world.finish().unwrap();
        assert_eq!(rule(world.stored(SELLER, &hi.row(1, 1))), Some("S7.1"), "{bytes:?}");
        assert_eq!(rule(world.gets(1, 14, 0, b"")), Some("S4.1"));
    }
}

#[test]
fn w5_2_what_follows_the_last_field_is_ignored() {
    let mut world = World::new();
    world.opens(1, 0);
    let body = [&[1, 7][..], b"tok-7-1", &[5], b"phone", b"more"].concat();
    world.sends(1, (1, 15), &body);
    world.gets_bytes(1, &[0, 0, 0, 4, 0, 0, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    world.finish().unwrap();
}

#[test]
fn s1_4_the_host_knows_whom_a_token_names() {
    let mut world = World::new();
    world.knocks(1, &token(ANN), PHONE);
    world.logged_in(1, ANN, (11, Dialect::V1)).unwrap();
    world.gets(1, 3, 0, &OK).unwrap();

    let mut world = World::new();
    world.knocks(1, &token(ANN), PHONE);
    assert_eq!(rule(world.logged_in(1, BOB, (11, Dialect::V1))), Some("S1.4"));

    let mut world = World::new();
    world.knocks(1, "tok-9-9", PHONE);
    let violation = world.logged_in(1, BOB, (11, Dialect::V1)).unwrap_err();
    assert_eq!(violation.rule(), "S1.5");
    assert!(violation.explanation().contains("nobody"), "{violation}");
}

#[test]
fn s1_2_a_device_has_one_number_and_a_number_one_device() {
    let cases = [
        // Another number for the same device, or the same for another.
        ((PHONE, 11), (PHONE, 12)),
        ((PHONE, 11), (DESK, 11)),
        // 0 is for those without a name.
        ((WEB, 0), (PHONE, 0)),
        ((PHONE, 11), (WEB, 11)),
        ((PHONE, 11), (Device { name: "", ..PHONE }, 12)),
    ];
    for ((first, number), (second, other)) in cases {
        let dialect =
            |device: Device| if device.platform == 3 { Dialect::AsSent } else { Dialect::V1 };
        let mut world = World::new();
        world.knocks(1, &token(ANN), first);
        world.logged_in(1, ANN, (number, dialect(first))).unwrap();
        world.knocks(2, &token(BOB), second);
        let verdict = world.logged_in(2, BOB, (other, dialect(second)));
        assert_eq!(rule(verdict), Some("S1.2"), "{number} and {other}");
    }
}

#[test]
fn d1_a_connection_begins_in_the_dialect_that_its_login_tells() {
    let old_web = Device { last: 2, ..WEB };
    let cases = [
        (TABLET, Dialect::V2, None),
        (TABLET, Dialect::V1, Some("D1.1")),
        (PHONE, Dialect::V2, Some("D1.1")),
        (old_web, Dialect::V1, None),
        (old_web, Dialect::AsSent, Some("D1.1")),
        (WEB, Dialect::AsSent, None),
        (WEB, Dialect::V2, None),
    ];
    for (device, dialect, expected) in cases {
        let number = if device.platform == 3 { 0 } else { 11 };
        let mut world = World::new();
        world.knocks(1, &token(ANN), device);
        assert_eq!(rule(world.logged_in(1, ANN, (number, dialect))), expected, "{dialect:?}");

        let mut terms = terms();
        terms.chooses_dialects = true; // D1.5
        let mut world = World::on(terms);
        world.knocks(1, &token(ANN), device);
        world.logged_in(1, ANN, (number, dialect)).unwrap();
    }
}

#[test]
fn a_host_that_shows_no_bytes_is_judged_as_well() {
    let mut world = World::new();
    world.opens(1, 0);
    world.opens(2, 0);
    world.logged_in(1, ANN, (11, Dialect::V1)).unwrap();
    world.logged_in(2, SELLER, (0, Dialect::V1)).unwrap();
    let hi = customer(ANN, SELLER, "hi");
    world.came(1, 7, hi).unwrap();
    assert_eq!(rule(world.given_ack(1, 7)), Some("H7.6"));
}

#[test]
fn nothing_happens_on_a_connection_that_is_not_there() {
    let mut world = World::new();
    world.sends(9, (1, 13), b"");
    world.logged_in(9, ANN, (11, Dialect::V1)).unwrap();
    world.closes(9);
    assert_eq!(rule(world.gets(9, 14, 0, b"")), Some("H7.4"));
    assert_eq!(rule(world.given_ack(9, 1)), Some("H7.4"));
    world.logs_in(1, ANN, PHONE);
    world.closes(1);
    assert_eq!(rule(world.notified(1, 5)), Some("H7.4"));
}
