//! A whole connection: a client sends any bytes in any pieces, and a host answers anything.

mod host;
mod line;
mod model;
mod outbox;

use std::collections::VecDeque;

use bytes::BytesMut;
use kefu_proto::{AppId, Authentication, Body, Closed, Config, EncodeError, FrameLimit};
use kefu_proto::{Login, LoginStep, Message, MsgId, Online, Outbound, Parsed, UnixTime, Version};

use self::host::Host;
use self::line::Line;
use self::outbox::Outbox;
use crate::input::Choices;

const KEFU_APP: AppId = AppId(1453);

/// The choices, and what the client sends. The first choice is the limit, 0 for a client's.
pub fn connection(input: &[u8]) {
    let (mut choices, stream) = Choices::split(input);
    let limit = match choices.byte() {
        0 => FrameLimit::CLIENT,
        limit => FrameLimit::new(limit.into()),
    };
    let mut line = Line::new(stream, limit);
    let mut outbox = Outbox::new(limit);
    if let Some(online) = log_in(&mut line, &mut outbox, &mut choices) {
        serve(online, &mut line, Host { outbox: &mut outbox, choices: &mut choices, saved: 0 });
    }
    outbox.check_whole();
}

/// S1, S4: up to a successful login.
fn log_in(line: &mut Line<'_>, outbox: &mut Outbox, choices: &mut Choices<'_>) -> Option<Online> {
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
            (Ok(LoginStep::Authenticate(asked)), Some(Ok(message))) => {
                line.check_taken();
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
                Body::Ping => outbox.expect(&Body::Pong),
                Body::AuthToken(_) => return Some(Ok(message)),
                _ => {}
            },
            Ok(Parsed::Unlisted(_)) => {}
            Err(error) => return Some(Err(Closed::Undecodable(error))),
        }
    }
    None
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
    let status = model::auth_status(identity.is_some());
    let answered: Result<_, EncodeError> = match identity {
        Some(identity) => asked.accept(identity, &mut outbox.out).map(Ok),
        None => asked.refuse(&mut outbox.out).map(Err),
    };
    assert_eq!(answered.as_ref().err().copied(), outbox.fault(&status));
    outbox.expect(&status);
    outbox.check();
    answered.ok()
}

/// Requests, finished in order while later ones are begun (S1–S7).
fn serve(mut online: Online, line: &mut Line<'_>, mut host: Host<'_, '_>) {
    let window = usize::from(host.choices.of(4));
    let mut pending = VecDeque::new();
    for now in (0..).map(UnixTime::from) {
        let expected = model::next_request(line, online.identity(), now);
        match (online.receive(&mut line.read, now), expected) {
            (Ok(Some(request)), Some(Ok(expected))) => {
                line.check_taken();
                expected.check(&request);
                pending.push_back((request, expected));
                if pending.len() > window {
                    host.finish(&mut online, pending.pop_front().unwrap());
                }
            }
            (Ok(None), None) => {
                line.check_taken();
                if host.choices.of(8) == 7 {
                    // Another session has something to say.
                    let key = MsgId(host.choices.number());
                    let notify = Outbound::SyncNotify(key);
                    host.outbox.write(&mut online, &notify, &Body::SyncNotify(key));
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

/// S7: now and ever after, whatever comes.
fn check_closed(online: &mut Online, closed: Closed) {
    let ping = &b"\0\0\0\0\0\0\0\x09\x0d\x01\0\0"[..];
    let mut read = BytesMut::from(ping);
    for _ in 0..2 {
        assert_eq!(online.receive(&mut read, UnixTime::MIN).map(|_| ()), Err(closed));
        assert_eq!(read, ping);
    }
}
