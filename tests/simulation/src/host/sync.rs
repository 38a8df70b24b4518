//! Answers a sync (S2): at once, or page by page while the queue grows and other frames go out in between.

use kefu_proto::{Account, Flags, Frame, Seq, StoredMessage, SyncPages, SyncRequest, Version};

use super::{Host, InHand, Plant};
use crate::agenda::Event;
use crate::judge::Verdict;
use crate::sim::Sim;

impl Host {
    pub(super) fn sync(&mut self, sim: &mut Sim, link: usize, request: SyncRequest) -> Verdict {
        sim.tally.syncs += 1;
        if self.plant == Some(Plant::IgnoreSync) {
            return Ok(());
        }
        let queue = request.queue();
        let kept = self.store.kept(queue);
        let (begin, pages) = request.begin(kept);
        self.write(sim, link, &begin)?;
        self.go_on(sim, link, pages, queue)
    }

    /// The time has come for the next page.
    pub(crate) fn page(&mut self, sim: &mut Sim, link: usize, life: u32) -> Verdict {
        if life != self.life || self.dies(sim) {
            return Ok(());
        }
        let Some(connection) = &mut self.connections[link] else { return Ok(()) };
        let Some(InHand::Syncing(pages, queue)) = connection.in_hand.pop_front() else {
            panic!("a sync is finished before anything behind it");
        };
        self.go_on(sim, link, pages, queue)?;
        self.work(sim, link)
    }

    fn go_on(
        &mut self,
        sim: &mut Sim,
        link: usize,
        mut pages: SyncPages,
        queue: Account,
    ) -> Verdict {
        loop {
            let limit = sim.rng.usize(1..20);
            let page = self.store.page(queue, pages.after(), limit);
            if page.is_empty() {
                break;
            }
            for row in page {
                let skipped = self.plant == Some(Plant::SyncSkips) && sim.rng.u8(..20) == 0;
                let all = self.plant == Some(Plant::SyncOwn);
                let kept = all.then(|| own_frame(&row));
                if let Some(frame) = pages.row(row).or(kept).filter(|_| !skipped) {
                    self.write(sim, link, &frame)?;
                }
            }
            if sim.rng.u8(..4) == 0 {
                let Some(connection) = &mut self.connections[link] else { return Ok(()) };
                connection.in_hand.push_front(InHand::Syncing(pages, queue));
                let delay = sim.rng.u64(1..20);
                sim.agenda.after(delay, Event::Page { link, life: self.life });
                return Ok(());
            }
        }
        self.write(sim, link, &pages.end())
    }
}

/// What a device should not get.
fn own_frame(row: &StoredMessage) -> Frame {
    let StoredMessage { command, body, .. } = row.clone();
    Frame { seq: Seq(0), command, version: Version(0), flags: Flags::NONE, body }
}
