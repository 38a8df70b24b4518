//! What a fresh connection is answered by the rules, the original's or ours, without kefu-proto.

use std::collections::BTreeSet;

use crate::case::{Hex, LoginCase, Mark};
use crate::reference::chat::Chat;
use crate::reference::frame::Frame;
use crate::reference::read::is_of_clients;
use crate::reference::{LISTED, Rules};

pub(super) struct Answers {
    pub(super) frames: Vec<Hex>,
    /// Why the two servers may answer differently.
    pub(super) on_purpose: BTreeSet<Mark>,
    rules: Rules,
    /// Once somebody has logged in.
    version: Option<u8>,
}

impl Answers {
    pub(super) fn of(case: &LoginCase, rules: Rules) -> Self {
        let (frames, on_purpose) = (Vec::new(), BTreeSet::new());
        let mut answers = Self { frames, on_purpose, rules, version: None };
        for input in &case.input {
            let Some(frame) = Frame::cut(&input.0) else { break };
            if answers.receive(case, frame).is_none() {
                break;
            }
        }
        answers
    }

    /// `None` closes the connection.
    fn receive(&mut self, case: &LoginCase, frame: Frame<'_>) -> Option<()> {
        let is_ours = self.rules == Rules::Ours;
        match frame.cmd {
            13 => frame.body.is_empty().then(|| self.answer(14, self.version.unwrap_or(0), &[])),
            15 => self.auth_token(case, frame),
            // Here their bodies have to fit.
            24 | 25 if is_ours => {
                self.on_purpose.insert(Mark::DeprecatedCommand);
                Chat::read(frame.body).map(|_| ())
            }
            // Here what clients may not say is ignored, or for the host.
            cmd if !is_of_clients(cmd) => {
                let is_listed = LISTED.contains(&cmd);
                let mark = if is_listed { Mark::ErrorCmd } else { Mark::UnlistedCommand };
                self.on_purpose.insert(mark);
                is_ours.then_some(())
            }
            _ => Some(()),
        }
    }

    fn auth_token(&mut self, case: &LoginCase, frame: Frame<'_>) -> Option<()> {
        let token = token(frame.body)?;
        if self.version.is_some() {
            return Some(());
        }
        let known = case.tokens.iter().find(|known| known.token_hex.0 == token);
        let is_known = known.is_some_and(|known| known.appid != 0 && known.uid != 0);
        self.version = is_known.then_some(frame.version);
        let version = self.version.unwrap_or(0);
        let status = i32::from(!is_known).to_be_bytes();
        if version == 0 && self.rules == Rules::Ours {
            // W3.3: and an address, which is not told.
            self.on_purpose.insert(Mark::AuthStatusV0);
            self.answer(3, version, &[status, [0; 4]].concat());
        } else {
            self.answer(3, version, &status);
        }
        Some(())
    }

    fn answer(&mut self, cmd: u8, version: u8, body: &[u8]) {
        let seq = i32::try_from(self.frames.len()).map_or(i32::MAX, |len| len + 1);
        self.frames.push(Frame { seq, cmd, version, flag: 0, body }.write());
    }
}

/// The token of a body that fits: a platform, and two strings behind their lengths.
fn token(body: &[u8]) -> Option<&[u8]> {
    let (_platform, rest) = body.split_first()?;
    let (token, rest) = short(rest)?;
    short(rest).map(|_| token).filter(|_| body.len() > 3)
}

fn short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(length.into())
}
