//! Replays a login case: frames that arrive on a fresh connection, each answered before the next.

use std::error::Error;

use bytes::BytesMut;
use kefu_proto::UnixTime;
use kefu_proto::{AppId, Authentication, Config, FrameLimit, Login, LoginStep, Online, Request};

use super::answers::Answers;
use super::compare_frames;
use crate::case::{Format, LoginCase, SessionOf, Token};
use crate::client::identity;
use crate::difference::Differences;
use crate::reference::Rules;
use crate::reference::frame::split;

pub(crate) fn replay(case: &LoginCase, found: &mut Differences) {
    let came = match answered(case) {
        Ok(stream) => split(&stream),
        Err(error) => return found.note("frames", "answers", error),
    };
    let original = Answers::of(case, Rules::Original(Format::V2));
    let ours = Answers::of(case, Rules::Ours);
    if original.frames == ours.frames {
        return compare_frames("frames", &case.frames, &came, found);
    }
    compare_frames("recorded frames", &case.frames, &original.frames, found);
    compare_frames("frames", &ours.frames, &came, found);
    for mark in ours.on_purpose {
        found.on_purpose(mark);
    }
}

enum Connection {
    Login(Login),
    Online(Online),
}

/// What is answered until the connection is closed.
fn answered(case: &LoginCase) -> Result<BytesMut, Box<dyn Error>> {
    // Which one it is does not matter to a login.
    let config = Config::new(AppId(1))?;
    let mut connection = Connection::Login(Login::new(config, FrameLimit::CLIENT));
    let (mut read, mut out) = (BytesMut::new(), BytesMut::new());
    for frame in &case.input {
        read.extend_from_slice(&frame.0);
        connection = match connection.receive(&case.tokens, &mut read, &mut out) {
            Ok(connection) => connection,
            Err(_) => break,
        };
    }
    Ok(out)
}

impl Connection {
    fn receive(
        self,
        tokens: &[Token],
        read: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<Self, kefu_proto::Closed> {
        let mut connection = self;
        loop {
            connection = match connection {
                Self::Online(mut online) => {
                    reply(&mut online, read, out)?;
                    return Ok(Self::Online(online));
                }
                Self::Login(login) => match login.receive(read, out)? {
                    LoginStep::Read(login) => return Ok(Self::Login(login)),
                    LoginStep::Authenticate(it) => Self::authenticated(it, tokens, out)?,
                },
            }
        }
    }

    /// S1.4, S1.5: a token that is known, of somebody.
    fn authenticated(
        authentication: Authentication,
        tokens: &[Token],
        out: &mut BytesMut,
    ) -> Result<Self, kefu_proto::EncodeError> {
        let token = authentication.auth_token().token.as_bytes();
        let known = tokens.iter().find(|known| known.token_hex.0 == token);
        let who = known.map(|&Token { appid, uid, .. }| SessionOf { appid, uid, device_id: 1 });
        Ok(match who.map(identity) {
            Some(Ok(identity)) => Self::Online(authentication.accept(identity, out)?),
            _ => Self::Login(authentication.refuse(out)?),
        })
    }
}

/// What needs no store is answered.
fn reply(
    online: &mut Online,
    read: &mut BytesMut,
    out: &mut BytesMut,
) -> Result<(), kefu_proto::Closed> {
    while let Some(request) = online.receive(read, UnixTime::from(0))? {
        if let Request::Reply(message) = request {
            online.write(&message, out)?;
        }
    }
    Ok(())
}
