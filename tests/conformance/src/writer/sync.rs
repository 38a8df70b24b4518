//! Replays a sync case: one SYNC, and what the store answers.

use std::error::Error;
use std::slice;

use bytes::{Bytes, BytesMut};
use kefu_proto::UnixTime;
use kefu_proto::{AppId, Command, Config, DeviceId, EncodeError, FrameLimit, Login, LoginStep};
use kefu_proto::{MsgId, Online, Request, StoredMessage, SyncBounds, SyncRequest, SyncRow};

use super::compare_frames;
use crate::case::{Hex, Mark, Row, Storage, SyncCase};
use crate::client;
use crate::difference::Differences;
use crate::reference::SELF;
use crate::reference::chat::Chat;
use crate::reference::frame::{Frame, shifted, split};

pub(crate) fn replay(case: &SyncCase, found: &mut Differences) {
    let answer = match Answer::of(case) {
        Ok(answer) => answer,
        Err(error) => return found.note("frames", "an answer", error),
    };
    found.compare("asked_key", &case.asked_key, &answer.asked);
    let asked = case.storage.as_ref().filter(|_| case.asked_key.is_some());
    let has_more = asked.is_some_and(|storage| storage.has_more);
    found.compare("has_more", &has_more, &answer.goes_on);
    let expected = expected(case, found);
    let mut came = shifted(&split(&answer.out), -client::LOGIN_FRAMES);
    if answer.goes_on {
        let more = Some(came.split_off(came.len().saturating_sub(1)));
        found.compare("frames_more", &shifted_more(case, &expected), &more);
    } else {
        found.compare("frames_more", &case.frames_more, &None);
    }
    compare_frames("frames", &expected, &came, found);
    // D4.8: the host is told which rows nobody could read.
    found.compare("unreadable rows", &unreadable(case), &answer.unreadable);
}

/// What came of a SYNC.
#[derive(Default)]
struct Answer {
    asked: Option<i64>,
    out: BytesMut,
    unreadable: Vec<i64>,
    /// The store had more.
    goes_on: bool,
}

impl Answer {
    fn of(case: &SyncCase) -> Result<Self, Box<dyn Error>> {
        let key = case.request_key.to_be_bytes();
        let version = case.session.version;
        let frame = Frame { seq: 1, cmd: 26, version, flag: 0, body: &key };
        let mut read = BytesMut::from(&frame.write().0[..]);
        // Nobody has logged in as nobody.
        if case.session.appid == 0 || case.session.uid == 0 {
            return Self::before_login(case.kefu_appid, &mut read);
        }
        let mut online = client::log_in(case.kefu_appid, case.session, FrameLimit::CLIENT)?;
        match online.receive(&mut read, UnixTime::from(0))? {
            Some(Request::Sync(request)) => Ok(Self::online(case, &mut online, request)?),
            other => Err(format!("a SYNC became {other:?}").into()),
        }
    }

    fn before_login(kefu_appid: i64, read: &mut BytesMut) -> Result<Self, Box<dyn Error>> {
        let login = Login::new(Config::new(AppId(kefu_appid))?, FrameLimit::CLIENT);
        let mut answer = Self::default();
        match login.receive(read, &mut answer.out)? {
            LoginStep::Read(_) => Ok(answer),
            LoginStep::Authenticate(_) => Err("a SYNC became a login".into()),
        }
    }

    fn online(
        case: &SyncCase,
        online: &mut Online,
        request: SyncRequest,
    ) -> Result<Self, EncodeError> {
        let mut this = Self::default();
        // The recorded store decides where a page ends.
        let page = case.storage.as_ref().filter(|storage| storage.has_more);
        let rows = page.map_or(usize::MAX, |storage| storage.messages.len());
        online.set_sync_bounds(SyncBounds { rows, bytes: usize::MAX });
        let mut answer = online.begin_sync(request, MsgId(case.stored_key), &mut this.out)?;
        this.asked = answer.after().map(|key| key.0);
        let Some(storage) = &case.storage else { return Ok(this) };
        for row in oldest_first(storage) {
            let verdict = online.sync_row(&mut answer, stored(row), &mut this.out)?;
            if let SyncRow::Unreadable(_) = verdict {
                this.unreadable.push(row.msgid);
            }
        }
        if let (true, Some(row)) = (storage.has_more, storage.messages.first()) {
            // One more row tells that the queue goes on.
            let next = StoredMessage { msgid: MsgId(row.msgid.saturating_add(1)), ..stored(row) };
            let verdict = online.sync_row(&mut answer, next, &mut this.out)?;
            this.goes_on = verdict == SyncRow::Full;
        }
        if answer.wants_newest() {
            answer.set_newest(MsgId(storage.last_msgid));
        }
        online.finish_sync(answer, &mut this.out)?;
        Ok(this)
    }
}

fn oldest_first(storage: &Storage) -> impl Iterator<Item = &Row> {
    storage.messages.iter().rev()
}

fn stored(row: &Row) -> StoredMessage {
    StoredMessage {
        msgid: MsgId(row.msgid),
        device_id: DeviceId(row.device_id),
        command: Command(row.cmd),
        body: Bytes::from(row.body_hex.0.clone()),
    }
}

fn unreadable(case: &SyncCase) -> Vec<i64> {
    let rows = case.storage.iter().flat_map(oldest_first);
    rows.filter(|row| is_unreadable(row)).map(|row| row.msgid).collect()
}

fn is_unreadable(row: &Row) -> bool {
    matches!(row.cmd, 24 | 25 | 64) && Chat::read(&row.body_hex.0).is_none()
}

/// The recorded frames: SYNC_BEGIN, one for each row and SYNC_END. Those of old commands and of
/// short bodies are others here, or none, and then the numbers behind them are lower.
fn expected(case: &SyncCase, found: &mut Differences) -> Vec<Hex> {
    let rows: Vec<&Row> = case.storage.iter().flat_map(oldest_first).collect();
    let changed = |row: &Row| matches!(row.cmd, 24 | 25) || is_unreadable(row);
    if case.frames.is_empty() || !rows.iter().any(|row| changed(row)) {
        return case.frames.clone();
    }
    if case.frames.len() != rows.len() + 2 {
        found.note("recorded frames", format!("one for each of {} rows", rows.len()), "others");
        return case.frames.clone();
    }
    let mut expected = Vec::new();
    for (index, recorded) in case.frames.iter().enumerate() {
        let row = index.checked_sub(1).and_then(|index| rows.get(index));
        let seq = position(expected.len());
        if let Some(row) = row.filter(|row| changed(row)) {
            compare_original(case, index, row, recorded, found);
            expected.extend(of_row(case, seq, row, found));
        } else {
            // And its own number is the next, there as here.
            let by = seq.saturating_sub(position(index));
            expected.extend(shifted(slice::from_ref(recorded), by));
        }
    }
    expected
}

/// The number of the frame at an index.
fn position(index: usize) -> i32 {
    i32::try_from(index).map_or(i32::MAX, |index| index + 1)
}

/// What the original makes of such a row: the old commands lose their bodies, and a body that is
/// too short is zeros.
fn compare_original(
    case: &SyncCase,
    index: usize,
    row: &Row,
    recorded: &Hex,
    found: &mut Differences,
) {
    let seq = position(index);
    let body: &[u8] = if row.cmd == 64 { &[0; Chat::FIXED_LEN] } else { &[] };
    let frame = Frame { seq, cmd: row.cmd, version: case.session.version, flag: 0, body };
    found.compare(&format!("recorded frames[{index}]"), recorded, &frame.write());
}

/// D4.2, D4.8: the row as a 64, or nothing.
fn of_row(case: &SyncCase, seq: i32, row: &Row, found: &mut Differences) -> Option<Hex> {
    let Some(chat) = Chat::read(&row.body_hex.0) else {
        found.on_purpose(Mark::UnreadableBody);
        return None;
    };
    found.on_purpose(Mark::Translated);
    let session = case.session;
    let (sender, _) = chat.parties(row.cmd, case.kefu_appid);
    let is_own = sender == (session.appid, session.uid) && row.device_id == session.device_id;
    let flag = if is_own { SELF } else { 0 };
    let body = &chat.as_v2(row.cmd, case.kefu_appid).write();
    Some(Frame { seq, cmd: 64, version: session.version, flag, body }.write())
}

/// The notify has the number behind the END's.
fn shifted_more(case: &SyncCase, expected: &[Hex]) -> Option<Vec<Hex>> {
    let fewer = case.frames.len().saturating_sub(expected.len());
    let by = i32::try_from(fewer).unwrap_or(0);
    case.frames_more.as_ref().map(|frames| shifted(frames, -by))
}
