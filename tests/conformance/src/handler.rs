//! Replays a handler case: one frame on one session, and everything that the host is asked to do.

use std::fmt::Display;

use kefu_proto::{AppId, Config, FrameLimit, Session, UnixTime, ZeroId};

use crate::asked;
use crate::case::{Effect, HandlerCase, Mark, Verdict};
use crate::client::identity;
use crate::difference::Differences;
use crate::marks;
use crate::reading::{Reading, Recorded};
use crate::reference::Rules;
use crate::reference::frame::Frame;
use crate::reference::handler::{Outcome, Situation};
use crate::reference::read::Stream;

pub(crate) fn replay(case: &HandlerCase, found: &mut Differences) {
    let (bytes, limit) = (&case.input.frame_hex.0, FrameLimit::CLIENT.get());
    let stream = Stream { bytes, limit, format: case.format(), external: true };
    let reading = Reading::of(&stream);
    reading.check("decode", &stream, &Recorded::Verdict(case.decode), found);
    if let Some(consumed) = reading.read.consumed {
        // The input is exactly one frame.
        found.compare("consumed", &bytes.len(), &consumed);
    }
    let session = unless(Mark::ZeroIdentity, "session", case, session(case), found);
    let now = unless(Mark::ClockRange, "now", case, UnixTime::from_secs(case.now), found);
    // Without a session or a clock there is no outcome; after a wrong reading it tells nothing.
    if let (Some(session), Some(now), true) = (session, now, found.is_empty()) {
        let verdict = reading.read.verdict;
        let came = asked::outcome(&session, reading.parsed, now, case.format(), &case.save_results);
        match came {
            Ok(came) => check(case, now.as_secs(), verdict, &came, found),
            Err(error) => found.note("effects", "bodies that can be written", error),
        }
    }
}

fn session(case: &HandlerCase) -> Result<Session, ZeroId> {
    Ok(Session::new(Config::new(AppId(case.kefu_appid))?, identity(case.session)?))
}

/// What a mark says cannot be made must be refused, and only that.
fn unless<T, E: Display>(
    mark: Mark,
    field: &str,
    case: &HandlerCase,
    made: Result<T, E>,
    found: &mut Differences,
) -> Option<T> {
    match (made, case.marks.contains(&mark)) {
        (Ok(made), false) => return Some(made),
        (Err(_), true) => found.on_purpose(mark),
        (Ok(_), true) => found.note(field, "refused, as the mark says", "accepted"),
        (Err(error), false) => found.note(field, "accepted", error),
    }
    None
}

/// Where the original does something else by its rules, both are compared with the rules.
fn check(case: &HandlerCase, now: i32, verdict: Verdict, came: &Outcome, found: &mut Differences) {
    let original = by_rules(case, now, Rules::Original(case.format()), case.decode);
    let ours = by_rules(case, now, Rules::Ours, verdict);
    let recorded = Outcome { branch: case.branch.clone(), effects: case.effects.clone() };
    if original == ours {
        return compare("", &recorded, came, found);
    }
    compare("recorded ", &recorded, &original, found);
    compare("", &ours, came, found);
    let facts = marks::of_handler(case);
    let with_other_outcome =
        [Mark::UnlistedCommand, Mark::LaterCommand, Mark::DeprecatedCommand, Mark::ServerFlag];
    for mark in with_other_outcome.into_iter().filter(|mark| facts.contains(mark)) {
        found.on_purpose(mark);
    }
}

fn by_rules(case: &HandlerCase, now: i32, rules: Rules, verdict: Verdict) -> Outcome {
    let situation = Situation {
        format: case.format(),
        kefu_appid: case.kefu_appid,
        session: case.session,
        now,
        answers: &case.save_results,
    };
    match (verdict, Frame::cut(&case.input.frame_hex.0)) {
        (Verdict::Ok | Verdict::Unlisted, Some(frame)) => situation.outcome(rules, frame),
        _ => Outcome::nothing("undecodable"),
    }
}

fn compare(whose: &str, expected: &Outcome, came: &Outcome, found: &mut Differences) {
    found.compare(&format!("{whose}branch"), &expected.branch, &came.branch);
    compare_effects(&format!("{whose}effects"), &expected.effects, &came.effects, found);
}

fn compare_effects(place: &str, expected: &[Effect], came: &[Effect], found: &mut Differences) {
    let [expected_ops, came_ops] = [expected, came].map(|effects| {
        effects.iter().map(|effect| effect.op.as_str()).collect::<Vec<_>>().join(", ")
    });
    if expected_ops != came_ops {
        // Field by field, a missing effect would make all after it look wrong.
        return found.note(place, or_none(&expected_ops), or_none(&came_ops));
    }
    for (index, (expected, came)) in expected.iter().zip(came).enumerate() {
        found.compare(&format!("{place}[{index}]"), expected, came);
    }
}

fn or_none(ops: &str) -> &str {
    if ops.is_empty() { "none" } else { ops }
}
