//! Answers a sync (S2): at once, or page by page while the queue grows and other frames are
//! written.

use kefu_proto::checker;
use kefu_proto::{
    Body, Command, Dialect, Frame, Parsed, StoreId, StoredMessage, SyncAnswer, SyncRequest, SyncRow,
};

use super::{Host, InFlight, Plant, id, planted};
use crate::agenda::Event;
use crate::promises::shop_of;
use crate::sim::{Sim, Verdict};

impl Host {
    pub(super) fn sync(&mut self, sim: &mut Sim, link: usize, request: SyncRequest) -> Verdict {
        sim.tally.syncs += 1;
        if self.plant == Some(Plant::IgnoreSync) {
            return Ok(());
        }
        let kept = self.store.kept(request.queue());
        sim.observe(checker::Event::Syncing { connection: id(link), kept })?;
        let Some((online, out)) = self.online(link) else { return Ok(()) };
        let answer = online.begin_sync(request, kept, out).unwrap();
        self.flush(sim, link)?;
        self.go_on(sim, link, answer)
    }

    /// The time has come for the next page.
    pub(crate) fn page(&mut self, sim: &mut Sim, link: usize, life: u32) -> Verdict {
        if life != self.life || self.dies(sim)? {
            return Ok(());
        }
        let Some(connection) = &mut self.connections[link] else { return Ok(()) };
        let Some(InFlight::Syncing(answer)) = connection.in_flight.pop_front() else {
            panic!("a sync is finished before anything behind it");
        };
        self.go_on(sim, link, answer)?;
        self.work(sim, link)
    }

    fn go_on(&mut self, sim: &mut Sim, link: usize, mut answer: SyncAnswer) -> Verdict {
        loop {
            let limit = sim.rng.usize(1..20);
            let Some(after) = answer.after() else { break };
            let page = self.store.page(answer.queue(), after, limit);
            if page.is_empty() {
                break;
            }
            for row in page {
                let skipped = self.plant == Some(Plant::SyncSkips) && sim.rng.u8(..20) == 0;
                if !skipped {
                    self.row(sim, link, &mut answer, row)?;
                }
            }
            if sim.rng.u8(..4) == 0 {
                let Some(connection) = &mut self.connections[link] else { return Ok(()) };
                connection.in_flight.push_front(InFlight::Syncing(answer));
                let delay = sim.rng.u64(1..20);
                sim.agenda.after(delay, Event::Page { link, life: self.life });
                return Ok(());
            }
        }
        if answer.wants_newest() {
            answer.set_newest(self.store.newest(answer.queue()));
        }
        sim.tally.full_answers += u64::from(answer.after().is_none());
        let Some((online, out)) = self.online(link) else { return Ok(()) };
        online.finish_sync(answer, out).unwrap();
        self.flush(sim, link)
    }

    fn row(
        &mut self,
        sim: &mut Sim,
        link: usize,
        answer: &mut SyncAnswer,
        mut row: StoredMessage,
    ) -> Verdict {
        let frame = Frame::new(row.command, row.body.clone());
        if self.promises.shops {
            answer.set_store(self.shop(&row));
        }
        let swaps = self.plant == Some(Plant::SwapParties);
        let Some((online, out)) = self.online(link) else { return Ok(()) };
        let is_v2 = row.command == Command::CUSTOMER_V2;
        if swaps && online.dialect() == Dialect::V2 {
            row.command = planted::of_other_role(row.command);
        }
        let came = online.sync_row(answer, row, out).unwrap();
        let translated = match online.dialect() {
            Dialect::V1 => is_v2,
            Dialect::V2 => !is_v2,
            Dialect::AsSent => false,
        };
        sim.tally.translations += u64::from(translated && came == SyncRow::Taken);
        self.flush(sim, link)?;
        if came == SyncRow::LeftOut && self.plant == Some(Plant::SyncOwn) {
            self.write(sim, link, &frame)?;
        }
        Ok(())
    }

    /// The shop that a CUSTOMER_V2 is about, in version 1 (D2.4).
    fn shop(&self, row: &StoredMessage) -> StoreId {
        let Ok(Parsed::Message(message)) = row.parse() else { return StoreId(0) };
        let Body::CustomerV2(text) = message.body else { return StoreId(0) };
        let is_seller = text.sender.appid == self.config.kefu_appid();
        let (customer, seller) =
            if is_seller { (text.receiver, text.sender) } else { (text.sender, text.receiver) };
        StoreId(shop_of(customer, seller).0 ^ i64::from(self.plant == Some(Plant::WrongShop)))
    }
}
