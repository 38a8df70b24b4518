//! Version 2: CUSTOMER_V2 (H13).

use super::refusal::Refusal;
use crate::id::{Account, AppId, UserId};
use crate::identity::{Config, Identity};
use crate::message::ChatMessage;

/// H13: anybody writes in their own name, to a user of the kefu app or as one. Nothing else is
/// tested (H13.3). Returns the receiver.
#[inline]
pub(crate) fn check(
    config: Config,
    identity: Identity,
    message: &ChatMessage,
) -> Result<Account, Refusal> {
    let (session, kefu_appid) = (identity.account(), config.kefu_appid());
    // W9.1
    let [sender_appid, sender, receiver_appid, receiver] = message.body.ids;
    let sender = Account::new(AppId(sender_appid), UserId(sender));
    let receiver = Account::new(AppId(receiver_appid), UserId(receiver));
    // H13.1
    if sender != session {
        return Err(Refusal::SenderMismatch { claimed: sender, session });
    }
    // H13.2
    if sender.appid != kefu_appid && receiver.appid != kefu_appid {
        let (sender, receiver) = (sender.appid, receiver.appid);
        return Err(Refusal::NoKefuSide { sender, receiver, kefu_appid });
    }
    Ok(receiver)
}
