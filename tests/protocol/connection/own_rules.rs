//! A host's own rules on a whole connection, as its clients see them.

use kefu_proto::{AppId, Body, Delivery, Flags, FrameLimit, MsgId, Seq};

use super::client::{chat, frame, frame_of, log_in, online, received, sync_keys};
use super::memory::Rule;

fn block_customers(delivery: &mut Delivery) -> Rule {
    if delivery.sender().appid == AppId(7) { Rule::Refuse } else { Rule::Accept }
}

fn mask(delivery: &mut Delivery) -> Rule {
    delivery.set_content("***", FrameLimit::CLIENT).unwrap();
    Rule::Accept
}

/// H11.1.
#[test]
fn h11_a_blocked_customer_reaches_nobody_and_hears_nothing() {
    let mut server = online("customer");
    log_in(&mut server, "seller", b"tok-1453-2");
    server.own_rules = block_customers;
    for flags in [Flags::NONE, Flags::UNPERSISTENT] {
        server.receive("customer", &frame_of(&chat(flags)));
    }
    assert_eq!(received(&mut server, "seller"), []);
    assert_eq!((server.store.copies(), &server.pushes[..]), (0, &[][..]));
    // No ACK; but the connection goes on.
    server.receive("customer", &frame(4, Body::Ping));
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Pong)]);
}

#[test]
fn masked_content_is_what_is_sent_and_stored() {
    let mut server = online("customer");
    log_in(&mut server, "seller", b"tok-1453-2");
    server.own_rules = mask;
    server.receive("customer", &frame_of(&chat(Flags::UNPERSISTENT)));
    server.receive("customer", &frame_of(&chat(Flags::NONE)));
    server.receive("seller", &frame(2, Body::Sync(MsgId(0))));
    let came = received(&mut server, "seller");
    let contents = came.iter().filter_map(|(_, _, body)| match body {
        Body::Customer(message) => Some(&message.content[..]),
        _ => None,
    });
    assert!(contents.eq([b"***", b"***"]), "{came:?}");
    assert_eq!(sync_keys(came), [MsgId(32), MsgId(0), MsgId(32)]);
    let acks = [(2, 1, Body::Ack(Seq(3).into())), (3, 1, Body::Ack(Seq(3).into()))];
    assert_eq!(received(&mut server, "customer"), acks);
}
