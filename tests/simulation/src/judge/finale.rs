//! What must hold when nobody has anything more to say.

use super::{Judge, Rule, Verdict};

impl Judge {
    /// Every message that was to be acknowledged is, and is where it should be.
    pub(crate) fn settle(&self) -> Verdict {
        for line in &self.lines {
            let owed = line.owed;
            Rule::ToldToGoOn.demands(owed.is_none(), || format!("no SYNC_NOTIFY({owed:?})"))?;
        }
        for (number, message) in self.ledger.iter().enumerate() {
            let what = || format!("message {number}");
            if message.refused {
                continue;
            }
            Rule::FinallyAcked.demands(message.settled, what)?;
            if message.is_unpersistent() {
                continue;
            }
            Rule::BothCopies.demands(message.acked && message.is_saved(), what)?;
            let once = message.copies == [1, 1];
            Rule::ExactlyOnce.demands(once || !self.terms.idempotent, what)?;
        }
        Ok(())
    }

    /// A client has read up to `key`.
    pub(crate) fn has_read(&self, client: usize, key: i64) -> Verdict {
        let newest = self.queues[self.clients[client].queue].newest();
        Rule::AllRead.demands(key >= newest, || {
            format!("client {client} has read to {key}, its queue goes to {newest}")
        })
    }
}
