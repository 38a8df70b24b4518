//! Unpersistent messages (H6, D3.4), and what is taken for one.

use std::format;

use super::line::{Line, Session};
use super::state::{State, Verdict, demand};
use super::wire::{Chat, Head, flag};
use super::wrote::name;

impl State {
    /// A chat message is written that is no live copy: to its receiver if it is unpersistent (H6),
    /// otherwise in a sync (S2).
    pub(super) fn delivered(
        &mut self,
        line: &mut Line,
        session: &Session,
        (head, chat): (Head, &Chat<'_>),
    ) -> Verdict {
        let connection = line.id;
        let is_transient = self.is_transient(line, (head, chat));
        if let Some(mut reading) = line.reading.take_if(|_| !is_transient) {
            let verdict = self.synced(line, session, &mut reading, (head, chat));
            line.reading = Some(reading);
            return verdict;
        }
        let id = self.recognize(chat, is_transient)?;
        let message = &self.ledger[id];
        demand(is_transient, || {
            let what = format!("{} on {connection} outside of a sync", name(head));
            let rule = match line.dialects().may_have_pairs() {
                _ if !message.is_v2() => "H14.10",
                true => "W10.3",
                false => "D3.1",
            };
            self.breaks(rule, what, &[message.said])
        })?;
        demand(session.account == message.parties.receiver, || {
            let what = format!("{} on {connection}, which is not its receiver's", name(head));
            self.breaks("H6.1", what, &[message.said])
        })?;
        let mut worst = None;
        let fits = line.dialects().iter().any(|dialect| {
            message.variants(chat.hash, true).any(|variant| {
                let fits = self.fits(variant.form, dialect, (head, chat), true);
                let wrong = fits.err();
                worst = worst.or(wrong);
                wrong.is_none()
            })
        });
        demand(fits, || {
            let rule = worst.unwrap_or("H6.1");
            let what = format!("{} on {connection} is not what was sent", name(head));
            self.breaks(rule, what, &[message.said])
        })?;
        self.reaches(line, id, ("H6.1", true))
    }

    /// Whether it is an unpersistent message, perhaps one that has lost its flag.
    fn is_transient(&self, line: &Line, (head, chat): (Head, &Chat<'_>)) -> bool {
        let has_flag = head.flags & flag::UNPERSISTENT != 0;
        self.find(chat).is_some_and(|(_, message)| {
            let may_be = |unpersistent| message.variants(chat.hash, unpersistent).next().is_some();
            may_be(true) && (has_flag || line.reading.is_none() || !may_be(false))
        })
    }
}
