//! D1–D3: in which form live messages come.

use kefu_proto::Dialect;

use crate::world::{
    ANN, Chat, DESK, NOW, PHONE, PUSH, SELLER, TABLET, UNPERSISTENT, WEB, World, customer, rule,
    support, v2,
};

const TYPING: Chat = customer(ANN, SELLER, "...").with(UNPERSISTENT);

fn typing(device: crate::world::Device) -> World {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, device);
    world.says(1, 1, TYPING);
    world
}

#[test]
fn d3_4_an_unpersistent_message_is_translated_for_version_2() {
    let translated = v2(ANN, SELLER, "...").with(UNPERSISTENT);
    typing(TABLET).reads(2, translated).unwrap();
    typing(DESK).reads(2, TYPING).unwrap();
    assert_eq!(rule(typing(TABLET).reads(2, TYPING)), Some("D3.4"));
    assert_eq!(rule(typing(DESK).reads(2, translated)), Some("D3.4"));
    assert_eq!(rule(typing(DESK).reads(2, TYPING.with(3))), Some("W7.4"));
    assert_eq!(rule(typing(DESK).reads(2, TYPING.with(0))), Some("W7.4"));
    let mut shop = TYPING;
    shop.ids[2] = 9;
    assert_eq!(rule(typing(DESK).reads(2, shop)), Some("H6.1"));
    // A web client may be of either version.
    typing(WEB).reads(2, TYPING).unwrap();
    typing(WEB).reads(2, translated).unwrap();
}

#[test]
fn d2_2_a_seller_s_message_is_translated_as_well() {
    let typing = support(SELLER, ANN, "...").with(UNPERSISTENT | 0x38);
    let mut world = World::new();
    world.logs_in(1, SELLER, PHONE);
    world.logs_in(2, ANN, TABLET);
    world.says(1, 1, typing);
    world.reads(2, v2(SELLER, ANN, "...").with(UNPERSISTENT)).unwrap();
}

#[test]
fn d2_a_translation_keeps_its_parties() {
    let cases = [
        (TYPING, v2(SELLER, ANN, "..."), "D2.1"),
        (support(SELLER, ANN, "..."), v2(ANN, SELLER, "..."), "D2.2"),
        (v2(ANN, SELLER, "..."), support(SELLER, ANN, "..."), "D2.3"),
        // It is as it came, and wrong.
        (v2(ANN, SELLER, "..."), v2(SELLER, ANN, "..."), "W4.2"),
    ];
    for (said, read, expected) in cases {
        let mut world = World::new();
        world.logs_in(1, ANN, PHONE);
        world.logs_in(2, SELLER, TABLET);
        world.says(if said.command == 25 { 2 } else { 1 }, 1, said.with(UNPERSISTENT));
        let verdict = world.reads(2, read.with(UNPERSISTENT));
        assert_eq!(rule(verdict), Some(expected), "{expected}");
    }
}

#[test]
fn d3_1_version_1_gets_no_metadata() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    assert_eq!(rule(world.metadata(1, 2, 1)), Some("D3.1"));
}

#[test]
fn d1_6_a_message_decides_for_what_is_written_from_then_on() {
    let hi = v2(ANN, SELLER, "hi");
    let world = || {
        let mut world = World::new();
        world.logs_in(1, ANN, PHONE);
        world.logs_in(2, SELLER, DESK);
        world.says(1, 1, hi);
        world
    };
    // It may have been handled or not.
    world().metadata(1, 2, 1).unwrap();
    let mut answered = world();
    answered.acked(1, 1).unwrap();
    answered.notified(2, 1).unwrap();
    answered.says(2, 1, support(SELLER, ANN, "...").with(UNPERSISTENT));
    let reads = answered.reads(1, support(SELLER, ANN, "...").with(UNPERSISTENT));
    assert_eq!(rule(reads), Some("D3.4"));
    // The host has taken it, and what is received now may have been written before.
    for form in [support(SELLER, ANN, "..."), v2(SELLER, ANN, "...")] {
        let mut came = world();
        came.came(1, 1, hi).unwrap();
        came.says(2, 1, support(SELLER, ANN, "...").with(UNPERSISTENT));
        came.reads(1, form.with(UNPERSISTENT)).unwrap();
    }
    // What is refused decides nothing.
    let mut refused = World::new();
    refused.logs_in(1, ANN, PHONE);
    refused.says(1, 1, v2(SELLER, ANN, "hi"));
    refused.came(1, 1, v2(SELLER, ANN, "hi")).unwrap();
    assert_eq!(rule(refused.metadata(1, 2, 1)), Some("D3.1"));
}

#[test]
fn d1_7_an_answer_ends_in_the_dialect_in_which_it_began() {
    let hi = v2(ANN, SELLER, "hi");
    let world = || {
        let mut world = World::new();
        world.logs_in(1, ANN, PHONE);
        world.logs_in(2, SELLER, DESK);
        let yes = support(SELLER, ANN, "yes?");
        world.says(2, 1, yes);
        world.stored(ANN, &yes.row(1, 2)).unwrap();
        world.stored(SELLER, &yes.row(1, 2)).unwrap();
        world.asks(1, 0);
        world.says(1, 2, hi);
        world
    };
    let mut before = world();
    before.syncing(1, 0).unwrap();
    before.came(1, 2, hi).unwrap();
    before.answered(1, (0, 1), &[support(SELLER, ANN, "yes?")]).unwrap();
    // The host may have taken the message without a word.
    let mut unseen = world();
    unseen.syncing(1, 0).unwrap();
    unseen.answered(1, (1, 1), &[v2(SELLER, ANN, "yes?")]).unwrap();
    // Where nothing tells when it began, both are right, but not one after the other.
    for rows in [support(SELLER, ANN, "yes?"), v2(SELLER, ANN, "yes?")] {
        let mut world = world();
        world.came(1, 2, hi).unwrap();
        let begin = i64::from(rows.command == 64);
        world.answered(1, (begin, 1), &[rows]).unwrap();
    }
}

#[test]
fn d1_4_what_the_host_keeps_is_what_a_login_begins_in() {
    let mut terms = crate::world::terms();
    terms.remembers_dialects = true;
    let mut world = World::on(terms);
    world.logs_in(1, SELLER, WEB);
    world.kept_dialect(1, Dialect::V1).unwrap();
    world.logs_in(2, SELLER, WEB);
    assert_eq!(rule(world.metadata(2, 2, 1)), Some("D3.1"));
}

#[test]
fn w10_3_an_unpersistent_message_has_no_metadata() {
    let mut world = typing(TABLET);
    world.metadata(2, 2, 1).unwrap();
    let verdict = world.gets(2, 64, UNPERSISTENT, &v2(ANN, SELLER, "...").body(NOW));
    assert_eq!(rule(verdict), Some("W10.3"));
    let mut world = typing(TABLET);
    let verdict = world.gets(2, 64, PUSH, &v2(ANN, SELLER, "...").body(NOW));
    assert_eq!(rule(verdict), Some("W10.3"));
}
