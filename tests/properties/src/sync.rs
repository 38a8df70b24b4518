//! The answer to a SYNC, one property at a time (S2, S12, D4). `connection.rs` compares whole
//! answers with the document.

use bytes::BytesMut;
use kefu_proto::strategy;
use kefu_proto::{
    Body, Command, Config, DeviceId, Dialect, Encode, FrameLimit, Identity, Login, LoginStep,
    Message, MsgId, Online, Outbound, Request, StoreId, StoredMessage, SyncBounds, SyncRow,
    UnixTime, Version,
};
use proptest::prelude::*;

use crate::codec::bytes;
use crate::reference::{self, Fate};
use crate::script::{Script, answer, dialect, queue};

proptest! {
    /// S12.1–S12.3: who asks again at each notify gets all, each row once, within bounds each time.
    #[test]
    fn s12_a_client_that_asks_on_gets_everything_once(
        (mut script, rows) in reader(),
        page in 1..4_usize,
    ) {
        script.bounds.rows = script.bounds.rows.max(1);
        let (mut online, mut whole) = (script.connect(), script.clone());
        whole.bounds = SyncBounds::default();
        let newest = rows.last().map_or(MsgId(0), |row| row.msgid);
        let mut everything = Vec::new();
        let keys = (MsgId(0), MsgId(0));
        answer(&mut whole.connect(), keys, rows.chunks(page), newest, StoreId(0), &mut everything)?;

        let (mut messages, mut key) = (Vec::new(), MsgId(0));
        loop {
            let behind = rows.iter().filter(|row| row.msgid > key).cloned().collect::<Vec<_>>();
            let mut out = Vec::new();
            let pages = behind.chunks(page);
            let fates = answer(&mut online, (key, MsgId(0)), pages, newest, StoreId(0), &mut out)?;
            let looked = fates.iter().filter(|fate| **fate != Fate::Full).count();
            prop_assert!(looked <= script.bounds.rows);
            let mut frames = reference::frames(&out);
            let notify = frames.pop_if(|frame| frame.command == Command::SYNC_NOTIFY.0);
            let end = frames.pop().unwrap();
            prop_assert_eq!(end.command, Command::SYNC_END.0);
            prop_assert_eq!(frames.remove(0).command, Command::SYNC_BEGIN.0);
            messages.extend(frames);
            key = MsgId(i64::from_be_bytes(end.body[..].try_into().unwrap()));
            let Some(notify) = notify else { break };
            prop_assert_eq!(notify.body, (key.0 + 1).to_be_bytes());
        }
        let mut expected = reference::frames(&everything);
        expected.pop();
        expected.remove(0);
        prop_assert_eq!(messages, expected);
        prop_assert_eq!(key, newest);
    }

    /// S12.4: the client will ask anyway.
    #[test]
    fn s12_no_notify_goes_out_until_the_client_has_asked_on(
        (mut script, rows) in reader(),
        key in strategy::msg_id(),
    ) {
        script.bounds = SyncBounds { rows: 1, bytes: usize::MAX };
        let mut online = script.connect();
        let newest = rows.last().map_or(MsgId(0), |row| row.msgid);
        let keys = (MsgId(0), MsgId(0));
        let mut out = Vec::new();
        answer(&mut online, keys, rows.chunks(2), newest, StoreId(0), &mut out)?;
        let is_behind = rows.len() > 1;
        let mut out = Vec::new();
        online.write(&Outbound::SyncNotify(key), &mut out)?;
        prop_assert_eq!(out.is_empty(), is_behind);
        // Other messages are not held back.
        online.write(&Message::from(Body::Pong), &mut out)?;
        prop_assert!(!out.is_empty());
        // Once it has asked on, it is told again: from the beginning of the answer.
        let request = request(&mut online, MsgId(1))?;
        let answer = online.begin_sync(request, MsgId(0), &mut Vec::new())?;
        let mut out = Vec::new();
        online.write(&Outbound::SyncNotify(key), &mut out)?;
        online.finish_sync(answer, &mut out)?;
        let frames = reference::frames(&out);
        prop_assert!(frames.iter().any(|frame| frame.command == Command::SYNC_NOTIFY.0));
    }

    /// S12.6, S13.2: they wait for the end of an answer, and one comes out for all.
    #[test]
    fn s12_notifies_wait_for_the_end_of_an_answer(
        (script, rows) in reader(),
        keys in prop::collection::vec((0..8_usize, strategy::msg_id()), 0..4),
    ) {
        let answered = |keys: &[(usize, MsgId)]| -> Result<_, TestCaseError> {
            let (mut online, mut out) = (script.connect(), Vec::new());
            let request = request(&mut online, MsgId(0))?;
            let mut answer = online.begin_sync(request, MsgId(0), &mut out)?;
            for index in 0..8 {
                for (_, key) in keys.iter().filter(|(at, _)| *at == index) {
                    online.write(&Outbound::SyncNotify(*key), &mut out)?;
                }
                if let Some(row) = rows.get(index) {
                    online.sync_row(&mut answer, row.clone(), &mut out)?;
                }
            }
            let is_full = answer.after().is_none();
            online.finish_sync(answer, &mut out)?;
            Ok((reference::frames(&out), is_full))
        };
        let (mut expected, is_full) = answered(&[])?;
        let greatest = keys.iter().map(|(_, key)| key.0).max().filter(|_| !is_full);
        expected.extend(greatest.map(|key| reference::Written {
            command: Command::SYNC_NOTIFY.0,
            flags: 0,
            body: key.to_be_bytes().to_vec(),
        }));
        prop_assert_eq!(answered(&keys)?.0, expected);
    }

    /// S2.1, S2.9: a SYNC of 0 begins at the kept key, and behind an answer at its end.
    #[test]
    fn s2_a_sync_of_0_goes_on_where_the_last_one_ended(
        (script, rows) in reader(),
        kept in 0..12_i64,
        again in 0..12_i64,
    ) {
        let mut online = script.connect();
        let first = request(&mut online, MsgId(0))?;
        let mut answer = online.begin_sync(first, MsgId(kept), &mut Vec::new())?;
        prop_assert_eq!(answer.after(), Some(MsgId(kept)));
        for row in rows {
            if online.sync_row(&mut answer, row, &mut Vec::new())? == SyncRow::Full {
                break;
            }
        }
        let mut out = Vec::new();
        online.finish_sync(answer, &mut out)?;
        let frames = reference::frames(&out);
        let end = frames.iter().rfind(|frame| frame.command == Command::SYNC_END.0).unwrap();
        let end = MsgId(i64::from_be_bytes(end.body[..].try_into().unwrap()));
        let second = request(&mut online, MsgId(0))?;
        let answer = online.begin_sync(second, MsgId(again), &mut Vec::new())?;
        prop_assert_eq!(answer.after(), Some(end));
        let third = request(&mut online, MsgId(7))?;
        let answer = online.begin_sync(third, MsgId(again), &mut Vec::new())?;
        prop_assert_eq!(answer.after(), Some(MsgId(7)));
    }

    /// D1.7: what the client says meanwhile is for what comes behind the answer.
    #[test]
    fn d1_an_answer_ends_in_the_dialect_in_which_it_began(
        (script, rows, message) in reader().prop_flat_map(|(script, rows)| {
            let message = strategy::accepted(script.config, script.identity);
            (Just(script), Just(rows), message)
        }),
        says in 0..8_usize,
    ) {
        let answered = |says: Option<usize>| -> Result<(Vec<u8>, Dialect), TestCaseError> {
            let (mut online, mut out) = (script.connect(), Vec::new());
            let request = request(&mut online, MsgId(0))?;
            let mut answer = online.begin_sync(request, MsgId(0), &mut out)?;
            for (index, row) in rows.iter().enumerate() {
                if says == Some(index) {
                    let mut read = BytesMut::from(&bytes(&message)[..]);
                    while online.receive(&mut read, UnixTime::from(1))?.is_some() {}
                }
                online.sync_row(&mut answer, row.clone(), &mut out)?;
            }
            online.finish_sync(answer, &mut out)?;
            Ok((out, online.dialect()))
        };
        let (undisturbed, _) = answered(None)?;
        let (out, dialect) = answered(Some(says))?;
        prop_assert_eq!(out, undisturbed);
        if says < rows.len() {
            let is_v2 = message.command() == Command::CUSTOMER_V2;
            prop_assert_eq!(dialect, if is_v2 { Dialect::V2 } else { Dialect::V1 });
        }
    }

    /// S12.5: each from its own key, and none before the one before it.
    #[test]
    fn s12_syncs_that_came_together_are_answered_one_after_the_other(
        (script, rows) in reader(),
        keys in prop::collection::vec(1..12_i64, 1..4),
    ) {
        let (mut online, mut apart) = (script.connect(), script.connect());
        let mut read = BytesMut::new();
        for &key in &keys {
            read.extend_from_slice(&bytes(&Message::from(Body::Sync(MsgId(key)))));
        }
        let mut requests = Vec::new();
        while let Some(Request::Sync(request)) = online.receive(&mut read, UnixTime::from(1))? {
            requests.push(request);
        }
        prop_assert_eq!(requests.len(), keys.len());
        let (mut together, mut expected) = (Vec::new(), Vec::new());
        for (request, key) in requests.into_iter().zip(keys) {
            let mut reading = online.begin_sync(request, MsgId(0), &mut together)?;
            prop_assert_eq!(reading.after(), Some(MsgId(key)));
            for row in &rows {
                online.sync_row(&mut reading, row.clone(), &mut together)?;
            }
            online.finish_sync(reading, &mut together)?;
            let (keys, pages, newest) = ((MsgId(key), MsgId(0)), rows.chunks(3), MsgId(0));
            answer(&mut apart, keys, pages, newest, StoreId(0), &mut expected)?;
        }
        prop_assert_eq!(together, expected);
    }

    /// D4.6: who is beyond the end of a queue comes back to it, except in version 1.
    #[test]
    fn d4_a_key_beyond_the_end_comes_back_to_the_newest(
        dialect in dialect(),
        (config, identity) in strategy::login(),
        key in strategy::msg_id(),
        newest in strategy::msg_id(),
    ) {
        let mut online = connect(config, identity, dialect, FrameLimit::CLIENT);
        let request = request(&mut online, key)?;
        let mut out = Vec::new();
        let mut answer = online.begin_sync(request, MsgId(0), &mut out)?;
        prop_assert_eq!(answer.wants_newest(), dialect != Dialect::V1 && key > MsgId(0));
        let comes_back = answer.wants_newest() && newest > MsgId(0) && newest < key;
        let end = if comes_back { newest } else { key };
        answer.set_newest(newest);
        online.finish_sync(answer, &mut out)?;
        let keys: Vec<_> = reference::frames(&out).into_iter().map(|frame| frame.body).collect();
        prop_assert_eq!(keys, [end.0.to_be_bytes(); 2]);
    }

    /// D4.9: a row that is too long for the connection is not written, and the answer goes on.
    #[test]
    fn d4_a_row_that_is_too_long_is_left_out(
        dialect in dialect(),
        (config, identity) in strategy::login(),
        length in 40..60_usize,
    ) {
        let mut online = connect(config, identity, dialect, FrameLimit::new(50));
        let request = request(&mut online, MsgId(1))?;
        let mut out = Vec::new();
        let mut answer = online.begin_sync(request, MsgId(0), &mut out)?;
        let device_id = DeviceId(identity.device_id().0 ^ 1);
        let (msgid, command, body) = (MsgId(2), Command::CUSTOMER_V2, vec![0; length].into());
        let row = StoredMessage { msgid, device_id, command, body };
        let limit = FrameLimit::new(50);
        let too_long = SyncRow::TooLong { length, limit };
        let expected = if length < 50 { SyncRow::Taken } else { too_long };
        prop_assert_eq!(online.sync_row(&mut answer, row, &mut out)?, expected);
        prop_assert_eq!(answer.after(), Some(msgid));
        online.finish_sync(answer, &mut out)?;
        let frames = reference::frames(&out);
        prop_assert_eq!(frames.len(), 2 + usize::from(length < 50));
        prop_assert_eq!(&frames[frames.len() - 1].body, &msgid.0.to_be_bytes());
    }
}

fn connect(config: Config, identity: Identity, dialect: Dialect, limit: FrameLimit) -> Online {
    let mut read = BytesMut::from(&b"\0\0\0\x04\0\0\0\x01\x0f\x01\0\0\x03\0\0\0"[..]);
    let step = Login::new(config, limit).receive(&mut read, &mut Vec::new()).unwrap();
    let LoginStep::Authenticate(mut authentication) = step else { panic!("a login") };
    authentication.set_dialect(dialect);
    authentication.accept(identity, &mut Vec::new()).unwrap()
}

fn request(online: &mut Online, key: MsgId) -> Result<kefu_proto::SyncRequest, TestCaseError> {
    let mut read = BytesMut::from(&bytes(&Message::from(Body::Sync(key)))[..]);
    match online.receive(&mut read, UnixTime::from(1))? {
        Some(Request::Sync(request)) => Ok(request),
        other => Err(TestCaseError::fail(format!("{other:?}"))),
    }
}

/// A connection, and what the queue of its account holds.
fn reader() -> impl Strategy<Value = (Script, Vec<StoredMessage>)> {
    let bounds = (0..4_usize, prop_oneof![0..300_usize, Just(usize::MAX)]);
    (strategy::login(), dialect(), bounds).prop_flat_map(
        |((config, identity), dialect, (rows, bytes))| {
            let (version, steps) = (Version(1), Vec::new());
            let bounds = SyncBounds { rows, bytes };
            let script = Script { config, identity, version, dialect, bounds, steps };
            (Just(script), queue(config, identity))
        },
    )
}
