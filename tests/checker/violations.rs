//! What a violation says.

use kefu_proto::checker::{ConnectionId, Seen};
use kefu_proto::{Command, MsgId, Seq};

use crate::world::{ANN, DESK, PHONE, SELLER, World, account, customer};

#[test]
fn a_violation_has_its_rule_its_events_and_a_sentence() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    let hi = customer(ANN, SELLER, "hi");
    world.says(1, 7, hi);
    world.stored(SELLER, &hi.row(32, 11)).unwrap();
    let violation = world.acked(1, 7).unwrap_err();
    assert_eq!(violation.rule(), "H7.2");
    let events: Vec<_> = violation.events().iter().map(|event| event.what).collect();
    assert_eq!(
        events,
        [
            Seen::Sent(ConnectionId(1), Command::CUSTOMER, Seq(7)),
            Seen::Wrote(ConnectionId(1), Command::ACK),
        ]
    );
    assert_eq!(world.checker.events(), 10);
    // The end comes behind them all.
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.sends(1, (1, 13), b"");
    let end = world.finish().unwrap_err();
    assert_eq!(
        end.to_string(),
        "S4.1: PING on connection 1 is not answered (5: connection 1 sends PING 1; 6: the end)"
    );
    let unasked = world.gets_key(1, 28, 3).unwrap_err();
    assert!(unasked.to_string().contains("SYNC_END 3 on connection 1"), "{unasked}");
    let wrong = world.gets(1, 29, 1, &[0; 8]).unwrap_err();
    assert_eq!(wrong.explanation(), "SYNC_NOTIFY 3 has the flags 0x01");
    assert_eq!(
        violation.to_string(),
        "H7.2: the ACK of the message of 7/1 comes before the copy for 7/1 is stored \
         (8: connection 1 sends CUSTOMER 7; 10: connection 1 gets ACK)"
    );
}

#[test]
fn every_event_has_a_name() {
    let names = [
        (Seen::Opened(ConnectionId(1)), "connection 1 is opened"),
        (Seen::Closed(ConnectionId(1)), "connection 1 is closed"),
        (Seen::Stored(account(ANN), MsgId(3)), "3 is stored for 7/1"),
        (Seen::SaveFailed(account(ANN)), "a save for 7/1 fails"),
        (Seen::Pushed(account(ANN)), "7/1 is pushed"),
        (Seen::Finished, "the end"),
        (Seen::Other, "this event"),
    ];
    for (what, name) in names {
        let witness = kefu_proto::checker::Witness { number: 9, what };
        assert_eq!(witness.to_string(), format!("9: {name}"));
    }
    assert_eq!(kefu_proto::checker::ServerId(4).to_string(), "server 4");
}
