//! A connection of a certain dialect.

use bytes::BytesMut;
use kefu_proto::{Config, Dialect, FrameLimit, Identity, Login, LoginStep, Online, Version};

use crate::chat::KEFU_APP;

/// Returns what the client gets to read, too.
pub(super) fn log_in(identity: Identity, version: Version, dialect: Dialect) -> (Online, BytesMut) {
    let mut read = BytesMut::from(&b"\0\0\0\x04\0\0\0\x01\x0f\x01\0\0\x03\x01t\0"[..]);
    read[9] = version.0;
    let mut out = BytesMut::new();
    let login = Login::new(Config::new(KEFU_APP).unwrap(), FrameLimit::CLIENT);
    match login.receive(&mut read, &mut out) {
        Ok(LoginStep::Authenticate(mut asked)) => {
            asked.set_dialect(dialect);
            let online = asked.accept(identity, &mut out).unwrap();
            assert_eq!(online.dialect(), dialect);
            (online, out)
        }
        other => panic!("{other:?}"),
    }
}
