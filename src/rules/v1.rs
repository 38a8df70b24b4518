//! Version 1: CUSTOMER and CUSTOMER_SUPPORT (H2, H3, H5).

use super::refusal::Refusal;
use crate::id::{Account, UserId};
use crate::identity::{Config, Identity};
use crate::message::{ChatMessage, CustomerMessage, Parties, Party};
use crate::wire::Flags;

/// What an accepted message is.
pub(crate) struct Ruling {
    pub(crate) parties: Parties,
    pub(crate) is_persistent: bool,
}

/// What `message` is, or the first rule that it breaks.
#[inline]
pub(crate) fn check(
    config: Config,
    identity: Identity,
    message: &ChatMessage,
) -> Result<Ruling, Refusal> {
    let sender = identity.account();
    let receiver = match message.from {
        Party::Customer => customer(config, sender, &message.body)?,
        Party::Seller => seller(config, sender, &message.body)?,
    };
    // H6.3: the flag decides, whatever the other bits.
    let is_persistent = !message.flags.contains(Flags::UNPERSISTENT);
    Ok(Ruling { parties: Parties { receiver, sender }, is_persistent })
}

/// H2: a customer writes in their own name, to somebody. Nothing else is tested (H2.4).
#[inline]
fn customer(
    config: Config,
    sender: Account,
    message: &CustomerMessage,
) -> Result<Account, Refusal> {
    let Account { appid, uid } = sender;
    // H2.1
    if message.customer_appid != appid {
        let claimed = message.customer_appid;
        return Err(Refusal::CustomerAppIdMismatch { claimed, session: appid });
    }
    // H2.2
    if message.customer_id != uid {
        let claimed = message.customer_id;
        return Err(Refusal::CustomerIdMismatch { claimed, session: uid });
    }
    // H2.3
    if message.seller_id == UserId(0) {
        return Err(Refusal::SellerIdZero);
    }
    // H5.1
    Ok(Account::new(config.kefu_appid(), message.seller_id))
}

/// H3: a seller is a user of the kefu app and writes in their own name, to anybody (H3.3).
#[inline]
fn seller(config: Config, sender: Account, message: &CustomerMessage) -> Result<Account, Refusal> {
    let Account { appid, uid } = sender;
    let kefu_appid = config.kefu_appid();
    // H3.1
    if appid != kefu_appid {
        return Err(Refusal::NotKefuApp { session: appid, kefu_appid });
    }
    // H3.2
    if message.seller_id != uid {
        let claimed = message.seller_id;
        return Err(Refusal::SellerIdMismatch { claimed, session: uid });
    }
    // H5.2
    Ok(Account::new(message.customer_appid, message.customer_id))
}
