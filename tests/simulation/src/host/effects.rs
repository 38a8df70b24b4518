//! Applies effects in their order (H6, H7). The host may die after any of them.

use bytes::BytesMut;
use kefu_proto::checker::Event;
use kefu_proto::{
    Account, ChatMessage, Effect, Effects, Encode, Flags, FrameLimit, Outbound, OwnedOutbound,
};

use super::{Host, Plant, id};
use crate::sim::{Sim, Verdict};

impl Host {
    pub(super) fn apply(&mut self, sim: &mut Sim, link: usize, effects: &Effects) -> Verdict {
        for effect in effects {
            sim.digest.add(effect.name().as_bytes());
            match self.spoil_effect(effects, effect) {
                None => {}
                Some(Effect::PushMessage { to, message }) => Self::push(sim, to, message)?,
                Some(Effect::SendAppMessage { to, message }) => {
                    self.send(sim, link, (to, None), &message)?;
                }
                Some(Effect::SendMessage { to, message }) => {
                    self.send(sim, link, (to, Some(link)), &message)?;
                }
                Some(Effect::EnqueueMessage { message }) => {
                    if self.loses_ack(link) {
                        continue;
                    }
                    if Some(effects.receiver()) == self.account(link) {
                        self.write_waiting(sim, link)?;
                    }
                    sim.tally.acks += 1;
                    self.give(sim, link, message)?;
                    if self.plant == Some(Plant::AckTwice) {
                        self.give(sim, link, message)?;
                    }
                }
            }
            if self.dies(sim)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The push service is told about every message and knows who is connected nowhere.
    pub(super) fn push(sim: &mut Sim, to: Account, message: &ChatMessage) -> Verdict {
        sim.tally.pushes += 1;
        let mut body = Vec::new();
        message.encode_body(&mut body).unwrap();
        sim.digest.add(&body);
        sim.observe(Event::Pushed { to, message })
    }

    /// To every connection of an account but one, on every server.
    pub(super) fn send(
        &mut self,
        sim: &mut Sim,
        from: usize,
        (to, except): (Account, Option<usize>),
        message: &Outbound<'_>,
    ) -> Verdict {
        let links = self.directory.get(&to).cloned().unwrap_or_default();
        let everybody =
            self.plant == Some(Plant::ShowEverybody) && matches!(message, Outbound::Chat(_));
        let links = if everybody { (0..self.connections.len()).collect() } else { links };
        let passed_on = pass_on(message, sim.rng.usize(..64));
        for link in links.into_iter().filter(|&link| Some(link) != except) {
            match message {
                Outbound::SyncNotify(_) => sim.tally.notifies += 1,
                Outbound::Chat(_) => sim.tally.unpersistent += 1,
                Outbound::LiveCopy(_) => sim.tally.pairs += 1,
                _ => {}
            }
            let elsewhere = link % self.servers != from % self.servers;
            let lost = elsewhere
                && self.plant == Some(Plant::LoseCopies)
                && matches!(message, Outbound::LiveCopy(_));
            match message {
                _ if lost => {}
                Outbound::Chat(chat) if self.plant == Some(Plant::DropFlags) => {
                    let mut plain = (*chat).clone();
                    plain.flags = Flags::NONE;
                    self.pass(sim, link, Outbound::Chat(&plain))?;
                }
                _ if elsewhere => self.pass(sim, link, passed_on.get())?,
                _ => self.pass(sim, link, *message)?,
            }
        }
        Ok(())
    }

    /// Gives a message to a connection, if it still exists.
    pub(super) fn give(&mut self, sim: &mut Sim, link: usize, message: Outbound<'_>) -> Verdict {
        if self.connections[link].is_none() {
            return Ok(());
        }
        sim.observe(Event::Given { connection: id(link), message })?;
        self.write(sim, link, &message)
    }
}

/// The message as another server has it, which gets its bytes in two pieces.
fn pass_on(message: &Outbound<'_>, cut: usize) -> OwnedOutbound {
    let mut bytes = Vec::new();
    message.encode_within(FrameLimit::MAX, &mut bytes).unwrap();
    let (first, rest) = bytes.split_at(cut.min(bytes.len() - 1));
    let mut read = BytesMut::from(first);
    let early = OwnedOutbound::decode(&mut read, FrameLimit::MAX);
    assert_eq!((early, read.len()), (Ok(None), first.len()));
    read.extend_from_slice(rest);
    OwnedOutbound::decode(&mut read, FrameLimit::MAX).unwrap().unwrap()
}
