//! Who takes part in a script.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::knobs::Knobs;
use super::roll::{KindRoll, Roll, is_in};
use crate::client::Kind;
use crate::id::{Account, AppId, UserId};

/// A client that takes part.
#[derive(Clone, Debug)]
pub(super) struct Participant {
    pub(super) account: Account,
    pub(super) is_seller: bool,
    pub(super) kind: Kind,
    pub(super) device: String,
}

/// All clients; those of one account stand together.
pub(super) fn cast(knobs: &Knobs, roll: &Roll) -> Vec<Participant> {
    let kefu_appid = knobs.config.kefu_appid();
    let customers = (0..).zip(0..roll.customers).map(|(number, _)| {
        // The same uids in two apps, so that a host that forgets the app is found out.
        (Account::new(AppId(7 + number % 2), UserId(1 + number / 2)), false)
    });
    let sellers = (1..).zip(0..roll.sellers);
    let sellers = sellers.map(|(uid, _)| (Account::new(kefu_appid, UserId(uid)), true));
    let clients = customers.chain(sellers).flat_map(|account| {
        // The same names for everybody: device numbers are the same in all apps (S1.2).
        (1..=roll.devices).map(move |device| (account, device))
    });
    let clients = clients.zip(&roll.kinds).map(|(((account, is_seller), device), kind)| {
        let device = alloc::format!("device {device}");
        Participant { account, is_seller, kind: kind_of(knobs, kind), device }
    });
    clients.collect()
}

fn kind_of(knobs: &Knobs, roll: &KindRoll) -> Kind {
    match (is_in(knobs.web, roll.web), is_in(knobs.v2, roll.v2)) {
        (false, false) => Kind::V1,
        (false, true) => Kind::V2,
        (true, false) if roll.is_old => Kind::OldWeb,
        (true, false) => Kind::WebV1,
        (true, true) => Kind::WebV2,
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.account, self.device)
    }
}
