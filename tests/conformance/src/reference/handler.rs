//! What the handler does with one frame: the rules H1–H9, H13 and H14 in one page.

use super::chat::{Account, Chat};
use super::frame::Frame;
use super::{PUSH, Rules, SERVER_FLAGS};
use crate::case::{Effect, Format, Hex, Keys, Meta, SaveResult, SessionOf};

/// Everything that a message meets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'c> {
    pub(crate) format: Format,
    pub(crate) kefu_appid: i64,
    pub(crate) session: SessionOf,
    pub(crate) now: i32,
    pub(crate) answers: &'c [Option<SaveResult>],
}

/// Which way the handler went, and what it asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) branch: String,
    pub(crate) effects: Vec<Effect>,
}

impl Outcome {
    pub(crate) fn nothing(branch: &str) -> Self {
        Self { branch: branch.to_owned(), effects: Vec::new() }
    }
}

impl Situation<'_> {
    /// `frame` has been read: its body fits.
    pub(crate) fn outcome(&self, rules: Rules, frame: Frame<'_>) -> Outcome {
        let Some(chat) = Chat::read(frame.body) else { return Outcome::nothing("ignored") };
        let chat = Chat { timestamp: self.now, ..chat };
        match (frame.cmd, rules) {
            (24 | 25, Rules::Ours | Rules::Original(Format::V1)) => self.v1(frame, chat),
            (64, Rules::Ours | Rules::Original(Format::V2)) => self.v2(rules, frame, chat),
            _ => Outcome::nothing("ignored"),
        }
    }

    /// H2, H3, H5–H7.
    fn v1(&self, frame: Frame<'_>, chat: Chat<'_>) -> Outcome {
        let Self { session, kefu_appid, .. } = *self;
        let [customer_appid, customer_id, _, seller_id] = chat.ids;
        let way = if frame.cmd == 24 { "customer" } else { "support" };
        let broken = match way {
            "customer" if customer_appid != session.appid => Some("appid-mismatch"),
            "customer" if customer_id != session.uid => Some("customer-id-mismatch"),
            "customer" if seller_id == 0 => Some("seller-zero"),
            "support" if session.appid != kefu_appid => Some("not-kefu-appid"),
            "support" if session.uid != seller_id => Some("seller-mismatch"),
            _ => None,
        };
        if let Some(broken) = broken {
            return Outcome::nothing(&format!("{way}/{broken}"));
        }
        let (sender, receiver) = chat.parties(frame.cmd, kefu_appid);
        let message = Sent { frame, body: chat.write() };
        let ack = self.effect("EnqueueMessage", sender, &Sent::ack(frame.seq), None);
        if frame.flag & 0x02 != 0 {
            let effects = vec![self.effect("SendAppMessage", receiver, &message, None), ack];
            return Outcome { branch: format!("{way}/unpersistent-ok"), effects };
        }
        let (mut effects, saved) = self.saves(sender, receiver, &message);
        let branch = match saved {
            Err(number) => format!("{way}/save{number}-error"),
            Ok([first, second]) => {
                effects.push(self.effect("PushMessage", receiver, &message, None));
                effects.push(self.notify("SendAppMessage", receiver, first));
                effects.push(self.notify("SendMessage", sender, second));
                effects.push(ack);
                format!("{way}/persistent-ok")
            }
        };
        Outcome { branch, effects }
    }

    /// H13, H14.
    fn v2(&self, rules: Rules, frame: Frame<'_>, chat: Chat<'_>) -> Outcome {
        let Self { session, kefu_appid, .. } = *self;
        let (sender, receiver) = chat.parties(64, kefu_appid);
        if sender != (session.appid, session.uid) {
            return Outcome::nothing("v2/sender-mismatch");
        }
        if sender.0 != kefu_appid && receiver.0 != kefu_appid {
            return Outcome::nothing("v2/no-kefu-side");
        }
        // H13.4
        let taken = if rules == Rules::Ours { SERVER_FLAGS } else { 0 };
        let frame_of = |flag| Frame { seq: 0, version: 2, flag, ..frame };
        let message = Sent { frame: frame_of(0), body: chat.write() };
        let copy = Sent { frame: frame_of(frame.flag & !taken | PUSH), body: chat.write() };
        let (mut effects, saved) = self.saves(sender, receiver, &message);
        let branch = match saved {
            Err(number) => format!("v2/save{number}-error"),
            Ok([first, second]) => {
                effects.push(self.effect("PushMessage", receiver, &message, None));
                effects.extend(self.live_copy("SendAppMessage", receiver, &copy, first));
                effects.push(self.notify("SendAppMessage", receiver, first));
                effects.extend(self.live_copy("SendMessage", sender, &copy, second));
                effects.push(self.notify("SendMessage", sender, second));
                let ack = Sent::ack(frame.seq);
                effects.push(self.effect("EnqueueMessage", sender, &ack, keys(second)));
                "v2/ok".to_owned()
            }
        };
        Outcome { branch, effects }
    }

    /// H7.1, H7.2, H8: both saves, or the number of the one that failed.
    fn saves(
        &self,
        sender: Account,
        receiver: Account,
        message: &Sent<'_>,
    ) -> (Vec<Effect>, Result<[SaveResult; 2], usize>) {
        let answer = |index: usize| self.answers.get(index).copied().flatten();
        let save = |queue| Effect {
            device_id: Some(self.session.device_id),
            ..self.effect("SaveMessage", queue, message, None)
        };
        let mut effects = vec![save(receiver)];
        let Some(first) = answer(0) else { return (effects, Err(1)) };
        effects.push(save(sender));
        let Some(second) = answer(1) else { return (effects, Err(2)) };
        (effects, Ok([first, second]))
    }

    fn notify(&self, op: &str, to: Account, saved: SaveResult) -> Effect {
        self.effect(op, to, &Sent::by_server(29, &saved.msgid().to_be_bytes()), None)
    }

    /// H14: none where the store cannot tell what came before.
    fn live_copy(
        &self,
        op: &str,
        to: Account,
        copy: &Sent<'_>,
        saved: SaveResult,
    ) -> Option<Effect> {
        keys(saved).map(|keys| self.effect(op, to, copy, Some(keys)))
    }

    fn effect(&self, op: &str, to: Account, sent: &Sent<'_>, keys: Option<Keys>) -> Effect {
        let Frame { seq, cmd, version, flag, .. } = sent.frame;
        let (op, (appid, uid), body_hex) = (op.to_owned(), to, Hex(sent.body.clone()));
        let meta = match (self.format, keys) {
            (Format::V1, None) => Meta::Unknown,
            (_, keys) => keys.into(),
        };
        Effect { op, appid, uid, device_id: None, cmd, seq, version, flag, body_hex, meta }
    }
}

/// A message: the header of a frame, and another body.
struct Sent<'b> {
    frame: Frame<'b>,
    body: Vec<u8>,
}

impl Sent<'_> {
    fn ack(seq: i32) -> Self {
        Self::by_server(5, &seq.to_be_bytes())
    }

    /// H9.2
    fn by_server(cmd: u8, body: &[u8]) -> Self {
        let frame = Frame { seq: 0, cmd, version: 0, flag: 0, body: &[] };
        Self { frame, body: body.to_vec() }
    }
}

fn keys(saved: SaveResult) -> Option<Keys> {
    let prev_sync_key = saved.previous()?;
    Some(Keys { sync_key: saved.msgid(), prev_sync_key })
}
