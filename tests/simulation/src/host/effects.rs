//! Applies effects in their order (H6, H7). The host may die after any of them.

use kefu_proto::{Account, ChatMessage, Effect, Effects, Encode, Flags, Outbound};

use super::{Host, Plant};
use crate::judge::Verdict;
use crate::sim::Sim;

impl Host {
    pub(super) fn apply(&mut self, sim: &mut Sim, link: usize, effects: &Effects) -> Verdict {
        for effect in effects {
            sim.digest.add(effect.name().as_bytes());
            match self.spoil_effect(effects, effect) {
                None => {}
                Some(Effect::PushMessage { to, message }) => Self::push(sim, to, message)?,
                Some(Effect::SendAppMessage { to, message }) => {
                    self.send(sim, to, None, &message)?;
                }
                Some(Effect::SendMessage { to, message }) => {
                    self.send(sim, to, Some(link), &message)?;
                }
                Some(Effect::EnqueueMessage { message }) => {
                    sim.tally.acks += 1;
                    self.write(sim, link, &message)?;
                    if self.plant == Some(Plant::AckTwice) {
                        self.write(sim, link, &message)?;
                    }
                }
            }
            if self.dies(sim) {
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
        let (user, now) = ((to.appid.0, to.uid.0), sim.now());
        sim.judge.pushed(&sim.clock, now, user, message.command().0, &body)
    }

    pub(super) fn send(
        &mut self,
        sim: &mut Sim,
        to: Account,
        except: Option<usize>,
        message: &Outbound<'_>,
    ) -> Verdict {
        let links = self.directory.get(&to).cloned().unwrap_or_default();
        let everybody =
            self.plant == Some(Plant::ShowEverybody) && matches!(message, Outbound::Chat(_));
        let links = if everybody { (0..self.connections.len()).collect() } else { links };
        for link in links.into_iter().filter(|&link| Some(link) != except) {
            match message {
                Outbound::SyncNotify(_) => sim.tally.notifies += 1,
                Outbound::Chat(_) => sim.tally.unpersistent += 1,
                _ => {}
            }
            match message {
                Outbound::Chat(chat) if self.plant == Some(Plant::DropFlags) => {
                    let mut plain = (*chat).clone();
                    plain.flags = Flags::NONE;
                    self.write(sim, link, &plain)?;
                }
                _ => self.write(sim, link, message)?,
            }
        }
        Ok(())
    }
}
