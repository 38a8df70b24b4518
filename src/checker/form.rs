//! In which form a connection gets a message (D1–D4).

use super::wire::{
    Chat,
    command::{CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2},
    flag::OF_SERVERS,
};
use crate::dialect::Dialect;
use crate::id::{Account, AppId, StoreId, UserId};

/// The dialects that a connection may have, as far as is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Dialects(u8);

const ALL: [Dialect; 3] = [Dialect::V1, Dialect::V2, Dialect::AsSent];

impl Dialects {
    pub(super) const ANY: Self = Self(7);

    pub(super) const fn only(dialect: Dialect) -> Self {
        Self(match dialect {
            Dialect::V1 => 1,
            Dialect::V2 => 2,
            Dialect::AsSent => 4,
        })
    }

    /// D1.1–D1.4: what a login tells.
    pub(super) const fn of_login(version: u8, platform: u8, last: u8) -> Self {
        match (version, platform, last) {
            (2.., _, _) => Self::only(Dialect::V2),
            (_, 1 | 2, _) | (_, _, 2) => Self::only(Dialect::V1),
            _ => Self::ANY,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, dialect: Dialect) -> bool {
        self.0 & Self::only(dialect).0 != 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Dialect> {
        ALL.into_iter().filter(move |dialect| self.has(*dialect))
    }

    /// D3.1–D3.3: whether it may have METADATA, whether it must.
    pub(super) const fn may_have_pairs(self) -> bool {
        self.has(Dialect::V2) || self.has(Dialect::AsSent)
    }

    pub(super) const fn has_pairs(self) -> bool {
        self.may_have_pairs() && !self.has(Dialect::V1)
    }
}

/// What an accepted message shows of its client (D1.6).
pub(super) const fn shown(command: u8) -> Dialect {
    if command == CUSTOMER_V2 { Dialect::V2 } else { Dialect::V1 }
}

/// The sender and the receiver (H5, H13).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Parties {
    pub(super) sender: Account,
    pub(super) receiver: Account,
}

impl Parties {
    pub(super) fn of(chat: &Chat<'_>, kefu_app: i64) -> Self {
        let [a, b, c, d] = chat.ids;
        match chat.command {
            CUSTOMER => Self { sender: account(a, b), receiver: account(kefu_app, d) },
            CUSTOMER_SUPPORT => Self { sender: account(kefu_app, d), receiver: account(a, b) },
            _ => Self { sender: account(a, b), receiver: account(c, d) },
        }
    }
}

/// H2, H3, H13: the rule that refuses a message of this session, if one does.
pub(super) fn refusal(chat: &Chat<'_>, session: Account, kefu_app: i64) -> Option<&'static str> {
    let [a, b, c, d] = chat.ids;
    let Account { appid: AppId(app), uid: UserId(user) } = session;
    let guards = match chat.command {
        CUSTOMER => [("H2.1", a != app), ("H2.2", b != user), ("H2.3", d == 0)],
        CUSTOMER_SUPPORT => [("H3.1", app != kefu_app), ("H3.2", d != user), ("H3.3", false)],
        _ => [
            ("H13.1", (a, b) != (app, user)),
            ("H13.2", a != kefu_app && c != kefu_app),
            ("H13.3", false),
        ],
    };
    guards.into_iter().find_map(|(rule, broken)| broken.then_some(rule))
}

/// A message as it was said, but for time and content.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Form {
    pub(super) command: u8,
    pub(super) flags: u8,
    pub(super) ids: [i64; 4],
}

/// The shops that a host may name in a translation (D2.4).
#[derive(Clone, Copy, Debug)]
pub(super) enum Shop {
    Any,
    Only(StoreId),
}

impl Form {
    /// D2: in this dialect. The shop is what the host says for a customer and a seller.
    pub(super) fn translated(
        self,
        dialect: Dialect,
        kefu_app: i64,
        shop: impl Fn(Account, Account) -> Shop,
    ) -> (Self, Shop) {
        let [a, b, c, d] = self.ids;
        let (command, ids, shop) = match (dialect, self.command) {
            // D2.1, D2.2
            (Dialect::V2, CUSTOMER) => (CUSTOMER_V2, [a, b, kefu_app, d], Shop::Any),
            (Dialect::V2, CUSTOMER_SUPPORT) => (CUSTOMER_V2, [kefu_app, d, a, b], Shop::Any),
            // D2.3
            (Dialect::V1, CUSTOMER_V2) if a == kefu_app => {
                (CUSTOMER_SUPPORT, [c, d, 0, b], shop(account(c, d), account(a, b)))
            }
            (Dialect::V1, CUSTOMER_V2) => {
                (CUSTOMER, [a, b, 0, d], shop(account(a, b), account(c, d)))
            }
            _ => return (self, Shop::Any),
        };
        // D3.4
        (Self { command, flags: self.flags & !OF_SERVERS, ids }, shop)
    }

    /// Whether the ids are these, but for a shop that this form takes from the host.
    pub(super) fn has_ids(&self, ids: [i64; 4], shop: Shop, translated: bool) -> bool {
        let [a, b, c, d] = self.ids;
        let store_fits = match shop {
            Shop::Any => translated && self.command != CUSTOMER_V2 || ids[2] == c,
            Shop::Only(StoreId(store)) => ids[2] == store || ids[2] == c,
        };
        [ids[0], ids[1], ids[3]] == [a, b, d] && store_fits
    }
}

pub(super) const fn account(appid: i64, uid: i64) -> Account {
    Account::new(AppId(appid), UserId(uid))
}
