//! S2, row by row: what a device gets of its user's queue, and what is left out.

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, AppId, Body, Command, DecodeError, DeviceId, Encode, EncodeError, Flags, Frame,
    FrameDecoder, FrameLimit, Identity, Message, MsgId, Online, Parsed, Request, StoredMessage,
    SyncAnswer, SyncRequest, SyncRow, UserId,
};

use super::client::{chat, frame, now, online_as};

const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
const SELLER: Account = Account::new(AppId(1453), UserId(2));
pub(crate) const PHONE: DeviceId = DeviceId(3);

#[test]
fn s2_a_request_names_the_queue_and_whether_the_kept_key_matters() {
    let kept = request(CUSTOMER, PHONE, 0);
    assert_eq!((kept.queue(), kept.wants_kept_key()), (CUSTOMER, true));
    let (begin, answer) = begun(kept, 4);
    assert_eq!((begin, answer.after()), (Body::SyncBegin(MsgId(4)), Some(MsgId(4))));
    let asked = request(SELLER, PHONE, 5);
    assert_eq!((asked.queue(), asked.wants_kept_key()), (SELLER, false));
    let (begin, answer) = begun(asked, 4);
    assert_eq!((begin, answer.after()), (Body::SyncBegin(MsgId(5)), Some(MsgId(5))));
    assert_eq!(answer.queue(), SELLER);
}

/// The app and the user have to be the sender's, both.
#[test]
fn s2_rows_of_namesakes_are_not_ones_own() {
    let (from_customer, from_seller) = (chat(Flags::NONE).body, from_seller());
    for (appid, uid) in [(7, 2), (7, 3), (8, 1), (1453, 1), (1453, 3), (8, 2)] {
        let mut sync = Sync::begin(Account::new(AppId(appid), UserId(uid)), PHONE);
        assert!(sync.row(row(1, PHONE, &from_customer)).is_some(), "{appid}/{uid}");
        assert!(sync.row(row(2, PHONE, &from_seller)).is_some(), "{appid}/{uid}");
    }
}

/// Rows that are no chat messages have no sender: they go out as they are.
#[test]
fn s2_rows_that_are_no_chat_messages_go_out_as_they_are() {
    let mut sync = Sync::begin(CUSTOMER, PHONE);
    let rows = [(Command(99), &b"?"[..]), (Command::ACK, b"\0\0\0\x09")];
    for ((command, body), msgid) in rows.into_iter().zip(1..) {
        let row = stored(msgid, command, body);
        let Frame { body, flags, .. } = sync.row(row.clone()).unwrap();
        assert_eq!((body, flags), (row.body, Flags::NONE));
    }
}

/// A host may look into what it has stored; numbers and flags are not stored.
#[test]
fn the_message_in_a_row_can_be_read() {
    let chat = chat(Flags::NONE).body;
    let message = Message::from(chat.clone());
    assert_eq!(row(1, PHONE, &chat).parse(), Ok(Parsed::Message(message)));
    let unlisted = stored(2, Command(99), b"?").parse();
    let frame = Frame::new(Command(99), Bytes::from_static(b"?"));
    assert_eq!(unlisted, Ok(Parsed::Unlisted(frame)));
    let command = Command::CUSTOMER;
    let too_short = DecodeError::TooShort { command, needed: 36, actual: 5 };
    assert_eq!(stored(3, command, b"short").parse(), Err(too_short));
}

/// S2.3: a row that could not be written has not had its turn.
#[test]
fn s2_a_row_that_could_not_be_written_may_be_given_again() {
    let Sync { mut online, mut answer, .. } = Sync::begin(CUSTOMER, PHONE);
    let row = row(7, DeviceId(4), &Body::Ping);
    let no_room = EncodeError::BufferTooSmall { needed: 12, available: 11 };
    let came = online.sync_row(&mut answer, row.clone(), &mut &mut [0; 11][..]);
    assert_eq!((came, answer.after()), (Err(no_room), Some(MsgId(0))));
    let mut out = BytesMut::new();
    let came = online.sync_row(&mut answer, row, &mut out);
    assert_eq!((came, answer.after()), (Ok(SyncRow::Taken), Some(MsgId(7))));
    // W7.1: the failure used no number: AUTH_STATUS was 1, SYNC_BEGIN 2.
    assert_eq!(&out[..], b"\0\0\0\0\0\0\0\x03\x0d\x01\0\0");
}

#[test]
fn s2_both_ends_of_an_answer_need_room() {
    let no_room = EncodeError::BufferTooSmall { needed: 20, available: 19 };
    let begin = |mut room: &mut [u8]| {
        let mut online = online_as(Identity::new(CUSTOMER, PHONE).unwrap());
        online.begin_sync(request(CUSTOMER, PHONE, 0), MsgId(0), &mut room)
    };
    assert_eq!(begin(&mut [0; 19]).unwrap_err(), no_room);
    assert!(begin(&mut [0; 20]).is_ok());
    let finish = |mut room: &mut [u8]| {
        let Sync { mut online, answer, .. } = Sync::begin(CUSTOMER, PHONE);
        online.finish_sync(answer, &mut room)
    };
    assert_eq!(finish(&mut [0; 19]), Err(no_room));
    assert_eq!(finish(&mut [0; 20]), Ok(()));
}

/// D4.9, W2.4: no room helps a row that is longer than the connection's frames; the one behind it is
/// reached.
#[test]
fn d4_9_a_row_that_is_too_long_is_left_behind() {
    let Sync { mut online, mut answer, .. } = Sync::begin(CUSTOMER, PHONE);
    let long = |msgid, length| {
        let body = Bytes::from(vec![b' '; length]);
        StoredMessage { body, ..row(msgid, DeviceId(4), &Body::Ping) }
    };
    let too_long = SyncRow::TooLong { length: 32_768, limit: FrameLimit::CLIENT };
    let mut out = BytesMut::new();
    assert_eq!(online.sync_row(&mut answer, long(7, 32_768), &mut out), Ok(too_long));
    assert_eq!((answer.after(), out.len()), (Some(MsgId(7)), 0));
    assert_eq!(online.sync_row(&mut answer, long(8, 32_767), &mut out), Ok(SyncRow::Taken));
    assert_eq!((answer.after(), out.len()), (Some(MsgId(8)), 12 + 32_767));
}

#[test]
fn debug_shows_no_content_of_a_row() {
    let row = StoredMessage {
        msgid: MsgId(6),
        device_id: PHONE,
        command: Command::CUSTOMER,
        body: Bytes::from_static(b"secret"),
    };
    let fields = "msgid: MsgId(6), device_id: DeviceId(3), command: Command(24), body_len: 6";
    assert_eq!(format!("{row:?}"), format!("StoredMessage {{ {fields} }}"));
}

/// An answer to a SYNC, and what it writes.
pub(crate) struct Sync {
    online: Online,
    answer: SyncAnswer,
    out: BytesMut,
}

impl Sync {
    pub(crate) fn begin(who: Account, device: DeviceId) -> Self {
        let mut online = online_as(Identity::new(who, device).unwrap());
        let mut out = BytesMut::new();
        let answer = online.begin_sync(request(who, device, 0), MsgId(0), &mut out).unwrap();
        assert_eq!(only_frame(&mut out).unwrap().command, Command::SYNC_BEGIN);
        Self { online, answer, out }
    }

    /// The frame that a row became, unless it was left out.
    pub(crate) fn row(&mut self, row: StoredMessage) -> Option<Frame> {
        let came = self.online.sync_row(&mut self.answer, row, &mut self.out).unwrap();
        let written = only_frame(&mut self.out);
        let left_out = matches!(came, SyncRow::LeftOut | SyncRow::Unreadable(_));
        assert_eq!((came == SyncRow::Taken, left_out), (written.is_some(), written.is_none()));
        written
    }

    pub(crate) fn after(&self) -> Option<MsgId> {
        self.answer.after()
    }

    pub(crate) fn finish(mut self) -> Body {
        self.online.finish_sync(self.answer, &mut self.out).unwrap();
        body(only_frame(&mut self.out).unwrap())
    }
}

/// What SYNC_BEGIN says, and the answer that it begins.
fn begun(request: SyncRequest, kept: i64) -> (Body, SyncAnswer) {
    let mut online = online_as(Identity::new(request.queue(), PHONE).unwrap());
    let mut out = BytesMut::new();
    let answer = online.begin_sync(request, MsgId(kept), &mut out).unwrap();
    (body(only_frame(&mut out).unwrap()), answer)
}

fn only_frame(out: &mut BytesMut) -> Option<Frame> {
    let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(out).unwrap();
    assert!(out.is_empty());
    frame
}

fn body(frame: Frame) -> Body {
    let Parsed::Message(message) = frame.parse().unwrap() else { panic!("unlisted") };
    message.body
}

fn stored(msgid: i64, command: Command, body: &'static [u8]) -> StoredMessage {
    let body = Bytes::from_static(body);
    StoredMessage { msgid: MsgId(msgid), device_id: PHONE, command, body }
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
    let message = Message::from(body.clone());
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
