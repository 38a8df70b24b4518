//! The server's side of a connection: each habit of real clients that S1–S9 are about has a test.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::BytesMut;
use kefu_proto::{
    Account, AppId, AuthStatus, AuthToken, Body, Closed, Command, DecodeError, Flags, FrameLimit,
    IDLE_TIMEOUT, Login, LoginStatus, MsgId, Platform, Refusal, Request, Seq, ShortBytes, UserId,
};

use super::client::{
    bare_online, chat, config, frame, frame_of, log_in, login, now, online, received, server,
    sync_keys, unlisted,
};

/// S1.1, S1.3, S4.1, W7.3.
#[test]
fn s1_before_a_login_everything_but_ping_is_silently_ignored() {
    let mut server = server();
    let mut sent = frame(1, Body::Sync(MsgId(0)));
    sent.extend_from_slice(&frame(2, chat(Flags::NONE).body));
    sent.extend_from_slice(&frame(3, Body::Ack(Seq(1).into())));
    sent.extend_from_slice(&frame(4, Body::SyncKey(MsgId(9))));
    sent.extend_from_slice(&unlisted());
    server.receive("customer", &sent);
    assert_eq!(received(&mut server, "customer"), []);
    server.receive("customer", &frame(5, Body::Ping));
    assert_eq!(received(&mut server, "customer"), [(1, 0, Body::Pong)]);
}

/// S1.3, S1.8.
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

/// S1.4, S1.5, S1.6, W7.3.
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

/// S1.4, W3.3.
#[test]
fn s1_a_login_of_version_0_is_answered_with_8_bytes() {
    let mut server = server();
    server.receive("customer", &login(b"tok-7-1", 0));
    let accepted = server.next_frame("customer").unwrap();
    assert_eq!(&accepted[..], b"\0\0\0\x08\0\0\0\x01\x03\0\0\0\0\0\0\0\0\0\0\0");
}

/// S1.7.
#[test]
fn s1_a_second_login_is_ignored() {
    let mut server = online("customer");
    server.receive("customer", &login(b"tok-1453-2", 2));
    assert_eq!(received(&mut server, "customer"), []);
    server.receive("customer", &frame(3, chat(Flags::NONE).body)); // still the customer
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Ack(Seq(3).into()))]);
}

/// S1.2.
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

/// S1.2: one number for each pair, for all users, in all apps and for every login.
#[test]
fn s1_2_a_device_has_one_number_in_all_apps() {
    let mut server = server();
    for (who, token, platform, devices) in [
        ("phone", "tok-7-1", Platform::ANDROID, 1),
        ("the phone again", "tok-7-1", Platform::ANDROID, 1),
        ("a seller on that phone", "tok-1453-2", Platform::ANDROID, 1),
        ("another phone of that name", "tok-7-1", Platform::IOS, 2),
        ("browser", "tok-7-1", Platform::WEB, 2),
    ] {
        let [token, device_id] = [token, "phone"].map(|text| ShortBytes::new(text).unwrap());
        let login = AuthToken { platform, token, device_id };
        server.receive(who, &frame(1, Body::AuthToken(login)));
        assert_eq!(received(&mut server, who).len(), 1, "{who}");
        assert_eq!(server.store.devices(), devices, "{who}");
    }
}

/// S5.1, S5.2; S4.1 for what is answered.
#[test]
fn s5_what_is_not_for_a_client_to_say_is_ignored() {
    let mut server = online("customer");
    let (status, server_ip) = (LoginStatus::REFUSED, Ipv4Addr::UNSPECIFIED);
    for body in [
        Body::AuthStatus(AuthStatus { status, server_ip }),
        Body::Ack(Seq(1).into()),
        Body::Pong,
        Body::SyncBegin(MsgId(1)),
        Body::SyncEnd(MsgId(1)),
        Body::SyncNotify(MsgId(1)),
    ] {
        server.receive("customer", &frame(1, body));
    }
    server.receive("customer", &frame(1, Body::Ping));
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Pong)]);
    // None of them was kept as a sync key either.
    server.receive("customer", &frame(1, Body::Sync(MsgId(0))));
    assert_eq!(sync_keys(received(&mut server, "customer")), [MsgId(0), MsgId(0)]);
}

/// S7.1, S7.2, W5.4.
#[test]
fn s7_after_a_frame_that_cannot_be_decoded_the_connection_is_over() {
    let mut server = online("customer");
    let mut sent = frame(7, chat(Flags::NONE).body);
    sent.extend_from_slice(b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!"); // a PING with a body
    sent.extend_from_slice(&frame(9, Body::Ping));
    server.receive("customer", &sent);
    assert!(server.is_closed("customer"));
    // What was queued before is still there to be written, and nothing answers the rest.
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Ack(Seq(7).into()))]);
}

/// S7.1.
#[test]
fn s7_a_connection_that_is_over_stays_over() {
    let mut online = bare_online();
    let mut read = BytesMut::from(&b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!"[..]);
    read.extend_from_slice(&frame(9, Body::Ping));
    for _ in 0..2 {
        let closed = online.receive(&mut read, now()).unwrap_err();
        assert_eq!(closed, Closed::Undecodable(NOT_EMPTY));
    }
}

/// S7.1: a PING with a body, and a header with a length that is refused.
#[test]
fn s7_before_a_login_a_frame_that_cannot_be_decoded_ends_the_connection_too() {
    let too_long = DecodeError::Length { length: 0x8000, limit: FrameLimit::CLIENT };
    for (sent, error) in [
        (&b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!"[..], NOT_EMPTY),
        (b"\0\0\x80\0\0\0\0\x08\x0d\x01\0\0", too_long),
    ] {
        let mut read = BytesMut::from(sent);
        read.extend_from_slice(&frame(9, Body::Ping));
        let mut out = BytesMut::new();
        let login = Login::new(config(), FrameLimit::CLIENT);
        let closed = login.receive(&mut read, &mut out).unwrap_err();
        assert_eq!(closed, Closed::Undecodable(error));
        assert!(out.is_empty());
    }
}

const NOT_EMPTY: DecodeError = DecodeError::NotEmpty { command: Command::PING, actual: 1 };

#[test]
fn w3_4_an_unlisted_command_is_the_host_s() {
    let mut read = BytesMut::from(&unlisted()[..]);
    match bare_online().receive(&mut read, now()) {
        Ok(Some(Request::Unlisted(frame))) => {
            assert_eq!((frame.command, &frame.body[..]), (Command(99), &b"?"[..]));
        }
        other => panic!("{other:?}"),
    }
}

/// H2.2, H11.1.
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

/// H6.1, H6.2.
#[test]
fn h6_an_unpersistent_message_reaches_who_is_there_and_is_never_stored() {
    let mut server = online("customer");
    log_in(&mut server, "seller", b"tok-1453-2");
    server.receive("customer", &frame_of(&chat(Flags::UNPERSISTENT)));
    let came = received(&mut server, "seller");
    assert!(matches!(&came[..], [(2, 1, Body::Customer(message))] if message.timestamp == now()));
    assert_eq!(received(&mut server, "customer"), [(2, 1, Body::Ack(Seq(3).into()))]);
    server.receive("seller", &frame(2, Body::Sync(MsgId(0))));
    assert_eq!(sync_keys(received(&mut server, "seller")), [MsgId(0), MsgId(0)]);
    assert_eq!(server.pushes, []);
}

/// H7.3.
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

#[test]
fn s11_1_answers_come_in_the_order_of_the_questions() {
    let mut server = online("customer");
    let mut sent = frame_of(&chat(Flags::NONE));
    sent.extend_from_slice(&frame(4, Body::Ping));
    sent.extend_from_slice(&frame(5, Body::Sync(MsgId(0))));
    sent.extend_from_slice(&frame_of(&chat(Flags::UNPERSISTENT)));
    sent.extend_from_slice(&frame(7, Body::Ping));
    server.receive("customer", &sent);
    let bodies = received(&mut server, "customer").into_iter().map(|(_, _, body)| body);
    let own_copy = MsgId(192); // stored by the time of the sync
    assert!(bodies.eq([
        Body::Ack(Seq(3).into()),
        Body::Pong,
        Body::SyncBegin(MsgId(0)),
        Body::SyncEnd(own_copy),
        Body::Ack(Seq(3).into()),
        Body::Pong,
    ]));
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

#[test]
fn s4_2_a_client_may_be_silent_for_6_minutes() {
    assert_eq!(IDLE_TIMEOUT, Duration::from_secs(360));
}
