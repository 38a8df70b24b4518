//! The server's side of a connection: the habits of real clients that S1–S9 are about, each with a test.

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, AppId, AuthToken, Body, Closed, Command, Config, CustomerMessage, DecodeError,
    DeviceId, Encode, Flags, Frame, FrameDecoder, FrameLimit, Identity, Incoming, Login, LoginStep,
    Message, MsgId, Online, Platform, Refusal, Request, Seq, ShortBytes, StoreId, UnixTime, UserId,
    Version,
};

use super::memory::Server;

#[test]
fn s1_before_a_login_everything_but_ping_is_silently_ignored() {
    let mut server = server();
    let mut sent = frame(1, Body::Sync(MsgId(0)));
    sent.extend_from_slice(&frame(2, chat(Flags::NONE).body));
    sent.extend_from_slice(&frame(3, Body::Ack(Seq(1))));
    sent.extend_from_slice(&frame(4, Body::SyncKey(MsgId(9))));
    sent.extend_from_slice(&unlisted());
    server.receive("customer", &sent);
    assert_eq!(received(&mut server, "customer"), []);
    server.receive("customer", &frame(5, Body::Ping));
    assert_eq!(received(&mut server, "customer"), [(1, 0, Body::Pong)]);
}

#[test]
fn s1_what_is_sent_right_behind_a_login_waits_for_it() {
    let mut server = server();
    let mut sent = login(b"tok-7-1", 1);
    sent.extend_from_slice(&frame(2, Body::Sync(MsgId(0))));
    server.receive("customer", &sent);
    let commands: Vec<_> =
        received(&mut server, "customer").iter().map(|(_, _, body)| body.command()).collect();
    assert_eq!(commands, [Command::AUTH_STATUS, Command::SYNC_BEGIN, Command::SYNC_END]);
}

#[test]
fn s1_a_refused_client_may_try_again_and_then_gets_its_version() {
    let mut server = server();
    server.receive("customer", &login(b"nobody", 2));
    let refused = server.next_frame("customer").unwrap();
    assert_eq!(&refused[..], b"\0\0\0\x08\0\0\0\x01\x03\0\0\0\0\0\0\x01\0\0\0\0");
    server.receive("customer", &login(b"tok-7-1", 2));
    let accepted = server.next_frame("customer").unwrap();
    assert_eq!(&accepted[..], b"\0\0\0\x04\0\0\0\x02\x03\x02\0\0\0\0\0\0");
}

#[test]
fn s1_a_login_of_version_0_is_answered_with_8_bytes() {
    let mut server = server();
    server.receive("customer", &login(b"tok-7-1", 0));
    let accepted = server.next_frame("customer").unwrap();
    assert_eq!(&accepted[..], b"\0\0\0\x08\0\0\0\x01\x03\0\0\0\0\0\0\0\0\0\0\0");
}

#[test]
fn s1_a_second_login_is_ignored() {
    let mut server = online("customer");
    server.receive("customer", &login(b"tok-1453-2", 2));
    assert_eq!(received(&mut server, "customer"), []);
    server.receive("customer", &frame(3, chat(Flags::NONE).body)); // still the customer
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Ack(Seq(3)))]);
}

#[test]
fn s1_a_device_is_a_name_and_a_platform_and_neither_the_web_nor_an_empty_name_has_one() {
    let device = |name: &'static str, platform| AuthToken {
        platform,
        token: ShortBytes::default(),
        device_id: ShortBytes::new(name).unwrap(),
    };
    let phone = device("d", Platform::ANDROID);
    assert_eq!(phone.device(), Some((&b"d"[..], Platform::ANDROID)));
    assert_eq!(device("d", Platform::IOS).device(), Some((&b"d"[..], Platform::IOS)));
    assert_eq!(device("d", Platform::WEB).device(), None);
    assert_eq!(device("", Platform::ANDROID).device(), None);
}

#[test]
fn s2_a_key_is_used_as_asked_and_0_means_the_kept_one() {
    let mut server = online("seller");
    log_in(&mut server, "customer", b"tok-7-1");
    for seq in 1..=3 {
        server.receive("customer", &frame(seq, chat(Flags::NONE).body));
    }
    // The ids of the seller's queue, as the notifies say.
    let ids = sync_keys(received(&mut server, "seller"));
    assert_eq!(ids.len(), 3);
    server.receive("seller", &frame(2, Body::SyncKey(ids[1])));
    let sync = |server: &mut Server, key| {
        server.receive("seller", &frame(9, Body::Sync(key)));
        let frames = received(server, "seller");
        let chats =
            frames.iter().filter(|(_, _, body)| body.command() == Command::CUSTOMER).count();
        (sync_keys(frames), chats)
    };
    assert_eq!(sync(&mut server, MsgId(0)), (vec![ids[1], ids[2]], 1));
    assert_eq!(sync(&mut server, ids[0]), (vec![ids[0], ids[2]], 2));
    assert_eq!(sync(&mut server, ids[2]), (vec![ids[2], ids[2]], 0));
    assert_eq!(sync(&mut server, MsgId(-1)), (vec![MsgId(-1), ids[2]], 3));
}

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

#[test]
fn s5_what_is_not_for_a_client_to_say_is_ignored() {
    let mut server = online("customer");
    for body in [
        Body::Ack(Seq(1)),
        Body::Pong,
        Body::SyncBegin(MsgId(1)),
        Body::SyncEnd(MsgId(1)),
        Body::SyncNotify(MsgId(1)),
    ] {
        server.receive("customer", &frame(1, body));
    }
    server.receive("customer", &frame(1, Body::Ping));
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Pong)]);
}

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

#[test]
fn s7_after_a_frame_that_cannot_be_decoded_the_connection_is_over() {
    let mut server = online("customer");
    let mut sent = frame(7, chat(Flags::NONE).body);
    sent.extend_from_slice(b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!"); // a PING with a body
    sent.extend_from_slice(&frame(9, Body::Ping));
    server.receive("customer", &sent);
    assert!(server.is_closed("customer"));
    // What was queued before is still there to be written, and nothing answers the rest.
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Ack(Seq(7)))]);
}

#[test]
fn s7_a_connection_that_is_over_stays_over() {
    let mut online = bare_online();
    let mut read = BytesMut::from(&b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!"[..]);
    read.extend_from_slice(&frame(9, Body::Ping));
    let error = DecodeError::NotEmpty { command: Command::PING, actual: 1 };
    for _ in 0..2 {
        let closed = online.receive(&mut read, now()).unwrap_err();
        assert_eq!(closed, Closed::Undecodable(error));
    }
    let login = Login::new(config(), FrameLimit::CLIENT);
    let mut read = BytesMut::from(&b"\0\0\x80\0\0\0\0\x08\x0d\x01\0\0"[..]);
    let closed = login.receive(&mut read, &mut BytesMut::new()).unwrap_err();
    let error = DecodeError::Length { length: 0x8000, limit: FrameLimit::CLIENT };
    assert_eq!(closed, Closed::Undecodable(error));
}

#[test]
fn w5_an_unlisted_command_is_the_host_s() {
    let mut read = BytesMut::from(&unlisted()[..]);
    match bare_online().receive(&mut read, now()) {
        Ok(Some(Request::Unlisted(frame))) => {
            assert_eq!((frame.command, &frame.body[..]), (Command(99), &b"?"[..]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn h2_a_refused_message_is_silence_with_a_reason() {
    let mut foreign = chat(Flags::NONE);
    if let Body::Customer(message) = &mut foreign.body {
        message.customer_id = UserId(5);
    }
    let mut read = BytesMut::from(&frame_of(&foreign)[..]);
    let refusal = Refusal::CustomerIdMismatch { claimed: UserId(5), session: UserId(1) };
    match bare_online().receive(&mut read, now()) {
        Ok(Some(Request::Refused(came))) => assert_eq!(came, refusal),
        other => panic!("{other:?}"),
    }
    let mut server = online("customer");
    server.receive("customer", &frame_of(&foreign));
    assert_eq!(received(&mut server, "customer"), []);
}

#[test]
fn h6_an_unpersistent_message_reaches_who_is_there_and_is_never_stored() {
    let mut server = online("customer");
    log_in(&mut server, "seller", b"tok-1453-2");
    server.receive("customer", &frame_of(&chat(Flags::UNPERSISTENT)));
    let came = received(&mut server, "seller");
    assert!(matches!(&came[..], [(2, 1, Body::Customer(message))] if message.timestamp == now()));
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Ack(Seq(3)))]);
    server.receive("seller", &frame(2, Body::Sync(MsgId(0))));
    assert_eq!(sync_keys(received(&mut server, "seller")), [MsgId(0), MsgId(0)]);
    assert_eq!(server.pushes, []);
}

#[test]
fn h7_a_user_who_is_nowhere_is_pushed_and_finds_the_message_by_sync() {
    let mut server = online("customer");
    server.receive("customer", &frame_of(&chat(Flags::NONE)));
    let seller = Account { appid: AppId(1453), uid: UserId(2) };
    assert_eq!(server.pushes, [seller]);
    log_in(&mut server, "seller", b"tok-1453-2");
    server.receive("seller", &frame(2, Body::Sync(MsgId(0))));
    assert_eq!(received(&mut server, "seller").len(), 3);
}

/// The second save of the first try fails; the ACK of the second try is lost: the client sends three times.
#[test]
fn s10_h8_an_idempotent_store_has_a_repeat_once_and_another_store_again() {
    for (idempotent, copies) in [(true, 2), (false, 5)] {
        let mut server = online("customer");
        log_in(&mut server, "seller", b"tok-1453-2");
        server.store.idempotent = idempotent;
        server.store.room = Some(1);
        server.receive("customer", &frame_of(&chat(Flags::NONE)));
        assert_eq!(received(&mut server, "customer"), []);
        assert_eq!(received(&mut server, "seller"), []);
        server.store.room = None;
        for seq in 4..=5 {
            server.receive("customer", &frame(seq, chat(Flags::NONE).body));
            let acknowledged = received(&mut server, "customer").pop().map(|(_, _, body)| body);
            assert_eq!(acknowledged, Some(Body::Ack(Seq(seq))));
        }
        let notified = sync_keys(received(&mut server, "seller"));
        assert_eq!(notified[0] == notified[1], idempotent);
        assert_eq!(server.store.copies(), copies);
    }
}

#[test]
fn a_client_that_sends_one_byte_at_a_time_is_served_like_any_other() {
    let mut server = server();
    let mut sent = login(b"tok-7-1", 1);
    sent.extend_from_slice(&frame_of(&chat(Flags::NONE)));
    sent.extend_from_slice(&frame(4, Body::Ping));
    for byte in sent {
        server.receive("customer", &[byte]);
    }
    let commands: Vec<_> =
        received(&mut server, "customer").iter().map(|(_, _, body)| body.command()).collect();
    assert_eq!(commands, [Command::AUTH_STATUS, Command::ACK, Command::PONG]);
}

fn server() -> Server {
    Server::new(now())
}

/// A server on which one user has logged in, the answer already read.
fn online(who: &str) -> Server {
    let mut server = server();
    let token: &[u8] = if who == "seller" { b"tok-1453-2" } else { b"tok-7-1" };
    log_in(&mut server, who, token);
    server
}

fn log_in(server: &mut Server, who: &str, token: &[u8]) {
    server.receive(who, &login(token, 1));
    assert_eq!(received(server, who).len(), 1);
}

fn log_in_on(server: &mut Server, who: &str, token: &'static [u8], device: &'static str) {
    server.receive(who, &login_on(token, device, 1));
    assert_eq!(received(server, who).len(), 1);
}

/// A connection of customer 7/1 without a server around it.
fn bare_online() -> Online {
    let login_frame = login(b"tok-7-1", 1);
    let mut read = BytesMut::from(&login_frame[..]);
    let mut out = BytesMut::new();
    let login = Login::new(config(), FrameLimit::CLIENT);
    let LoginStep::Authenticate(authentication) = login.receive(&mut read, &mut out).unwrap()
    else {
        panic!("a login was sent")
    };
    let customer = Account { appid: AppId(7), uid: UserId(1) };
    authentication.accept(Identity::new(customer, DeviceId(3)).unwrap(), &mut out).unwrap()
}

fn config() -> Config {
    Config::new(AppId(1453)).unwrap()
}

fn now() -> UnixTime {
    UnixTime::from(1_529_642_512)
}

/// Everything that has come since the last look: seq, version and body.
fn received(server: &mut Server, who: &str) -> Vec<(i32, u8, Body)> {
    std::iter::from_fn(|| server.next_frame(who))
        .map(|mut bytes| {
            let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap().unwrap();
            let Incoming::Message(message) = frame.parse().unwrap() else { panic!("unlisted") };
            (message.seq.0, message.version.0, message.body)
        })
        .collect()
}

fn sync_keys(frames: Vec<(i32, u8, Body)>) -> Vec<MsgId> {
    let key = |(_, _, body)| match body {
        Body::SyncBegin(key) | Body::SyncEnd(key) | Body::SyncNotify(key) => Some(key),
        _ => None,
    };
    frames.into_iter().filter_map(key).collect()
}

fn login(token: &[u8], version: u8) -> Vec<u8> {
    login_on(token, "phone", version)
}

fn login_on(token: &[u8], device: &'static str, version: u8) -> Vec<u8> {
    let auth = AuthToken {
        platform: Platform::ANDROID,
        token: ShortBytes::new(token.to_vec()).unwrap(),
        device_id: ShortBytes::new(device).unwrap(),
    };
    let body = Body::AuthToken(auth);
    frame_of(&Message { seq: Seq(1), version: Version(version), flags: Flags::NONE, body })
}

/// Customer 7/1 to seller 2.
fn chat(flags: Flags) -> Message {
    let body = Body::Customer(CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(1),
        seller_id: UserId(2),
        timestamp: UnixTime::from(1),
        content: Bytes::from_static(b"hello"),
    });
    Message { seq: Seq(3), version: Version(1), flags, body }
}

fn unlisted() -> Vec<u8> {
    b"\0\0\0\x01\0\0\0\x05\x63\x01\0\0?".to_vec()
}

fn frame(seq: i32, body: Body) -> Vec<u8> {
    frame_of(&Message { seq: Seq(seq), version: Version(1), flags: Flags::NONE, body })
}

fn frame_of(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}
