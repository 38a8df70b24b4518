//! The whole server by the rules, the original's or ours, without kefu-proto.

use super::Left;
use crate::case::{Arrival, ConnectionOf, DeliverCase, Effect, Format, Hex, Routed};
use crate::reference::chat::Chat;
use crate::reference::frame::Frame;
use crate::reference::handler::{Outcome, Situation};
use crate::reference::{Rules, SERVER_FLAGS};

pub(super) struct Simulation {
    left: Left,
    /// Connections that have last sent a 24 or 25: they get messages as those (D1.6).
    is_v1: Vec<bool>,
}

impl Simulation {
    pub(super) fn run(case: &DeliverCase, now: i32, rules: Rules) -> Left {
        let count = case.connections.len();
        let left = Left { router: Vec::new(), frames: vec![Vec::new(); count] };
        let mut server = Self { left, is_v1: vec![false; count] };
        for arrival in &case.inputs {
            server.arrive(case, now, rules, arrival);
        }
        server.left
    }

    fn arrive(&mut self, case: &DeliverCase, now: i32, rules: Rules, arrival: &Arrival) {
        let from = arrival.connection;
        let (Some(sender), Some(frame)) =
            (case.connections.get(from), Frame::cut(&arrival.frame_hex.0))
        else {
            return;
        };
        let situation = Situation {
            format: Format::V2,
            kefu_appid: case.kefu_appid,
            session: sender.session(),
            now,
            answers: &arrival.save_results,
        };
        let Outcome { effects, .. } = situation.outcome(rules, frame);
        // Whatever is accepted has effects.
        if let (Some(is_v1), false) = (self.is_v1.get_mut(from), effects.is_empty()) {
            *is_v1 = frame.cmd != 64;
        }
        for effect in &effects {
            self.left.router.extend(routed(effect));
            for (index, to) in case.connections.iter().enumerate() {
                if reaches(rules, effect, (from, sender), (index, to)) {
                    self.write(index, to.version, case.kefu_appid, effect);
                }
            }
        }
    }

    fn write(&mut self, index: usize, version: u8, kefu_appid: i64, effect: &Effect) {
        let is_v1 = self.is_v1.get(index).copied().unwrap_or_default();
        let Some(frames) = self.left.frames.get_mut(index) else { return };
        let seq = |frames: &Vec<Hex>| i32::try_from(frames.len()).map_or(i32::MAX, |len| len + 1);
        // D3.1: no live copies for those who do not know them.
        if is_v1 && effect.cmd == 64 {
            return;
        }
        if let Some(keys) = effect.meta.keys() {
            let mut body = [keys.sync_key.to_be_bytes(), keys.prev_sync_key.to_be_bytes()].concat();
            body.extend([0; 16]);
            let seq = seq(frames);
            frames.push(Frame { seq, cmd: 37, version, flag: 0, body: &body }.write());
        }
        let (cmd, flag, mut body) = match (effect.cmd, Chat::read(&effect.body_hex.0)) {
            // D3.4
            (24 | 25, Some(chat)) if !is_v1 => {
                let body = chat.as_v2(effect.cmd, kefu_appid).write();
                (64, effect.flag & !SERVER_FLAGS, body)
            }
            _ => (effect.cmd, effect.flag, effect.body_hex.0.clone()),
        };
        // W3.5
        if cmd == 5 && version > 1 {
            body.push(0);
        }
        let seq = seq(frames);
        frames.push(Frame { seq, cmd, version, flag, body: &body }.write());
    }
}

/// Whether a connection gets what an effect carries.
fn reaches(
    rules: Rules,
    effect: &Effect,
    (from, sender): (usize, &ConnectionOf),
    (index, to): (usize, &ConnectionOf),
) -> bool {
    let is_addressed = (effect.appid, effect.uid) == (to.appid, to.uid);
    // The original leaves out the sender's device from all that others get.
    let is_own_device =
        (sender.appid, sender.uid, sender.device_id) == (to.appid, to.uid, to.device_id);
    let is_left_out = rules != Rules::Ours && is_own_device;
    match effect.op.as_str() {
        "EnqueueMessage" => index == from,
        "SendAppMessage" => is_addressed && !is_left_out,
        // H7.5
        "SendMessage" => is_addressed && !is_left_out && index != from,
        _ => false,
    }
}

fn routed(effect: &Effect) -> Option<Routed> {
    let op = match effect.op.as_str() {
        "SaveMessage" => "save",
        "PushMessage" => "push",
        "SendAppMessage" | "SendMessage" => "publish",
        _ => return None,
    };
    let (op, is_save) = (op.to_owned(), op == "save");
    let Effect { appid, uid, device_id, cmd, ref body_hex, meta, .. } = *effect;
    let sent = |field| (!is_save).then_some(field);
    let seq = (!is_save).then_some(effect.seq);
    let (version, flag) = (sent(effect.version), sent(effect.flag));
    let (body_hex, meta) = (body_hex.clone(), meta.keys());
    Some(Routed { op, appid, uid, device_id, cmd, seq, version, flag, body_hex, meta })
}
