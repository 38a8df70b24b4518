//! What waits for a connection that is written to more slowly than others send (S13).

use kefu_proto::checker::Event;
use kefu_proto::{LeftOut, Outbound, Pushed};

use super::{Host, Plant, id};
use crate::agenda;
use crate::sim::{Sim, Verdict};

/// A METADATA frame.
const METADATA: usize = 12 + 32;

impl Host {
    /// Gives a message of others to a connection, if it still exists: at once, or by its outbox.
    pub(super) fn pass(&mut self, sim: &mut Sim, link: usize, message: Outbound<'_>) -> Verdict {
        if self.promises.outbox.is_none() {
            return self.give(sim, link, message);
        }
        let plant = self.plant;
        let Some(connection) = &mut self.connections[link] else { return Ok(()) };
        sim.observe(Event::Given { connection: id(link), message })?;
        let is_notify = matches!(message, Outbound::SyncNotify(_));
        let is_full = self.promises.outbox.is_some_and(|it| connection.outbox.len() >= it.messages);
        let drops = match plant {
            Some(Plant::DropNotify) => is_notify && is_full,
            Some(Plant::OlderNotify) => is_notify && connection.has_notify,
            _ => false,
        };
        if drops {
            return Ok(());
        }
        let pushed = connection.outbox.push(message.into_owned());
        connection.has_notify |= is_notify;
        if !std::mem::replace(&mut connection.is_draining, true) {
            let delay = sim.rng.u64(1..100);
            sim.agenda.after(delay, agenda::Event::Drain { link, life: self.life });
        }
        match pushed {
            Pushed::Merged => sim.tally.merged += 1,
            Pushed::LeftOut(LeftOut::LiveCopy) => {
                sim.tally.left_out += 1;
                if plant == Some(Plant::LeaveMetadata) {
                    kefu_proto::Encode::encode(&message, &mut self.out).unwrap();
                    self.out.truncate(METADATA);
                    self.flush(sim, link)?;
                }
            }
            Pushed::LeftOut(_) => sim.tally.left_out += 1,
            _ => {}
        }
        Ok(())
    }

    /// The socket takes a little more.
    pub(crate) fn drain(&mut self, sim: &mut Sim, link: usize, life: u32) -> Verdict {
        if life != self.life || self.dies(sim)? {
            return Ok(());
        }
        for _ in 0..sim.rng.usize(1..4) {
            self.write_next(sim, link)?;
        }
        let Some(connection) = &mut self.connections[link] else { return Ok(()) };
        connection.is_draining = !connection.outbox.is_empty();
        if connection.is_draining {
            let delay = sim.rng.u64(1..100);
            sim.agenda.after(delay, agenda::Event::Drain { link, life });
        }
        Ok(())
    }

    /// Writes all that waits: before the connection is closed (S7.2), and before the ACK of a message
    /// to oneself (H7.6).
    pub(super) fn write_waiting(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        while self.write_next(sim, link)? {}
        Ok(())
    }

    fn write_next(
        &mut self,
        sim: &mut Sim,
        link: usize,
    ) -> Result<bool, kefu_proto::checker::Violation> {
        let Some(connection) = &mut self.connections[link] else { return Ok(false) };
        let Some(message) = connection.outbox.pop() else { return Ok(false) };
        connection.has_notify &= !matches!(message.get(), Outbound::SyncNotify(_));
        self.write(sim, link, &message)?;
        Ok(true)
    }

    /// Whether an ACK is lost for want of room.
    pub(super) fn loses_ack(&self, link: usize) -> bool {
        let waiting = self.connections[link].as_ref().map_or(0, |it| it.outbox.len());
        self.plant == Some(Plant::DropAck)
            && self.promises.outbox.is_some_and(|bounds| waiting >= bounds.messages)
    }
}
