//! A queue with messages of both versions, read in each dialect (D4).

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, AppId, Body, Command, DecodeError, DeviceId, Dialect, Encode, EncodeError, Flags,
    FrameLimit, Message, MsgId, Online, Request, StoreId, StoredMessage, SyncBounds, SyncRequest,
    SyncRow, UnixTime, UserId,
};

use super::super::connection::client::{chat, frame};
use super::dialects::{online, read};
use super::told::{CUSTOMER, SELLER, from_to};

const HERE: DeviceId = DeviceId(3);
const ELSEWHERE: DeviceId = DeviceId(4);

/// D4.1, D4.2, D4.3, D4.4, D4.5, S2.2, S6.1.
#[test]
fn d4_1_to_d4_5_one_queue_in_each_dialect() {
    let version1 = || chat(Flags::NONE).body;
    let from_seller = || from_to(SELLER, CUSTOMER, Flags::NONE).body;
    let from_customer = || from_to(CUSTOMER, SELLER, Flags::NONE).body;
    let rows = [
        row(10, HERE, &version1()),
        row(20, ELSEWHERE, &version1()),
        row(30, HERE, &from_customer()),
        row(40, ELSEWHERE, &from_customer()),
        row(50, HERE, &from_seller()),
    ];
    let (plain, own) = (Flags::NONE, Flags::SELF);
    for (dialect, begin, expected) in [
        (Dialect::V1, 5, &[(24, plain), (24, plain), (25, plain)][..]),
        (Dialect::V2, 50, &[(64, own), (64, plain), (64, own), (64, plain), (64, plain)]),
        (Dialect::AsSent, 5, &[(24, plain), (64, own), (64, plain), (64, plain)]),
    ] {
        let frames = answer(dialect, 5, &rows, None);
        let [(_, Body::SyncBegin(first)), rows @ .., (_, Body::SyncEnd(last))] = &frames[..] else {
            panic!("{frames:?}")
        };
        assert_eq!((*first, *last), (MsgId(begin), MsgId(50)), "{dialect:?}");
        let rows: Vec<_> = rows.iter().map(|(flags, body)| (body.command().0, *flags)).collect();
        assert_eq!(rows, expected, "{dialect:?}");
    }
}

/// D4.7: nobody knows what they are.
#[test]
fn d4_7_rows_of_other_commands_go_out_as_they_are() {
    for dialect in [Dialect::V1, Dialect::V2, Dialect::AsSent] {
        let (mut online, request) = asked(dialect, 0);
        let mut out = BytesMut::new();
        let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        let mut row = stored(7, HERE, Command(99), b"?");
        let came = online.sync_row(&mut answer, row.clone(), &mut out);
        assert_eq!(came, Ok(SyncRow::Taken));
        // A METADATA belongs to a message, not to a row (D3.5).
        row = stored(8, HERE, Command::METADATA, &[0; 32]);
        assert_eq!(online.sync_row(&mut answer, row, &mut out), Ok(SyncRow::LeftOut));
        online.finish_sync(answer, &mut out).unwrap();
        assert_eq!(out[20..33], *b"\0\0\0\x01\0\0\0\x03\x63\x02\0\0?", "{dialect:?}");
        assert_eq!(out.len(), 20 + 13 + 20);
        assert_eq!(out[52], 8, "both count for the end");
    }
}

/// S2.2: as sent, SYNC_BEGIN comes with the first row. Without room for it, it is still to come.
#[test]
fn s2_2_a_begin_that_could_not_be_written_comes_with_the_row_that_is_given_again() {
    let (mut online, request) = asked(Dialect::AsSent, 5);
    let mut out = BytesMut::new();
    let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
    let row = stored(7, HERE, Command(99), b"?");
    let no_room = EncodeError::BufferTooSmall { needed: 20, available: 19 };
    let came = online.sync_row(&mut answer, row.clone(), &mut &mut [0; 19][..]);
    assert_eq!((came, answer.after()), (Err(no_room), Some(MsgId(5))));
    assert_eq!(online.sync_row(&mut answer, row, &mut out), Ok(SyncRow::Taken));
    assert_eq!(out[..20], *b"\0\0\0\x08\0\0\0\x02\x1b\x02\0\0\0\0\0\0\0\0\0\x05");
    assert_eq!(out[20..], *b"\0\0\0\x01\0\0\0\x03\x63\x02\0\0?");
}

/// D4.8, S2.7.
#[test]
fn d4_8_a_row_that_nobody_could_read_is_left_out_and_reported() {
    for dialect in [Dialect::V1, Dialect::V2, Dialect::AsSent] {
        for command in [Command::CUSTOMER, Command::CUSTOMER_SUPPORT, Command::CUSTOMER_V2] {
            let (mut online, request) = asked(dialect, 0);
            let mut out = BytesMut::new();
            let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
            let short = stored(7, HERE, command, &[0; 35]);
            let error = DecodeError::TooShort { command, needed: 36, actual: 35 };
            let came = online.sync_row(&mut answer, short, &mut out);
            assert_eq!(came, Ok(SyncRow::Unreadable(error)));
            online.finish_sync(answer, &mut out).unwrap();
            let frames = read(&mut out);
            let [(_, Body::SyncBegin(_)), (_, Body::SyncEnd(MsgId(7)))] = &frames[..] else {
                panic!("{frames:?}")
            };
        }
    }
}

/// D4.9, S2.7, S12.2: it counts as a row, and not as bytes.
#[test]
fn d4_9_a_row_that_is_too_long_for_the_connection_is_left_out_and_reported() {
    for dialect in [Dialect::V1, Dialect::V2, Dialect::AsSent] {
        let (mut online, request) = asked(dialect, 0);
        online.set_sync_bounds(SyncBounds { rows: 2, bytes: 40_000 });
        let mut out = BytesMut::new();
        let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        let long = |msgid| stored(msgid, HERE, Command::CUSTOMER, &vec![0; 32_768]);
        let too_long = SyncRow::TooLong { length: 32_768, limit: FrameLimit::CLIENT };
        assert_eq!(online.sync_row(&mut answer, long(7), &mut out), Ok(too_long));
        assert_eq!(answer.room(), SyncBounds { rows: 1, bytes: 40_000 });
        let behind = row(8, ELSEWHERE, &chat(Flags::NONE).body);
        assert_eq!(online.sync_row(&mut answer, behind, &mut out), Ok(SyncRow::Taken));
        assert_eq!(online.sync_row(&mut answer, long(9), &mut out), Ok(SyncRow::Full));
        online.finish_sync(answer, &mut out).unwrap();
        let frames = read(&mut out);
        let [
            (_, Body::SyncBegin(_)),
            (_, message),
            (_, Body::SyncEnd(MsgId(8))),
            (_, Body::SyncNotify(MsgId(9))),
        ] = &frames[..]
        else {
            panic!("{frames:?}")
        };
        assert!([24, 64].contains(&message.command().0));
    }
}

/// D4.6, S2.4: a client that knows ids from before a restore comes back; not in version 1, and not
/// to an empty queue.
#[test]
fn d4_6_a_key_beyond_the_end_is_answered_with_the_newest() {
    for (dialect, newest, key) in [
        (Dialect::V2, 300, 300),
        (Dialect::AsSent, 300, 300),
        (Dialect::V1, 300, 500),
        (Dialect::V2, 0, 500),
        (Dialect::V2, 500, 500),
        // It has come since the queue was read, and is yet to be sent.
        (Dialect::V2, 501, 500),
        (Dialect::AsSent, 501, 500),
    ] {
        let frames = answer(dialect, 500, &[], Some(MsgId(newest)));
        let keys = [Body::SyncBegin(MsgId(key)), Body::SyncEnd(MsgId(key))];
        assert_eq!(frames, keys.map(|body| (Flags::NONE, body)), "{dialect:?} {newest}");
    }
    // With rows there is no need to ask.
    let rows = [row(600, ELSEWHERE, &chat(Flags::NONE).body)];
    for dialect in [Dialect::V1, Dialect::V2, Dialect::AsSent] {
        let (mut online, request) = asked(dialect, 500);
        let mut out = BytesMut::new();
        let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        assert_eq!(answer.wants_newest(), dialect != Dialect::V1);
        online.sync_row(&mut answer, rows[0].clone(), &mut out).unwrap();
        assert!(!answer.wants_newest());
        answer.set_newest(MsgId(300));
        assert_eq!(answer.after(), Some(MsgId(600)));
    }
    let (mut online, request) = asked(Dialect::V2, 0);
    let answer = online.begin_sync(request, MsgId(0), &mut BytesMut::new()).unwrap();
    assert!(!answer.wants_newest(), "nothing is before 0");
}

/// S8.1: in V2 the whole answer is written at its end, as far as there is room.
#[test]
fn d4_5_each_part_of_an_answer_needs_room() {
    // SYNC_BEGIN, a row of 38 bytes, SYNC_END, and SYNC_NOTIFY, since the queue goes on.
    for (room, needed) in [(19, 20), (69, 50), (89, 20), (109, 20), (110, 20)] {
        let (mut online, request) = asked(Dialect::V2, 0);
        online.set_sync_bounds(SyncBounds { rows: 1, ..SyncBounds::default() });
        let mut out = vec![0; room];
        let mut out = &mut out[..];
        let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        for msgid in 1..=2 {
            let row = row(msgid, ELSEWHERE, &from_to(SELLER, CUSTOMER, Flags::NONE).body);
            online.sync_row(&mut answer, row, &mut out).unwrap();
        }
        let available = needed - 1;
        let full = EncodeError::BufferTooSmall { needed, available };
        let expected = if room < 110 { Err(full) } else { Ok(()) };
        assert_eq!(online.finish_sync(answer, &mut out), expected, "{room}");
    }
}

/// S8.1: as sent, SYNC_BEGIN is written with the first row, and needs room as well.
#[test]
fn d4_6_as_sent_each_part_of_an_answer_needs_room() {
    let (mut online, request) = asked(Dialect::AsSent, 0);
    let mut out = [0; 20 + 50];
    let mut answer = online.begin_sync(request, MsgId(0), &mut &mut out[..0]).unwrap();
    let one = || row(1, ELSEWHERE, &from_to(SELLER, CUSTOMER, Flags::NONE).body);
    let mut take = |row, room: &mut [u8]| online.sync_row(&mut answer, row, &mut &mut *room);
    for (room, needed, available) in [(19, 20, 19), (69, 50, 49)] {
        let full = EncodeError::BufferTooSmall { needed, available };
        assert_eq!(take(one(), &mut out[..room]), Err(full));
    }
    // SYNC_BEGIN has found room by now, and is not written again.
    assert_eq!(take(one(), &mut out[..50]), Ok(SyncRow::Taken));
    assert_eq!(take(one(), &mut []), Ok(SyncRow::LeftOut));
    let metadata = stored(2, ELSEWHERE, Command::METADATA, &[0; 32]);
    assert_eq!(take(metadata, &mut []), Ok(SyncRow::LeftOut));
}

/// D1.7: what is sent meanwhile changes the dialect of what follows the answer.
#[test]
fn d1_7_an_answer_ends_in_the_dialect_in_which_it_began() {
    let rows = [row(10, ELSEWHERE, &chat(Flags::NONE).body), {
        row(20, ELSEWHERE, &from_to(SELLER, CUSTOMER, Flags::NONE).body)
    }];
    let (mut online, request) = asked(Dialect::V1, 0);
    let mut out = BytesMut::new();
    let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
    for row in rows {
        let mut read = BytesMut::new();
        from_to(CUSTOMER, SELLER, Flags::NONE).encode(&mut read).unwrap();
        online.receive(&mut read, UnixTime::from(1)).unwrap();
        assert_eq!(online.dialect(), Dialect::V2);
        online.sync_row(&mut answer, row, &mut out).unwrap();
    }
    online.finish_sync(answer, &mut out).unwrap();
    let commands: Vec<_> = read(&mut out).iter().map(|(_, body)| body.command().0).collect();
    assert_eq!(commands, [27, 24, 25, 28]);
}

/// D2.4.
#[test]
fn d2_4_the_host_may_give_the_store_of_a_row() {
    let (mut online, request) = asked(Dialect::V1, 0);
    let mut out = BytesMut::new();
    let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
    let from_seller = from_to(SELLER, CUSTOMER, Flags::NONE).body;
    online.sync_row(&mut answer, row(1, ELSEWHERE, &from_seller), &mut out).unwrap();
    answer.set_store(StoreId(9));
    online.sync_row(&mut answer, row(2, ELSEWHERE, &from_seller), &mut out).unwrap();
    // A message of version 1 has its own.
    online.sync_row(&mut answer, row(3, ELSEWHERE, &chat(Flags::NONE).body), &mut out).unwrap();
    online.finish_sync(answer, &mut out).unwrap();
    let stores: Vec<_> = read(&mut out)
        .into_iter()
        .filter_map(|(_, body)| match body {
            Body::Customer(message) | Body::CustomerSupport(message) => Some(message.store_id.0),
            _ => None,
        })
        .collect();
    assert_eq!(stores, [0, 9, 1]);
}

/// D4.3: both the account and the device have to be the session's.
#[test]
fn d4_3_self_is_what_this_device_of_this_account_has_sent() {
    let others = [
        Account::new(AppId(7), UserId(2)),
        Account::new(AppId(8), UserId(1)),
        Account::new(AppId(1453), UserId(1)),
    ];
    for sender in others {
        let body = from_to(sender, SELLER, Flags::NONE).body;
        for dialect in [Dialect::V2, Dialect::AsSent] {
            let frames = answer(dialect, 0, &[row(1, HERE, &body)], None);
            assert_eq!(frames[1].0, Flags::NONE, "{sender}");
        }
    }
}

fn answer(
    dialect: Dialect,
    after: i64,
    rows: &[StoredMessage],
    newest: Option<MsgId>,
) -> Vec<(Flags, Body)> {
    let (mut online, request) = asked(dialect, after);
    let mut out = BytesMut::new();
    let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
    for row in rows {
        online.sync_row(&mut answer, row.clone(), &mut out).unwrap();
    }
    if let Some(newest) = newest {
        answer.set_newest(newest);
    }
    online.finish_sync(answer, &mut out).unwrap();
    read(&mut out)
}

/// A connection of the customer in version 2, and its SYNC.
fn asked(dialect: Dialect, after: i64) -> (Online, SyncRequest) {
    let mut online = online(CUSTOMER, 2, dialect);
    let mut read = BytesMut::from(&frame(2, Body::Sync(MsgId(after)))[..]);
    match online.receive(&mut read, UnixTime::from(1)) {
        Ok(Some(Request::Sync(request))) => (online, request),
        other => panic!("{other:?}"),
    }
}

fn row(msgid: i64, device_id: DeviceId, body: &Body) -> StoredMessage {
    let message = Message::from(body.clone());
    let mut bytes = Vec::new();
    message.encode_body(&mut bytes).unwrap();
    stored(msgid, device_id, message.command(), &bytes)
}

fn stored(msgid: i64, device_id: DeviceId, command: Command, body: &[u8]) -> StoredMessage {
    let body = Bytes::copy_from_slice(body);
    StoredMessage { msgid: MsgId(msgid), device_id, command, body }
}
