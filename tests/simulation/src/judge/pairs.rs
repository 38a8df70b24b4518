//! METADATA and what stands behind it (W10, H14).

use super::{Judge, Rule, Verdict};
use crate::clock::Clock;
use crate::wire::{ACK, CUSTOMER_V2, Head, METADATA, PUSH, int64};

/// What a METADATA says: a key, and the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    key: i64,
    previous: i64,
}

impl Judge {
    /// Takes note of a METADATA, or sees to it that the last one has its message. Returns the keys
    /// that belong to this frame.
    pub(super) fn paired(
        &mut self,
        link: usize,
        head: Head,
        body: &[u8],
    ) -> Result<Option<Keys>, super::Violation> {
        let line = &mut self.lines[link];
        let keys = line.metadata.take();
        let what = || format!("{head:?} behind {keys:?} on connection {link}");
        let fits = match head.command {
            CUSTOMER_V2 => keys.is_some() == (head.flags & PUSH != 0),
            ACK => true,
            _ => keys.is_none(),
        };
        Rule::Pair.demands(fits, what)?;
        if head.command == METADATA {
            let zeros = body.len() == 32 && body[16..] == [0; 16] && head.flags == 0;
            Rule::Header.demands(zeros, what)?;
            Rule::Dialect.demands(line.knows_pairs(), what)?;
            line.has_copies = true;
            line.metadata = Some(Keys { key: int64(body), previous: int64(&body[8..]) });
        }
        Ok(keys)
    }

    /// The keys are those of a copy of this message in this queue, and of the row before it.
    pub(super) fn continues(&self, queue: usize, number: usize, keys: Keys) -> Verdict {
        let Keys { key, previous } = keys;
        let what = || format!("METADATA({key}, {previous}) of message {number}");
        let rows = &self.queues[queue].rows;
        let place = rows.binary_search_by_key(&key, |row| row.msgid);
        let place = place.map_err(|_| Rule::Previous.broken(what()))?;
        Rule::Previous.demands(rows[place].number == number, what)?;
        let before = place.checked_sub(1).map_or(0, |place| rows[place].msgid);
        Rule::Previous.demands(previous == before, || format!("{} instead of {before}", what()))
    }

    /// A live copy is written (H14.4, H14.6).
    pub(super) fn copied(
        &mut self,
        (clock, now): (&Clock, u64),
        (link, queue): (usize, usize),
        (head, body): (Head, &[u8]),
        keys: Keys,
    ) -> Verdict {
        let number = self.recognize(clock, now, head.command, body)?;
        let message = self.ledger.get(number);
        let parties = message.parties;
        let what = || format!("{head:?} of message {number} on connection {link}");
        Rule::PartiesOnly.demands([parties.receiver, parties.sender].contains(&queue), what)?;
        Rule::Header.demands(head.flags == message.live_flags(), what)?;
        Rule::NotifyAfterSaves.demands(message.is_saved(), what)?;
        self.continues(queue, number, keys)?;
        self.lines[link].copied = Some(number);
        Ok(())
    }

    /// The host has both copies, and knows of each or does not know what was the newest before.
    pub(crate) fn confirmed(&mut self, command: u8, body: &[u8], continues: [bool; 2]) {
        if let Some(number) = self.ledger.find(command, body) {
            self.ledger.get_mut(number).continues = continues;
        }
    }
}
