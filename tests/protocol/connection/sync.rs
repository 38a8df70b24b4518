//! What a queue has to say to one device, and the key that the server keeps (S2, S3, S6).

use bytes::BytesMut;
use kefu_proto::{
    Account, AppId, Body, Command, CustomerMessage, DeviceId, Flags, Frame, FrameDecoder,
    FrameLimit, MsgId, Online, Request, Seq, UserId, Version,
};

use super::client::{
    bare_online, chat, frame, frame_of, log_in, log_in_on, now, online, received, server,
    sync_keys, text,
};
use super::memory::Server;
use super::rows::{PHONE, Sync, row};

/// S2.1, S2.2, S2.3, S2.4, S2.9.
#[test]
fn s2_a_key_is_used_as_asked_and_0_means_the_kept_one_or_the_last_end() {
    let mut server = online("seller");
    log_in(&mut server, "customer", b"tok-7-1");
    for seq in 1..=3 {
        server.receive("customer", &frame(seq, chat(Flags::NONE).body));
    }
    // The ids of the seller's queue, as the notifies say.
    let ids = sync_keys(received(&mut server, "seller"));
    assert_eq!(ids.len(), 3);
    let sync = |server: &mut Server, key| {
        server.receive("seller", &frame(9, Body::Sync(key)));
        let frames = received(server, "seller");
        let commands: Vec<_> = frames.iter().map(|(_, _, body)| body.command()).collect();
        let [Command::SYNC_BEGIN, chats @ .., Command::SYNC_END] = &commands[..] else {
            panic!("{commands:?}")
        };
        assert!(chats.iter().all(|&command| command == Command::CUSTOMER), "{commands:?}");
        (sync_keys(frames), chats.len())
    };
    assert_eq!(sync(&mut server, MsgId(0)), (vec![MsgId(0), ids[2]], 3), "no key is kept yet");
    server.receive("seller", &frame(2, Body::SyncKey(ids[1])));
    assert_eq!(sync(&mut server, MsgId(0)), (vec![ids[2], ids[2]], 0), "from the last end");
    log_in(&mut server, "desk", b"tok-1453-2");
    server.receive("desk", &frame(9, Body::Sync(MsgId(0))));
    assert_eq!(sync_keys(received(&mut server, "desk")), [ids[1], ids[2]], "from the kept key");
    assert_eq!(sync(&mut server, ids[0]), (vec![ids[0], ids[2]], 2));
    assert_eq!(sync(&mut server, ids[2]), (vec![ids[2], ids[2]], 0));
    assert_eq!(sync(&mut server, MsgId(-1)), (vec![MsgId(-1), ids[2]], 3));
}

/// S2.5, S2.7.
#[test]
fn s2_own_messages_from_this_device_are_left_out_but_advance_the_key() {
    let mut server = online("customer");
    log_in_on(&mut server, "tablet", b"tok-7-1", "tablet");
    server.receive("customer", &frame(1, chat(Flags::NONE).body));
    let id = sync_keys(received(&mut server, "tablet"))[0];
    received(&mut server, "customer");
    for (who, chats) in [("customer", 0), ("tablet", 1)] {
        server.receive(who, &frame(2, Body::Sync(MsgId(0))));
        let frames = received(&mut server, who);
        assert_eq!(frames.len(), chats + 2, "{who}");
        assert_eq!(sync_keys(frames), [MsgId(0), id], "{who}");
    }
}

/// S2.8: neither of two browsers has a name.
#[test]
fn s2_8_what_one_browser_has_sent_is_left_out_for_another() {
    let mut server = server();
    log_in_on(&mut server, "browser", b"tok-7-1", "");
    log_in_on(&mut server, "another", b"tok-7-1", "");
    server.receive("browser", &frame(1, chat(Flags::NONE).body));
    let id = sync_keys(received(&mut server, "another"))[0];
    server.receive("another", &frame(2, Body::Sync(MsgId(0))));
    let frames = received(&mut server, "another");
    assert_eq!(frames.len(), 2);
    assert_eq!(sync_keys(frames), [MsgId(0), id]);
}

/// S3.1, S3.2.
#[test]
fn s3_the_kept_key_only_rises_and_is_never_below_1() {
    let mut online = bare_online();
    let asked = |online: &mut Online, key| {
        let mut read = BytesMut::from(&frame(1, Body::SyncKey(MsgId(key)))[..]);
        match online.receive(&mut read, now()) {
            Ok(Some(Request::KeepSyncKey(key))) => Some(key),
            Ok(None) => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(asked(&mut online, 7), Some(MsgId(7)));
    assert_eq!(asked(&mut online, 0), None);
    assert_eq!(asked(&mut online, -1), None);
    let mut server = self::online("customer");
    server.receive("customer", &frame(1, Body::SyncKey(MsgId(9))));
    server.receive("customer", &frame(2, Body::SyncKey(MsgId(5))));
    server.receive("customer", &frame(3, Body::Sync(MsgId(0))));
    assert_eq!(sync_keys(received(&mut server, "customer")), [MsgId(9), MsgId(9)]);
}

/// S6.1.
#[test]
fn s6_a_synced_message_has_no_flags_and_the_connection_s_number() {
    let mut server = online("customer");
    server.receive("customer", &frame_of(&chat(Flags::TEXT)));
    log_in(&mut server, "seller", b"tok-1453-2");
    server.receive("seller", &frame(2, Body::Sync(MsgId(0))));
    let frames: Vec<Frame> = std::iter::from_fn(|| server.next_frame("seller"))
        .map(|mut bytes| FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap().unwrap())
        .collect();
    assert_eq!(frames[1].command, Command::CUSTOMER);
    assert_eq!(
        (frames[1].seq, frames[1].version, frames[1].flags),
        (Seq(3), Version(1), Flags::NONE)
    );
}

/// S2.5, S2.6: the body of a row tells its sender, and `device_id` the device.
#[test]
fn s2_what_this_very_device_has_sent_is_left_out() {
    let from_customer = |appid, uid| {
        let (customer_appid, customer_id) = (AppId(appid), UserId(uid));
        Body::Customer(CustomerMessage { customer_appid, customer_id, ..text() })
    };
    let from_seller =
        |uid| Body::CustomerSupport(CustomerMessage { seller_id: UserId(uid), ..text() });
    let (customer, seller) = (account(7, 2), account(1453, 2));
    for (reader, own, others) in [
        (customer, from_customer(7, 2), [from_customer(7, 1), from_customer(8, 2), from_seller(2)]),
        (seller, from_seller(2), [from_seller(3), from_customer(7, 2), from_customer(1453, 1)]),
        (seller, from_customer(1453, 2), [from_customer(7, 2), from_seller(1), Body::Ping]),
    ] {
        let mut sync = Sync::begin(reader, PHONE);
        assert_eq!(sync.row(row(1, PHONE, &own)), None, "{own:?}");
        assert!(sync.row(row(2, DeviceId(4), &own)).is_some(), "{own:?} from another device");
        for (msgid, other) in (3..).zip(others) {
            assert!(sync.row(row(msgid, PHONE, &other)).is_some(), "{other:?}");
        }
    }
}

/// S2.3, S2.4: a page that overlaps with the last one, or lies before the client's key, adds
/// nothing.
#[test]
fn s2_no_row_is_sent_twice_or_backwards() {
    let mut sync = Sync::begin(account(7, 1), PHONE);
    let sent: Vec<i64> = [5, 5, 4, 6, 0, -1, 6, 9]
        .into_iter()
        .filter(|&msgid| sync.row(row(msgid, DeviceId(4), &Body::Customer(text()))).is_some())
        .collect();
    assert_eq!(sent, [5, 6, 9]);
    assert_eq!(sync.after(), Some(MsgId(9)));
    assert_eq!(sync.finish(), Body::SyncEnd(MsgId(9)));
}

fn account(appid: i64, uid: i64) -> Account {
    Account::new(AppId(appid), UserId(uid))
}
