//! S2, row by row: what a device gets of its user's queue, and what is left out.

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, AppId, Body, Command, DeviceId, Encode, Flags, Frame, Identity, Message, MsgId,
    Request, Seq, StoredMessage, SyncPages, SyncRequest, UserId, Version,
};

use super::client::{chat, frame, now, online_as};

const CUSTOMER: Account = Account { appid: AppId(7), uid: UserId(1) };
const SELLER: Account = Account { appid: AppId(1453), uid: UserId(2) };
pub(crate) const PHONE: DeviceId = DeviceId(3);

#[test]
fn s2_a_request_names_the_queue_and_whether_the_kept_key_matters() {
    let kept = request(CUSTOMER, PHONE, 0);
    assert_eq!((kept.queue(), kept.wants_kept_key()), (CUSTOMER, true));
    let (begin, pages) = kept.begin(MsgId(4));
    assert_eq!((begin.body, pages.after()), (Body::SyncBegin(MsgId(4)), MsgId(4)));
    let asked = request(SELLER, PHONE, 5);
    assert_eq!((asked.queue(), asked.wants_kept_key()), (SELLER, false));
    let (begin, pages) = asked.begin(MsgId(4));
    assert_eq!((begin.body, pages.after()), (Body::SyncBegin(MsgId(5)), MsgId(5)));
    assert_eq!(pages.end().body, Body::SyncEnd(MsgId(5)));
}

/// The app and the user have to be the sender's, both.
#[test]
fn s2_rows_of_namesakes_are_not_ones_own() {
    let (from_customer, from_seller) = (chat(Flags::NONE).body, from_seller());
    for (appid, uid) in [(7, 2), (7, 3), (8, 1), (1453, 1), (1453, 3), (8, 2)] {
        let mut pages = pages(Account { appid: AppId(appid), uid: UserId(uid) }, PHONE);
        assert!(pages.row(row(1, PHONE, &from_customer)).is_some(), "{appid}/{uid}");
        assert!(pages.row(row(2, PHONE, &from_seller)).is_some(), "{appid}/{uid}");
    }
}

/// What a store may have from elsewhere was sent by nobody: it goes out as it is.
#[test]
fn s2_rows_that_are_no_chat_messages_go_out_as_they_are() {
    let mut pages = pages(CUSTOMER, PHONE);
    let rows =
        [(Command::CUSTOMER, &b"short"[..]), (Command(99), b"?"), (Command::ACK, b"\0\0\0\x09")];
    for ((command, body), msgid) in rows.into_iter().zip(1..) {
        let body = Bytes::from_static(body);
        let row =
            StoredMessage { msgid: MsgId(msgid), device_id: PHONE, command, body: body.clone() };
        let (seq, version) = (Seq(0), Version(0));
        assert_eq!(pages.row(row), Some(Frame { seq, command, version, flags: Flags::NONE, body }));
    }
}

#[test]
fn debug_shows_no_content_of_a_row() {
    let row = StoredMessage {
        msgid: MsgId(6),
        device_id: PHONE,
        command: Command::CUSTOMER,
        body: Bytes::from_static(b"secret"),
    };
    let shown = "StoredMessage { msgid: MsgId(6), device_id: DeviceId(3), command: Command(24), body_len: 6 }";
    assert_eq!(format!("{row:?}"), shown);
}

pub(crate) fn pages(who: Account, device: DeviceId) -> SyncPages {
    request(who, device, 0).begin(MsgId(0)).1
}

fn request(who: Account, device: DeviceId, key: i64) -> SyncRequest {
    let mut read = BytesMut::from(&frame(1, Body::Sync(MsgId(key)))[..]);
    let mut online = online_as(Identity::new(who, device).unwrap());
    match online.receive(&mut read, now()) {
        Ok(Some(Request::Sync(request))) => request,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn row(msgid: i64, device_id: DeviceId, body: &Body) -> StoredMessage {
    let message =
        Message { seq: Seq(0), version: Version(0), flags: Flags::NONE, body: body.clone() };
    let mut body = BytesMut::new();
    message.encode_body(&mut body).unwrap();
    let (msgid, command) = (MsgId(msgid), message.command());
    StoredMessage { msgid, device_id, command, body: body.freeze() }
}

/// Seller 2 to customer 7/1.
fn from_seller() -> Body {
    match chat(Flags::NONE).body {
        Body::Customer(message) => Body::CustomerSupport(message),
        other => panic!("{other:?}"),
    }
}
