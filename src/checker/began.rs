//! Where the answer to a SYNC begins (S2.1, S2.2, S2.9, S3.1, D1.7).

use std::format;

use super::form::Dialects;
use super::line::{Line, Pending, Sent, Session};
use super::reading::{Chain, Reader, Reading, Start};
use super::state::{State, Verdict, demand};
use crate::dialect::Dialect;
use crate::id::Account;

impl State {
    /// Inside: the host begins to answer a SYNC, from the key that it keeps or another (S2.1).
    pub(super) fn syncing(&mut self, line: &mut Line, kept: i64) -> Verdict {
        let first = line.pending.iter().find_map(|pending| match pending.what {
            Sent::Sync { key, least, .. } => Some((key, least)),
            _ => None,
        });
        let Some(((key, least), account)) = first.zip(line.account()) else { return Ok(()) };
        if key == 0 && line.synced.is_none() {
            self.was_kept(line, account, kept, least)?;
        }
        let (due, dialects) = (self.queue(account).due, line.dialects_now());
        (line.is_behind, line.may_be_behind) = (false, false);
        line.start = Some(Start { kept, due, dialects, at: self.now.number });
        Ok(())
    }

    /// S3.1: the greatest key is kept, and none that nobody has wanted kept.
    fn was_kept(&mut self, line: &Line, account: Account, kept: i64, least: i64) -> Verdict {
        let begins_empty = self.terms.begins_empty;
        let queue = self.queue(account);
        let is_made_up = begins_empty && queue.follows_keys() && !queue.keys.contains(&kept);
        queue.began = queue.began.max(kept);
        demand(kept >= least && !is_made_up, || {
            let what = format!("SYNC 0 on {} begins at {kept}; {least} is to be kept", line.id);
            self.breaks("S3.1", what, &[])
        })
    }

    /// The key that must be kept, if there is only one that can be.
    fn only_kept(&self, account: Account, least: i64) -> Option<i64> {
        let wanted = self.queue_of(account).wanted;
        (self.terms.begins_empty && wanted <= least).then_some(least)
    }

    /// SYNC_BEGIN is written: with the key where the answer begins, or in V2 where it ends.
    pub(super) fn began(&mut self, line: &mut Line, session: &Session, said: i64) -> Verdict {
        let connection = line.id;
        demand(line.reading.is_none(), || {
            let what = format!("SYNC_BEGIN {said} on {connection} inside of an answer");
            self.breaks("S12.5", what, &[])
        })?;
        let asked = self.answers(line, |it| matches!(it.what, Sent::Sync { .. }))?;
        let Some(Pending { sent, what: Sent::Sync { key, least, due, dialects } }) = asked else {
            let what = format!("SYNC_BEGIN {said} on {connection}, where no SYNC waits for it");
            return Err(self.breaks("S2.2", what, &[]));
        };
        let start = line.start.take();
        let dialects = start.map_or(dialects.or(line.dialects()), |start| start.dialects);
        let due = start.map_or(due, |start| start.due);
        let v1 = dialects == Dialects::only(Dialect::V1);
        let only = self.only_kept(session.account, least);
        let begin = match (key, line.synced, start) {
            // S2.9
            (0, Some(synced), _) => Some(synced),
            (0, None, Some(start)) => Some(start.kept),
            (0, None, None) if v1 => {
                self.was_kept(line, session.account, said, least)?;
                Some(said)
            }
            (0, None, None) => only,
            _ => Some(key),
        };
        demand(!v1 || begin == Some(said), || {
            let what = format!("SYNC_BEGIN {said} on {connection} for a SYNC from {begin:?}");
            self.breaks("S2.2", what, &[sent])
        })?;
        let queue = self.queue(session.account);
        let next = begin
            .map(|begin| queue.after(begin))
            .filter(|_| begin.is_some_and(|begin| begin.max(0) >= queue.unknown));
        // Who does not know where an answer begins, cannot tell equal rows apart.
        let exact = self.sees_store && begin.is_some();
        let reader = |dialect| Reader { dialect, next, rows: 0, bytes: 0 };
        // S2.2
        let fits = |dialect: &Dialect| *dialect != Dialect::V1 || begin.is_none_or(|it| it == said);
        let readers = dialects.iter().filter(fits).map(reader).collect();
        Self::chains(line, begin);
        // In V2 it has begun before SYNC_BEGIN, which carries the key of the end (D4.5).
        line.answered_since = start.map_or(sent.number, |start| start.at);
        if line.asks_on() {
            line.behind_until = self.now.number;
        }
        (line.is_behind, line.may_be_behind) = (false, false);
        line.reading = Some(Reading { asked: sent, begin, said, due, exact, readers });
        Ok(())
    }

    /// Where the store is not seen, one answer goes on where the last one ended.
    fn chains(line: &mut Line, begin: Option<i64>) {
        if begin.is_some() && line.synced == begin {
            return;
        }
        line.chain = Chain { begin: begin.unwrap_or(i64::MAX), ..Chain::default() };
    }
}
