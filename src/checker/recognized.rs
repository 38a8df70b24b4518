//! Which message it is that comes back from the host, and whether in the right form (W4.2, H4.1, D2).

use std::format;

use super::form::{Form, Parties};
use super::ledger::MessageId;
use super::state::{State, demand};
use super::violation::Violation;
use super::wire::{Chat, Head, command, command::CUSTOMER_V2};
use crate::dialect::Dialect;

impl State {
    /// The message that this is, if it was said and may have an effect, at the server's time (H4.1).
    pub(super) fn recognize(
        &self,
        chat: &Chat<'_>,
        transient: bool,
    ) -> Result<MessageId, Violation> {
        let found = self.find(chat).filter(|(_, message)| {
            let content = chat.hash;
            let mut variants =
                message.variants(content, transient).chain(message.variants(content, !transient));
            variants.next().is_some()
        });
        let Some((id, message)) = found else {
            return Err(self.nobody_has_sent(chat));
        };
        if let Some(rule) = message.dead {
            let (said, what) = (message.said, "a message that must have no effect has one");
            let rule = if rule.starts_with('H') { ("H11.1", rule) } else { (rule, rule) };
            let what = format!("{what} ({})", rule.1);
            return Err(self.breaks(rule.0, what, &[said]));
        }
        demand(self.clock.has_shown(chat.stamp, message.since), || {
            let what = format!("a message bears the time {}, not the server's", chat.stamp);
            self.breaks("H4.1", what, &[message.said])
        })?;
        Ok(id)
    }

    /// What nobody has sent like this: perhaps a translation that swaps the parties.
    fn nobody_has_sent(&self, chat: &Chat<'_>) -> Violation {
        let Parties { sender, receiver } = Parties::of(chat, self.kefu_app);
        let ids = [receiver.appid.0, receiver.uid.0, sender.appid.0, sender.uid.0];
        let swapped = self.find(&Chat { command: CUSTOMER_V2, ids, ..*chat });
        let rule = match swapped.map(|(_, message)| (message.first.form.command, chat.command)) {
            Some((command::CUSTOMER, CUSTOMER_V2)) => "D2.1",
            Some((command::CUSTOMER_SUPPORT, CUSTOMER_V2)) => "D2.2",
            Some((CUSTOMER_V2, command::CUSTOMER | command::CUSTOMER_SUPPORT)) => "D2.3",
            _ => "W4.2",
        };
        let said = swapped.map(|(_, message)| message.said);
        let what = "a message that nobody has sent like this".into();
        self.breaks(rule, what, said.as_slice())
    }

    /// Whether a message of this form is so in a dialect; if not, the rule that it breaks.
    pub(super) fn fits(
        &self,
        form: Form,
        dialect: Dialect,
        (head, chat): (Head, &Chat<'_>),
        live: bool,
    ) -> Result<(), &'static str> {
        let shop = |customer, seller| self.shop(customer, seller);
        let (expected, shop) = form.translated(dialect, self.kefu_app, shop);
        let translated = expected.command != form.command;
        if expected.command != head.command {
            return Err(match (live, dialect) {
                (true, _) => "D3.4",
                (false, Dialect::V1) => "D4.1",
                (false, Dialect::V2) => "D4.2",
                (false, Dialect::AsSent) => "D4.4",
            });
        }
        if !expected.has_ids(chat.ids, shop, translated) {
            return Err(match (translated, form.command) {
                (false, _) if live => "H6.1",
                (false, _) => "H10.1",
                (true, CUSTOMER_V2)
                    if expected.ids[0] == chat.ids[0] && expected.ids[1] == chat.ids[1] =>
                {
                    "D2.4"
                }
                (true, CUSTOMER_V2) => "D2.3",
                (true, command::CUSTOMER) => "D2.1",
                (true, _) => "D2.2",
            });
        }
        let flags = if live { expected.flags } else { head.flags };
        if flags == head.flags { Ok(()) } else { Err("W7.4") }
    }
}
