//! The marks of a case. A mark is a fact about its inputs, so it can be checked.

use std::collections::BTreeSet;

use crate::case::{
    Case, DeliverCase, Format, HandlerCase, Hex, LoginCase, Mark, QueueCase, SaveResult, SyncCase,
};
use crate::difference::Differences;
use crate::reference::chat::Chat;
use crate::reference::frame::{Frame, Head};
use crate::reference::{LISTED, SERVER_FLAGS};

type Marks = BTreeSet<Mark>;

/// No mark may be there without its fact, and none may be missing that makes the case differ from
/// its recording: `found` knows which do.
pub(crate) fn check(case: &Case, found: &mut Differences) {
    let declared: Marks = case.marks().iter().copied().collect();
    let facts = facts(case);
    // Any frame with such a command has these, whatever it comes to.
    let by_command = [Mark::UnlistedCommand, Mark::LaterCommand];
    let by_command = by_command.into_iter().filter(|mark| facts.contains(mark));
    let required: Marks = found.purposes().iter().copied().chain(by_command).collect();
    let required: Marks = required.difference(&implied(case)).copied().collect();
    if !required.is_subset(&declared) || !declared.is_subset(&facts) {
        let expected: Marks = declared.intersection(&facts).chain(&required).copied().collect();
        found.note("marks", list(&expected), list(&declared));
    }
}

fn list(marks: &Marks) -> String {
    let names: Vec<_> = marks.iter().map(Mark::to_string).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" and ") }
}

/// The recordings name what the inputs of a reader, a handler and a store are, but not what the
/// frames are that arrive at a whole server.
fn implied(case: &Case) -> Marks {
    let of_frames = [Mark::UnlistedCommand, Mark::DeprecatedCommand, Mark::ServerFlag];
    let is_server = matches!(case, Case::Login(_) | Case::Deliver(_));
    let implied = of_frames.into_iter().filter(|_| is_server);
    implied.chain([Mark::ErrorCmd]).collect()
}

fn facts(case: &Case) -> Marks {
    match case {
        Case::Handler(case) => of_handler(case),
        Case::Wire(case) => of_frame(&case.hex.0, case.format()),
        Case::Queue(case) => of_queue(case),
        Case::Login(case) => of_login(case),
        Case::Deliver(case) => of_deliver(case),
        Case::Sync(case) => of_sync(case),
    }
}

/// A whole header tells most.
fn of_frame(bytes: &[u8], format: Format) -> Marks {
    let Some(Head { frame: Frame { cmd, version, .. }, .. }) = Head::cut(bytes) else {
        return Marks::new();
    };
    let is_later = format == Format::V1 && matches!(cmd, 37 | 64);
    let is_v2 = format == Format::V2;
    collect([
        (Mark::UnlistedCommand, !LISTED.contains(&cmd) || is_later),
        (Mark::LaterCommand, is_later),
        (Mark::AckStatus, !is_v2 && cmd == 5 && version > 1),
        (Mark::DeprecatedCommand, is_v2 && matches!(cmd, 24 | 25)),
        (Mark::AuthStatusV0, is_v2 && cmd == 3 && version == 0),
    ])
}

fn collect<const N: usize>(facts: [(Mark, bool); N]) -> Marks {
    facts.into_iter().filter_map(|(mark, is_so)| is_so.then_some(mark)).collect()
}

pub(crate) fn of_handler(case: &HandlerCase) -> Marks {
    let (session, bytes, format) = (case.session, &case.input.frame_hex.0, case.format());
    let mut marks = of_frame(bytes, format);
    marks.extend(collect([
        (Mark::ZeroIdentity, session.appid == 0 || session.uid == 0 || case.kefu_appid == 0),
        (Mark::ClockRange, i32::try_from(case.now).is_err()),
        (Mark::MsgidRange, case.save_results.iter().flatten().any(is_out_of_range)),
    ]));
    if let (Some(head), Format::V2) = (Head::cut(bytes), format) {
        marks.extend(of_message(case.kefu_appid, head));
    }
    marks
}

fn of_message(kefu_appid: i64, head: Head<'_>) -> Marks {
    let chat = head.whole().and_then(|frame| Chat::read(frame.body));
    let receiver = chat.map(|chat| chat.parties(head.frame.cmd, kefu_appid).1);
    collect([
        (Mark::ServerFlag, head.frame.flag & SERVER_FLAGS != 0),
        (Mark::ZeroReceiver, receiver.is_some_and(|(appid, uid)| appid == 0 || uid == 0)),
        (Mark::MinReceiver, receiver.is_some_and(|(_, uid)| uid == i64::MIN)),
    ])
}

fn is_out_of_range(saved: &SaveResult) -> bool {
    let msgid = saved.msgid();
    saved.previous().is_some_and(|previous| msgid < 1 || previous < 0 || previous >= msgid)
}

/// A connection that has written some 2³¹ frames.
fn of_queue(case: &QueueCase) -> Marks {
    let is_far = case.start_seq.is_some_and(|seq| !(0..1 << 30).contains(&seq));
    collect([
        (Mark::SeqRange, is_far),
        (Mark::AuthStatusV0, case.frames.iter().any(is_auth_status_v0)),
    ])
}

fn of_login(case: &LoginCase) -> Marks {
    let frames = case.input.iter().filter_map(|input| Frame::cut(&input.0));
    let mut marks: Marks = frames.flat_map(|frame| of_command(frame.cmd)).collect();
    marks.extend(collect([(Mark::AuthStatusV0, case.frames.iter().any(is_auth_status_v0))]));
    marks
}

fn of_command(cmd: u8) -> Marks {
    collect([
        (Mark::UnlistedCommand, !LISTED.contains(&cmd)),
        (Mark::DeprecatedCommand, matches!(cmd, 24 | 25)),
    ])
}

pub(crate) fn is_auth_status_v0(frame: &Hex) -> bool {
    Frame::cut(&frame.0).is_some_and(|frame| frame.cmd == 3 && frame.version == 0)
}

pub(crate) fn of_deliver(case: &DeliverCase) -> Marks {
    let device =
        |index: usize| case.connections.get(index).map(|on| (on.appid, on.uid, on.device_id));
    let all: BTreeSet<_> = (0..case.connections.len()).map(device).collect();
    let frames = || case.inputs.iter().filter_map(|input| Frame::cut(&input.frame_hex.0));
    let to_self = |frame: Frame<'_>| {
        frame.cmd == 64
            && Chat::read(frame.body).is_some_and(|Chat { ids: [a, b, c, d], .. }| (a, b) == (c, d))
    };
    collect([
        (Mark::SameDevice, all.len() < case.connections.len()),
        (Mark::ToSelf, frames().any(to_self)),
        (Mark::DeprecatedCommand, frames().any(|frame| matches!(frame.cmd, 24 | 25))),
        (Mark::ServerFlag, frames().any(|it| it.cmd == 64 && it.flag & SERVER_FLAGS != 0)),
    ])
}

fn of_sync(case: &SyncCase) -> Marks {
    let mut rows = case.storage.iter().flat_map(|storage| &storage.messages);
    let is_short = |body: &Hex| body.0.len() < Chat::FIXED_LEN;
    collect([
        (Mark::Translated, rows.clone().any(|row| matches!(row.cmd, 24 | 25))),
        (
            Mark::UnreadableBody,
            rows.any(|row| matches!(row.cmd, 24 | 25 | 64) && is_short(&row.body_hex)),
        ),
    ])
}
