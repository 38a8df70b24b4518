//! A whole connection: a client sends any bytes in any pieces, and a host answers anything.

mod effects;
mod host;
mod line;
mod model;
mod rows;

use std::collections::VecDeque;

use bytes::BytesMut;
use kefu_proto::{Authentication, Body, Closed, Command, Config, Dialect, EncodeError, Frame};
use kefu_proto::{FrameLimit, Login, LoginStatus, LoginStep, Message, Online};
use kefu_proto::{Parsed, Seq, UnixTime, Version};

use self::host::Host;
use self::line::Line;
use self::model::Expected;
use crate::chat::KEFU_APP;
use crate::input::Choices;
use crate::outbox::Outbox;
use crate::reference;

/// The choices, and what the client sends. The first choices are the limit, the dialect that the
/// host sets, and the bounds of an answer to a SYNC; 0 is what is usual.
pub fn connection(input: &[u8]) {
    let (mut choices, stream) = Choices::split(input);
    let limit = match choices.byte() {
        0 => FrameLimit::CLIENT,
        limit => FrameLimit::new(limit.into()),
    };
    let set = choices.dialect();
    let bounds = choices.bounds();
    let mut line = Line::new(stream, limit);
    let mut outbox = Outbox::new(limit);
    let mut acks_owed = vec![];
    if let Some(mut online) = log_in(&mut line, &mut outbox, &mut choices, set) {
        online.set_sync_bounds(bounds);
        let (outbox, choices) = (&mut outbox, &mut choices);
        let mut host = Host { outbox, choices, bounds, saved: 0, acks_owed };
        serve(online, &mut line, &mut host);
        acks_owed = host.acks_owed;
    }
    let version = outbox.version;
    check_whole(outbox.into_frames(), version, &acks_owed);
}

/// S1, S4: up to a successful login.
fn log_in(
    line: &mut Line<'_>,
    outbox: &mut Outbox,
    choices: &mut Choices<'_>,
    set: Option<Dialect>,
) -> Option<Online> {
    let mut login = Login::new(Config::new(KEFU_APP).unwrap(), outbox.limit);
    loop {
        let step = login.receive(&mut line.read, &mut outbox.out);
        let expected = next_login(line, outbox);
        outbox.check();
        login = match (step, expected) {
            (Ok(LoginStep::Read(login)), None) => {
                line.check_taken();
                if !line.receive(choices) {
                    return None;
                }
                login
            }
            (Ok(LoginStep::Authenticate(mut asked)), Some(Ok(message))) => {
                line.check_taken();
                outbox.dialect = choose_dialect(&mut asked, &message, line, set);
                match answer(asked, &message, outbox, choices)? {
                    Ok(online) => return Some(online),
                    Err(login) => login,
                }
            }
            (Err(closed), Some(Err(expected))) => {
                assert_eq!(closed, expected);
                return None;
            }
            (step, expected) => panic!("{step:?} instead of {expected:?}"),
        }
    }
}

/// What the client has said up to its next login or its end; a PING is answered.
fn next_login(line: &mut Line<'_>, outbox: &mut Outbox) -> Option<Result<Message, Closed>> {
    while let Some(said) = line.next() {
        match said {
            Ok(Parsed::Message(message)) => match message.body {
                Body::Ping => outbox.expect(&Body::Pong.into()).unwrap(),
                Body::AuthToken(_) => return Some(Ok(message)),
                _ => {}
            },
            Ok(Parsed::Unlisted(_)) => {}
            Err(error) => return Some(Err(Closed::Undecodable(error))),
        }
    }
    None
}

/// D1
fn choose_dialect(
    asked: &mut Authentication,
    message: &Message,
    line: &Line<'_>,
    set: Option<Dialect>,
) -> Dialect {
    let told = model::dialect_of_login(message.version, asked.auth_token(), line.spare());
    assert_eq!(asked.dialect(), told);
    if let Some(set) = set {
        asked.set_dialect(set);
    }
    set.or(told).unwrap_or(Dialect::AsSent)
}

/// `None` where not even the answer can be written.
fn answer(
    asked: Authentication,
    message: &Message,
    outbox: &mut Outbox,
    choices: &mut Choices<'_>,
) -> Option<Result<Online, Login>> {
    assert_eq!(Body::AuthToken(asked.auth_token().clone()), message.body);
    let identity = host::identify(asked.auth_token(), choices);
    if identity.is_some() {
        outbox.version = message.version;
    } else {
        // A refusal, which only comes before a login.
        assert_eq!(outbox.version, Version(0));
    }
    let status = reference::auth_status(identity.is_some());
    let answered: Result<_, EncodeError> = match identity {
        Some(identity) => asked.accept(identity, &mut outbox.out).map(Ok),
        None => asked.refuse(&mut outbox.out).map(Err),
    };
    assert_eq!(answered.as_ref().err().copied(), outbox.expect(&status.into()).err());
    outbox.check();
    answered.ok()
}

/// Requests, finished in order while later ones are begun (S1–S7).
fn serve(mut online: Online, line: &mut Line<'_>, host: &mut Host<'_, '_>) {
    let window = usize::from(host.choices.of(4));
    let (mut pending, mut shown) = (VecDeque::new(), None);
    for now in (0..).map(UnixTime::from) {
        let expected = match shown.take() {
            // D1.8
            Some(dialect) => Some(Ok(Expected::KeepDialect(dialect))),
            None => model::next_request(line, online.identity(), now),
        };
        match (online.receive(&mut line.read, now), expected) {
            (Ok(Some(request)), Some(Ok(expected))) => {
                line.check_taken();
                expected.check(&request);
                shown = decide(host.outbox, &expected);
                assert_eq!(online.dialect(), host.outbox.dialect);
                pending.push_back((request, expected));
                if pending.len() > window {
                    host.finish(&mut online, pending.pop_front().unwrap());
                }
            }
            (Ok(None), None) => {
                line.check_taken();
                if host.choices.of(8) == 7 {
                    host.tell_of_others(&mut online);
                }
                if !line.receive(host.choices) {
                    break;
                }
            }
            (Err(closed), Some(Err(expected))) => {
                assert_eq!(closed, expected);
                check_closed(&mut online, closed);
                break;
            }
            (came, expected) => panic!("{came:?} instead of {expected:?}"),
        }
    }
    // S7: what was begun before the end is still finished and written.
    for begun in pending {
        host.finish(&mut online, begun);
    }
}

/// D1.6: what an accepted message shows, if that is new.
fn decide(outbox: &mut Outbox, expected: &Expected) -> Option<Dialect> {
    let Expected::Deliver(delivered) = expected else { return None };
    let before = std::mem::replace(&mut outbox.dialect, delivered.shows());
    (outbox.dialect != before).then_some(outbox.dialect)
}

/// S7: now and ever after, whatever comes.
fn check_closed(online: &mut Online, closed: Closed) {
    let ping = &b"\0\0\0\0\0\0\0\x09\x0d\x01\0\0"[..];
    let mut read = BytesMut::from(ping);
    for _ in 0..2 {
        assert_eq!(online.receive(&mut read, UnixTime::MIN).map(|_| ()), Err(closed));
        assert_eq!(read, ping);
    }
}

/// S1: AUTH_STATUS before anything that needs a login, and once. H8: no ACK that is not owed.
fn check_whole(frames: Vec<Frame>, version: Version, acks_owed: &[Seq]) {
    let (mut acks, mut logged_in) = (vec![], false);
    for frame in frames {
        let parsed = frame.clone().parse();
        if !logged_in {
            match parsed.unwrap() {
                Parsed::Message(Message { body: Body::AuthStatus(auth), .. })
                    if auth.status == LoginStatus::OK =>
                {
                    assert_eq!(frame.version, version);
                    logged_in = true;
                }
                Parsed::Message(Message { body: Body::AuthStatus(_) | Body::Pong, .. }) => {
                    assert_eq!(frame.version, Version(0));
                }
                early => panic!("{early:?} before a login"),
            }
            continue;
        }
        assert_eq!(frame.version, version);
        assert_ne!(frame.command, Command::AUTH_STATUS);
        if let Ok(Parsed::Message(Message { body: Body::Ack(ack), .. })) = parsed {
            acks.push(ack.seq);
        }
    }
    assert_eq!(acks, acks_owed);
}
