//! A connection that has logged in, of a server that speaks version 2.

use std::error::Error;

use bytes::BytesMut;
use kefu_proto::{Account, AppId, Config, DeviceId, Dialect, FrameLimit, Identity};
use kefu_proto::{Login, LoginStep, Online, UserId};

use crate::case::{ConnectionOf, SessionOf};
use crate::reference::frame::Frame;

/// How many frames the login writes. The recordings count from behind them.
pub(crate) const LOGIN_FRAMES: i32 = 1;

/// The dialect is set: the recorded server knows no other, whatever version its clients have.
pub(crate) fn log_in(
    kefu_appid: i64,
    who: ConnectionOf,
    limit: FrameLimit,
) -> Result<Online, Box<dyn Error>> {
    let config = Config::new(AppId(kefu_appid))?;
    // Platform 2, the token "t" and no device.
    let body = &[2, 1, b't', 0];
    let frame = Frame { seq: 1, cmd: 15, version: who.version, flag: 0, body };
    let mut read = BytesMut::from(&frame.write().0[..]);
    let mut unread = Vec::new();
    match Login::new(config, limit).receive(&mut read, &mut unread)? {
        LoginStep::Authenticate(mut authentication) => {
            authentication.set_dialect(Dialect::V2);
            Ok(authentication.accept(identity(who.session())?, &mut unread)?)
        }
        LoginStep::Read(_) => Err("the login was not read".into()),
    }
}

pub(crate) fn identity(session: SessionOf) -> Result<Identity, kefu_proto::ZeroId> {
    let account = Account::new(AppId(session.appid), UserId(session.uid));
    Identity::new(account, DeviceId(session.device_id))
}
