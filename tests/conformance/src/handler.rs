//! Replays a handler case: one frame on one session, and everything that the host is asked to do.

use std::fmt::Display;

use kefu_proto::{
    Account, AppId, Command, Config, Delivery, DeviceId, Encode, EncodeError, FrameLimit,
};
use kefu_proto::{Identity, MsgId, Parsed, Refusal, SaveMessage, Session};
use kefu_proto::{UnixTime, UserId, ZeroId};

use crate::case::{Effect, HandlerCase, Hex, Mark};
use crate::difference::Differences;
use crate::reading::Reading;

pub(crate) fn replay(case: &HandlerCase) -> Differences {
    let mut found = Differences::default();
    let bytes = &case.input.frame_hex.0;
    let reading = Reading::of(bytes, FrameLimit::CLIENT);
    reading.check("decode", case.decode, &case.marks, bytes, &mut found);
    if reading.parsed.is_some() {
        // The input is exactly one frame.
        found.compare("consumed", &bytes.len(), &reading.consumed);
    }
    let marked = |mark| case.marks.contains(&mark);
    let session = unless("session", marked(Mark::ZeroIdentity), session(case), &mut found);
    let now = UnixTime::from_secs(case.now);
    let now = unless("now", marked(Mark::ClockRange), now, &mut found);
    // Without a session or a clock there is no outcome; after a wrong reading it tells nothing.
    if let (Some(session), Some(now), true) = (session, now, found.is_empty()) {
        let outcome = Outcome::of(&session, reading.parsed, now, &case.save_results);
        if !marked(Mark::UnlistedCommand) {
            found.compare("branch", &case.branch, &outcome.branch);
        }
        match outcome.effects.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(effects) => compare_effects(&case.effects, &effects, &mut found),
            Err(error) => found.note("effects", "bodies that can be written", error),
        }
    }
    found
}

fn session(case: &HandlerCase) -> Result<Session, ZeroId> {
    let config = Config::new(AppId(case.kefu_appid))?;
    let account = Account::new(AppId(case.session.appid), UserId(case.session.uid));
    Ok(Session::new(config, Identity::new(account, DeviceId(case.session.device_id))?))
}

/// What a mark says cannot be made must be refused, and only that.
fn unless<T, E: Display>(
    field: &str,
    marked: bool,
    made: Result<T, E>,
    found: &mut Differences,
) -> Option<T> {
    match (made, marked) {
        (Ok(made), false) => return Some(made),
        (Err(_), true) => {}
        (Ok(_), true) => found.note(field, "refused, as the mark says", "accepted"),
        (Err(error), false) => found.note(field, "accepted", error),
    }
    None
}

fn compare_effects(expected: &[Effect], came: &[Effect], found: &mut Differences) {
    let [expected_ops, came_ops] = [expected, came].map(|effects| {
        effects.iter().map(|effect| effect.op.as_str()).collect::<Vec<_>>().join(", ")
    });
    if expected_ops != came_ops {
        // Field by field, a missing effect would make all after it look wrong.
        return found.note("effects", or_none(&expected_ops), or_none(&came_ops));
    }
    for (index, (expected, came)) in expected.iter().zip(came).enumerate() {
        found.compare(&format!("effects[{index}]"), expected, came);
    }
}

fn or_none(ops: &str) -> &str {
    if ops.is_empty() { "none" } else { ops }
}

/// What the handler did, in the words of a case.
struct Outcome {
    branch: String,
    effects: Vec<Result<Effect, EncodeError>>,
}

impl Outcome {
    fn of(
        session: &Session,
        parsed: Option<Parsed>,
        now: UnixTime,
        answers: &[Option<i64>],
    ) -> Self {
        let nothing = |branch: &str| Self { branch: branch.to_owned(), effects: Vec::new() };
        let message = match parsed {
            Some(Parsed::Message(message)) => message,
            Some(Parsed::Unlisted(_)) => return nothing("ignored"),
            None => return nothing("undecodable"),
        };
        let way = if message.command() == Command::CUSTOMER { "customer" } else { "support" };
        match session.handle(message, now) {
            Ok(delivery) => Self::delivered(session, way, delivery, answers),
            Err(refusal) => nothing(label(refusal)),
        }
    }

    fn delivered(
        session: &Session,
        way: &str,
        delivery: Delivery,
        answers: &[Option<i64>],
    ) -> Self {
        let accepted = if delivery.is_persistent() { "persistent-ok" } else { "unpersistent-ok" };
        let mut effects = Vec::new();
        let mut answers = answers.iter().copied();
        let remaining = delivery.save_with(|save| {
            effects.push(saved(&save));
            // More saves than answers: a failure, too, and then effects are missing.
            answers.next().flatten().map(MsgId).ok_or(effects.len())
        });
        match remaining {
            Ok(remaining) => {
                let own = session.identity().account();
                effects.extend(remaining.iter().map(|effect| {
                    let (to, message) = (effect.to().unwrap_or(own), effect.message());
                    recorded(effect.name(), to, None, &message)
                }));
                Self { branch: format!("{way}/{accepted}"), effects }
            }
            Err(number) => Self { branch: format!("{way}/save{number}-error"), effects },
        }
    }
}

fn saved(save: &SaveMessage<'_>) -> Result<Effect, EncodeError> {
    recorded("SaveMessage", save.queue(), Some(save.device_id()), save.message())
}

fn recorded(
    op: &str,
    to: Account,
    device_id: Option<DeviceId>,
    message: &impl Encode,
) -> Result<Effect, EncodeError> {
    let mut body = Vec::new();
    message.encode_body(&mut body)?;
    Ok(Effect {
        op: op.to_owned(),
        appid: to.appid.0,
        uid: to.uid.0,
        device_id: device_id.map(i64::from),
        cmd: message.command().0,
        seq: message.seq().0,
        version: message.version().0,
        flag: message.flags().0,
        body_hex: Hex(body),
    })
}

/// The recordings' label for the check that a message failed first.
fn label(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::OtherCommand { .. } => "ignored",
        Refusal::CustomerAppIdMismatch { .. } => "customer/appid-mismatch",
        Refusal::CustomerIdMismatch { .. } => "customer/customer-id-mismatch",
        Refusal::SellerIdZero => "customer/seller-zero",
        Refusal::NotKefuApp { .. } => "support/not-kefu-appid",
        Refusal::SellerIdMismatch { .. } => "support/seller-mismatch",
        _ => "a refusal that was never recorded",
    }
}
