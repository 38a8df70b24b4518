//! How a connection ends: with an error if it reads no message or has no room to write, never with
//! a panic.

use bytes::BytesMut;
use kefu_proto::{
    Account, AppId, Body, Closed, Command, DecodeError, DeviceId, EncodeError, FrameLimit,
    Identity, Login, LoginStep, MsgId, Outbound, UserId,
};

use super::client::{authentication, config, frame, login, now, online_as, unlisted};

#[test]
fn s7_a_pong_without_room_closes_a_connection_before_its_login() {
    let ping = frame(1, Body::Ping);
    assert!(matches!(receive(&ping, &mut [0; 12]), Ok(LoginStep::Read(_))));
    let closed = receive(&ping, &mut [0; 11]).unwrap_err();
    assert_eq!(closed, Closed::Unwritable(no_room(12, 11)));
}

#[test]
fn s1_what_gets_no_answer_before_a_login_needs_no_room() {
    let mut sent = unlisted();
    sent.extend_from_slice(&frame(2, Body::Sync(MsgId(0))));
    assert!(matches!(receive(&sent, &mut []), Ok(LoginStep::Read(_))));
    sent.extend_from_slice(&login(b"tok-7-1", 1));
    assert!(matches!(receive(&sent, &mut []), Ok(LoginStep::Authenticate(_))));
}

#[test]
fn s7_what_is_no_frame_or_no_message_closes_a_connection_before_its_login() {
    assert_eq!(receive(TOO_LONG, &mut []).unwrap_err(), Closed::Undecodable(too_long()));
    let ping_with_a_body = b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!";
    let error = DecodeError::NotEmpty { command: Command::PING, actual: 1 };
    assert_eq!(receive(ping_with_a_body, &mut []).unwrap_err(), Closed::Undecodable(error));
}

#[test]
fn s7_a_length_that_is_refused_closes_a_connection_after_its_login() {
    let mut read = BytesMut::from(TOO_LONG);
    let closed = online_as(customer()).receive(&mut read, now()).unwrap_err();
    assert_eq!(closed, Closed::Undecodable(too_long()));
}

#[test]
fn s1_an_answer_to_a_login_without_room_is_an_error() {
    let accept = |out: &mut [u8]| authentication().accept(customer(), &mut &mut *out);
    assert!(accept(&mut [0; 16]).is_ok());
    assert_eq!(accept(&mut [0; 15]).unwrap_err(), no_room(16, 15));
    let refuse = |out: &mut [u8]| authentication().refuse(&mut &mut *out);
    assert!(refuse(&mut [0; 20]).is_ok());
    assert_eq!(refuse(&mut [0; 19]).unwrap_err(), no_room(20, 19));
}

/// A frame that fits goes out under the number of the one that did not.
#[test]
fn w7_a_frame_without_room_uses_no_number() {
    let notify = Outbound::SyncNotify(MsgId(1));
    let mut online = online_as(customer());
    assert_eq!(online.write(&notify, &mut &mut [0; 19][..]), Err(no_room(20, 19)));
    let mut out = [0; 20];
    assert_eq!(online.write(&notify, &mut &mut out[..]), Ok(()));
    assert_eq!(out[4..8], [0, 0, 0, 2], "no number was used by what was not written");
}

/// Before the login, with so much room for answers.
fn receive(sent: &[u8], mut out: &mut [u8]) -> Result<LoginStep, Closed> {
    let login = Login::new(config(), FrameLimit::CLIENT);
    login.receive(&mut BytesMut::from(sent), &mut out)
}

/// A header, and nothing behind it yet (W2).
const TOO_LONG: &[u8] = b"\0\0\x80\0\0\0\0\x08\x0d\x01\0\0";

fn too_long() -> DecodeError {
    DecodeError::Length { length: 0x8000, limit: FrameLimit::CLIENT }
}

fn no_room(needed: usize, available: usize) -> EncodeError {
    EncodeError::BufferTooSmall { needed, available }
}

fn customer() -> Identity {
    Identity::new(Account { appid: AppId(7), uid: UserId(1) }, DeviceId(3)).unwrap()
}
