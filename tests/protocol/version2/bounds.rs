//! How much one SYNC is answered, and how the client gets the rest (S12, S2.9, S10.4).

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    AckStatus, Body, Command, DeviceId, Dialect, Flags, Frame, MsgId, Online, Outbound, Request,
    StoredMessage, SyncAnswer, SyncBounds, SyncRow, UnixTime,
};

use super::super::connection::client::{chat, frame, frame_of, log_in, received, sync_keys};
use super::super::connection::{client, memory};
use super::dialects::{online, read};
use super::told::{CUSTOMER, SELLER, from_to};

const DIALECTS: [Dialect; 3] = [Dialect::V1, Dialect::V2, Dialect::AsSent];

/// S12.1, S12.2: rows, those that are left out among them.
#[test]
fn s12_1_s12_2_an_answer_has_as_many_rows_as_the_bounds_say() {
    for dialect in DIALECTS {
        for (bound, taken) in [(0, 1), (1, 1), (2, 2), (3, 3)] {
            for left_out in [false, true] {
                let bounds = SyncBounds { rows: bound, bytes: usize::MAX };
                let (_, answer, came) = begun(dialect, bounds, |msgid| {
                    // In version 1 this device's own are left out.
                    let device_id = if left_out { DeviceId(3) } else { DeviceId(4) };
                    StoredMessage { device_id, ..row(msgid, 0) }
                });
                let full = came.iter().position(|came| *came == SyncRow::Full);
                assert_eq!(full, Some(taken), "{dialect:?} {bound}");
                assert_eq!(answer.after(), None);
            }
        }
    }
}

/// S12.1: bytes of frames, and the message that goes over is the last.
#[test]
fn s12_1_an_answer_has_as_many_bytes_as_the_bounds_say_and_one_message() {
    // A frame of 100 bytes each.
    for (bytes, taken) in [(0, 1), (1, 1), (100, 1), (101, 2), (200, 2), (201, 3)] {
        for dialect in DIALECTS {
            let bounds = SyncBounds { rows: usize::MAX, bytes };
            let (_, _, came) = begun(dialect, bounds, |msgid| row(msgid, 100 - 12 - 36));
            let full = came.iter().position(|came| *came == SyncRow::Full);
            assert_eq!(full, Some(taken), "{dialect:?} {bytes}");
        }
    }
    assert_eq!(SyncBounds::default(), SyncBounds { rows: 1000, bytes: 262_144 });
}

/// S12.1: how much of the queue is worth reading.
#[test]
fn s12_1_an_answer_tells_what_is_missing_until_it_is_full() {
    for dialect in DIALECTS {
        let mut online = online(CUSTOMER, 2, dialect);
        for (bounds, rooms) in [
            ((3, 150), [(3, 150), (2, 50), (1, 0), (1, 0)]),
            ((2, 1000), [(2, 1000), (1, 900), (0, 800), (0, 800)]),
            ((0, 0), [(1, 1), (0, 0), (0, 0), (0, 0)]),
        ] {
            online.set_sync_bounds(SyncBounds { rows: bounds.0, bytes: bounds.1 });
            let request = asks(&mut online, 1);
            let mut out = BytesMut::new();
            let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
            for (msgid, room) in (2..).zip(rooms) {
                let SyncBounds { rows, bytes } = answer.room();
                assert_eq!((rows, bytes), room, "{dialect:?} {bounds:?} {msgid}");
                online.sync_row(&mut answer, row(msgid, 100 - 12 - 36), &mut out).unwrap();
            }
            online.finish_sync(answer, &mut out).unwrap();
        }
    }
}

/// S12.6, S13.2: the oldest clients ask at every notify, and would get the answer once more.
#[test]
fn s12_6_a_notify_waits_for_the_end_of_the_answer() {
    for dialect in DIALECTS {
        let mut online = online(CUSTOMER, 2, dialect);
        let mut out = BytesMut::new();
        let request = asks(&mut online, 0);
        let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        for msgid in [8, 9, 7] {
            online.write(&Outbound::SyncNotify(MsgId(msgid)), &mut out).unwrap();
            // Whatever a host makes it of.
            let short = Frame::new(Command::SYNC_NOTIFY, Bytes::from_static(&[0xff; 7]));
            online.write(&short, &mut out).unwrap();
            online.sync_row(&mut answer, row(msgid - 6, 0), &mut out).unwrap();
        }
        online.finish_sync(answer, &mut out).unwrap();
        let frames = read(&mut out);
        let notifies = frames.iter().filter(|(_, body)| body.command() == Command::SYNC_NOTIFY);
        assert_eq!(notifies.count(), 1, "{dialect:?}");
        let [.., (_, Body::SyncEnd(MsgId(3))), (_, Body::SyncNotify(MsgId(9)))] = frames[..] else {
            panic!("{dialect:?} {frames:?}")
        };
        // The next goes out at once again.
        online.write(&Outbound::SyncNotify(MsgId(10)), &mut out).unwrap();
        assert_eq!(read(&mut out), [(Flags::NONE, Body::SyncNotify(MsgId(10)))]);
        // None waits for the end of the next answer.
        let request = asks(&mut online, 0);
        let answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        online.finish_sync(answer, &mut out).unwrap();
        assert!(matches!(read(&mut out)[..], [_, (_, Body::SyncEnd(_))]));
    }
}

/// S12.6, S12.4: a client that asks on needs no other notify, unless it may be beyond the end.
#[test]
fn s12_6_a_notify_that_waits_gives_way_to_that_of_the_rest() {
    for (copies, dialect) in [
        (false, Dialect::V1),
        (false, Dialect::V2),
        (false, Dialect::AsSent),
        (true, Dialect::V1),
        (true, Dialect::V2),
        (true, Dialect::AsSent),
    ] {
        let bounds = SyncBounds { rows: 2, ..SyncBounds::default() };
        let (mut online, answer, _) = begun(dialect, bounds, |msgid| row(msgid, 0));
        let mut out = BytesMut::new();
        if copies {
            online.write(&super::told::live_copy(b"hi"), &mut out).unwrap();
        }
        online.write(&Outbound::SyncNotify(MsgId(9)), &mut out).unwrap();
        online.finish_sync(answer, &mut out).unwrap();
        let frames = read(&mut out);
        let end = frames.iter().position(|(_, body)| *body == Body::SyncEnd(MsgId(2))).unwrap();
        let mut expected = vec![(Flags::NONE, Body::SyncNotify(MsgId(3)))];
        // Version 1 gets no live copies.
        if copies && dialect != Dialect::V1 {
            expected.push((Flags::NONE, Body::SyncNotify(MsgId(9))));
        }
        assert_eq!(frames[end + 1..], expected, "{dialect:?}, copies: {copies}");
    }
}

/// S8.1: it needs room as well.
#[test]
fn s12_6_a_notify_that_waits_needs_room() {
    for (room, is_written) in [(59, false), (60, true)] {
        let mut online = online(CUSTOMER, 2, Dialect::V1);
        let mut out = vec![0; room];
        let mut out = &mut out[..];
        let request = asks(&mut online, 0);
        let answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        online.write(&Outbound::SyncNotify(MsgId(9)), &mut out).unwrap();
        assert_eq!(online.finish_sync(answer, &mut out).is_ok(), is_written);
    }
}

/// S11.2: PONGs, ACKs, live copies and unpersistent messages come between the rows.
#[test]
fn s11_2_everything_else_may_come_while_an_answer_is_under_way() {
    for (dialect, begins) in [
        (Dialect::V1, [true; 3]),
        (Dialect::AsSent, [false, true, true]),
        (Dialect::V2, [false; 3]),
    ] {
        let mut online = online(CUSTOMER, 2, dialect);
        let mut out = BytesMut::new();
        let request = asks(&mut online, 0);
        let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        for (begun, msgid) in begins.into_iter().zip(1..) {
            assert_eq!(answer.has_begun(), begun, "{dialect:?} {msgid}");
            online.write(&kefu_proto::Message::from(Body::Pong), &mut out).unwrap();
            online.write(&super::told::live_copy(b"hi"), &mut out).unwrap();
            online.write(&super::told::live_ack(), &mut out).unwrap();
            online.write(&chat(Flags::UNPERSISTENT), &mut out).unwrap();
            online.sync_row(&mut answer, row(msgid, 0), &mut out).unwrap();
        }
        online.finish_sync(answer, &mut out).unwrap();
        let commands = read(&mut out).into_iter().map(|(_, body)| body.command().0);
        let expected: &[u8] = match dialect {
            Dialect::V1 => &[27, 14, 5, 24, 24, 14, 5, 24, 24, 14, 5, 24, 24, 28],
            Dialect::AsSent => &[
                14, 37, 64, 37, 5, 24, 27, 24, 14, 37, 64, 37, 5, 24, 24, 14, 37, 64, 37, 5, 24,
                24, 28,
            ],
            Dialect::V2 => &[
                14, 37, 64, 37, 5, 64, 14, 37, 64, 37, 5, 64, 14, 37, 64, 37, 5, 64, 27, 64, 64,
                64, 28,
            ],
        };
        assert_eq!(commands.collect::<Vec<_>>(), expected, "{dialect:?}");
    }
}

/// S12.3, S12.4.
#[test]
fn s12_3_s12_4_the_client_is_told_to_ask_again_once() {
    for dialect in DIALECTS {
        let bounds = SyncBounds { rows: 2, ..SyncBounds::default() };
        let (mut online, answer, _) = begun(dialect, bounds, |msgid| row(msgid, 0));
        let mut out = BytesMut::new();
        online.finish_sync(answer, &mut out).unwrap();
        let frames = read(&mut out);
        let [.., (_, Body::SyncEnd(MsgId(2))), (_, Body::SyncNotify(MsgId(3)))] = frames[..] else {
            panic!("{dialect:?} {frames:?}")
        };
        // Mail that comes now is part of what it will ask for. Other messages are not held back.
        online.write(&Outbound::SyncNotify(MsgId(9)), &mut out).unwrap();
        online.write(&kefu_proto::Message::from(Body::SyncNotify(MsgId(9))), &mut out).unwrap();
        assert_eq!(out.len(), 0);
        online.write(&kefu_proto::Message::from(Body::Pong), &mut out).unwrap();
        assert_eq!(read(&mut out), [(Flags::NONE, Body::Pong)]);
        // Asking again ends it, at the beginning of the answer.
        let request = asks(&mut online, 2);
        let answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
        online.write(&Outbound::SyncNotify(MsgId(9)), &mut out).unwrap();
        online.finish_sync(answer, &mut out).unwrap();
        let notified = read(&mut out).contains(&(Flags::NONE, Body::SyncNotify(MsgId(9))));
        assert!(notified, "{dialect:?}");
    }
}

/// S12.4: by live copies a client may come beyond the answer, and does not ask again. It must hear
/// of what comes later.
#[test]
fn s12_4_nothing_is_held_back_from_a_client_that_may_be_beyond_the_answer() {
    for (copies, held_back) in [(false, true), (true, false)] {
        for dialect in DIALECTS {
            let bounds = SyncBounds { rows: 2, ..SyncBounds::default() };
            let (mut online, answer, _) = begun(dialect, bounds, |msgid| row(msgid, 0));
            let mut out = BytesMut::new();
            if copies {
                online.write(&super::told::live_copy(b"hi"), &mut out).unwrap();
            }
            online.finish_sync(answer, &mut out).unwrap();
            out.clear();
            online.write(&Outbound::SyncNotify(MsgId(9)), &mut out).unwrap();
            // Version 1 gets no live copies.
            let expected = held_back || dialect == Dialect::V1;
            assert_eq!(out.is_empty(), expected, "{dialect:?}, copies: {copies}");
            // The next answer begins anew.
            let request = asks(&mut online, 2);
            let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
            for msgid in 3..=5 {
                online.sync_row(&mut answer, row(msgid, 0), &mut out).unwrap();
            }
            online.finish_sync(answer, &mut out).unwrap();
            out.clear();
            online.write(&Outbound::SyncNotify(MsgId(9)), &mut out).unwrap();
            assert!(out.is_empty(), "{dialect:?}");
        }
    }
}

/// A queue that ends with the bound does not go on, and an answer within its bounds says nothing.
#[test]
fn s12_3_nothing_follows_the_end_of_the_queue() {
    for rows in [1, 2] {
        for dialect in DIALECTS {
            let mut online = online(CUSTOMER, 2, dialect);
            online.set_sync_bounds(SyncBounds { rows: 2, ..SyncBounds::default() });
            let mut out = BytesMut::new();
            let request = asks(&mut online, 0);
            let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
            for msgid in 1..=rows {
                online.sync_row(&mut answer, row(msgid, 0), &mut out).unwrap();
                assert_eq!(answer.after(), Some(MsgId(msgid)), "one more row is asked for");
            }
            online.finish_sync(answer, &mut out).unwrap();
            assert!(matches!(read(&mut out)[..], [.., (_, Body::SyncEnd(_))]));
            online.write(&Outbound::SyncNotify(MsgId(9)), &mut out).unwrap();
            assert_eq!(read(&mut out).len(), 1, "and nothing is held back");
        }
    }
}

/// A page that begins too early does not fill an answer, nor make it go on.
#[test]
fn s2_3_rows_that_came_before_do_not_count() {
    let bounds = SyncBounds { rows: 1, ..SyncBounds::default() };
    let mut online = online(CUSTOMER, 2, Dialect::V2);
    online.set_sync_bounds(bounds);
    let mut out = BytesMut::new();
    let request = asks(&mut online, 5);
    let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
    for (msgid, came) in [
        (5, SyncRow::LeftOut),
        (6, SyncRow::Taken),
        (6, SyncRow::LeftOut),
        (5, SyncRow::LeftOut),
        (7, SyncRow::Full),
        (8, SyncRow::Full),
        (6, SyncRow::LeftOut),
    ] {
        assert_eq!(online.sync_row(&mut answer, row(msgid, 0), &mut out), Ok(came));
    }
    assert_eq!(answer.after(), None);
}

/// S12.5, S2.9: a whole queue in pieces, on a server; SYNCs that came together, too.
#[test]
fn s12_5_pieces_join_without_a_gap_or_a_repeat() {
    for (asked, pieces) in [(1, 3), (2, 3), (4, 4)] {
        let mut server = client::server();
        server.bounds = SyncBounds { rows: 2, ..SyncBounds::default() };
        log_in(&mut server, "seller", b"tok-1453-2");
        log_in(&mut server, "customer", b"tok-7-1");
        for seq in 1..=5 {
            server.receive("customer", &frame(seq, chat(Flags::NONE).body));
        }
        received(&mut server, "seller");
        let together = frame(9, Body::Sync(MsgId(0))).repeat(asked);
        server.receive("seller", &together);
        let mut frames = received(&mut server, "seller");
        let mut ends = 0;
        let mut chats = Vec::new();
        while !frames.is_empty() {
            ends += count(&frames, Command::SYNC_END);
            chats.extend(frames.iter().filter(|(_, _, body)| body.command().0 == 24).cloned());
            let next = frames.last().map(|(_, _, body)| body.clone());
            if let Some(Body::SyncNotify(MsgId(next))) = next {
                server.receive("seller", &frame(9, Body::Sync(MsgId(next - 1))));
            }
            frames = received(&mut server, "seller");
        }
        assert_eq!((chats.len(), ends), (5, pieces), "{asked}");
    }
}

/// S10.4: a repeat is told what the first was told, not today's newest.
#[test]
fn s10_4_the_metadata_of_a_repeat_is_that_of_the_first() {
    let mut server = client::server();
    server.store.idempotent = true;
    log_in(&mut server, "seller", b"tok-1453-2");
    log_in(&mut server, "customer", b"tok-7-1");
    let first = || frame_of(&from_to(CUSTOMER, SELLER, Flags::NONE));
    let other = frame(8, Body::Customer(client::text()));
    let told = |server: &mut memory::Server| {
        let frames = received(server, "customer");
        frames.into_iter().find_map(|(_, _, body)| match body {
            Body::Metadata(metadata) => Some(metadata),
            _ => None,
        })
    };
    server.receive("customer", &other);
    received(&mut server, "customer");
    server.receive("customer", &first());
    let metadata = told(&mut server);
    assert!(metadata.is_some_and(|of| of.prev_sync_key == MsgId(192)), "{metadata:?}");
    server.receive("customer", &frame(9, Body::Customer(client::text())));
    received(&mut server, "customer");
    server.receive("customer", &first());
    assert_eq!(told(&mut server), metadata);
}

/// H14.9 on a server whose store does not know: notify and sync alone are enough.
#[test]
fn h14_9_without_a_previous_there_is_no_live_copy() {
    let mut server = client::server();
    server.store.forgetful = true;
    log_in(&mut server, "seller", b"tok-1453-2");
    log_in(&mut server, "customer", b"tok-7-1");
    server.receive("customer", &frame_of(&from_to(CUSTOMER, SELLER, Flags::NONE)));
    let keys = received(&mut server, "seller");
    assert_eq!((keys.len(), sync_keys(keys)), (1, vec![MsgId(32)]));
    let acknowledged = received(&mut server, "customer");
    assert!(matches!(acknowledged[..], [(_, _, Body::Ack(ack))] if ack.status == AckStatus::OK));
}

fn count(frames: &[(i32, u8, Body)], command: Command) -> usize {
    frames.iter().filter(|(_, _, body)| body.command() == command).count()
}

/// An answer that is given rows 1 to 5, and what became of each.
fn begun(
    dialect: Dialect,
    bounds: SyncBounds,
    row: impl Fn(i64) -> StoredMessage,
) -> (Online, SyncAnswer, Vec<SyncRow>) {
    let mut online = online(CUSTOMER, 2, dialect);
    online.set_sync_bounds(bounds);
    let mut out = BytesMut::new();
    let request = asks(&mut online, 0);
    let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
    let came = (1..=5).map(|msgid| online.sync_row(&mut answer, row(msgid), &mut out).unwrap());
    let came = came.collect();
    (online, answer, came)
}

fn asks(online: &mut Online, after: i64) -> kefu_proto::SyncRequest {
    let mut read = BytesMut::from(&frame(2, Body::Sync(MsgId(after)))[..]);
    match online.receive(&mut read, UnixTime::from(1)) {
        Ok(Some(Request::Sync(request))) => request,
        other => panic!("{other:?}"),
    }
}

/// From the customer, by another device, with that much content.
fn row(msgid: i64, content: usize) -> StoredMessage {
    let mut body = vec![0; 36 + content];
    body[7] = 7;
    body[15] = 1;
    StoredMessage {
        msgid: MsgId(msgid),
        device_id: DeviceId(4),
        command: Command::CUSTOMER,
        body: Bytes::from(body),
    }
}
