//! There and back again, a message says the same (D2).

use kefu_proto::{Command, DeviceId, Dialect, Frame, FrameDecoder, FrameLimit, Identity, Version};

use super::login::log_in;
use crate::chat::{CUSTOMER, KEFU_APP, Said};

/// What a chat message becomes in the other version, and what becomes of that in its own.
pub(super) fn check(frame: &Frame) {
    let command = frame.command.0;
    let (there, back) = match command {
        24 | 25 => (Dialect::V2, Dialect::V1),
        64 => (Dialect::V1, Dialect::V2),
        _ => return,
    };
    let Some(said) = Said::read(command, &frame.body) else {
        return assert_eq!((written(frame, there), written(frame, back)), (None, None));
    };
    let apps = [said.sender.appid, said.receiver.appid];
    if !apps.contains(&KEFU_APP) {
        // Nothing that the rules accept.
        return;
    }
    let there = written(frame, there).unwrap();
    let back = written(&there, back).unwrap();
    for form in [&there, &back] {
        assert_eq!(Said::read(form.command.0, &form.body).unwrap(), said);
    }
    let between_users = apps == [KEFU_APP, KEFU_APP];
    let expected = if between_users && command == 24 { 25 } else { command };
    assert_eq!(back.command, Command(expected));
}

/// What a connection writes of it.
fn written(frame: &Frame, dialect: Dialect) -> Option<Frame> {
    let identity = Identity::new(CUSTOMER, DeviceId(1)).unwrap();
    let (mut online, mut out) = log_in(identity, Version(1), dialect);
    out.clear();
    online.write(frame, &mut out).unwrap();
    let written = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut out).unwrap();
    assert!(out.is_empty());
    written
}
