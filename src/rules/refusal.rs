//! What the rules may answer instead of letting a message go on.

use thiserror::Error;

use crate::id::{Account, AppId, UserId};
use crate::wire::Command;

/// Why the rules refused a message (H1–H3, H11.2, H13): no save, no push, no notify, no ACK.
///
/// On the wire a refusal is silence. The host may count it, log it or close the connection.
///
/// Non-exhaustive: a later version of the protocol has rules of its own. All refusals mean the same
/// to a host: the message has no effect.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// H1.1: none of CUSTOMER, CUSTOMER_SUPPORT and CUSTOMER_V2: not a chat message.
    #[error("H1.1: {command} is not a chat message")]
    OtherCommand {
        /// The command of the message.
        command: Command,
    },
    /// H2.1: a customer writes in the name of another app.
    #[error("H2.1: customer_appid {claimed} is not the session's appid {session}")]
    CustomerAppIdMismatch {
        /// `customer_appid` of the message.
        claimed: AppId,
        /// The session's appid.
        session: AppId,
    },
    /// H2.2: a customer writes in the name of another customer.
    #[error("H2.2: customer_id {claimed} is not the session's uid {session}")]
    CustomerIdMismatch {
        /// `customer_id` of the message.
        claimed: UserId,
        /// The session's uid.
        session: UserId,
    },
    /// H2.3: a customer's message names no seller.
    #[error("H2.3: seller_id is 0: the message names no seller")]
    SellerIdZero,
    /// H3.1: only users of the kefu app are sellers.
    #[error("H3.1: the session's appid {session} is not the kefu app {kefu_appid}")]
    NotKefuApp {
        /// The session's appid.
        session: AppId,
        /// The configured kefu app.
        kefu_appid: AppId,
    },
    /// H3.2: a seller writes in the name of another seller.
    #[error("H3.2: seller_id {claimed} is not the session's uid {session}")]
    SellerIdMismatch {
        /// `seller_id` of the message.
        claimed: UserId,
        /// The session's uid.
        session: UserId,
    },
    /// H13.1: somebody writes in the name of another.
    #[error("H13.1: the sender {claimed} is not the session's account {session}")]
    SenderMismatch {
        /// The sender that the message names.
        claimed: Account,
        /// The session's account.
        session: Account,
    },
    /// H13.2: neither side is a user of the kefu app.
    #[error("H13.2: neither {sender} nor {receiver} is of the kefu app {kefu_appid}")]
    NoKefuSide {
        /// The sender's app.
        sender: AppId,
        /// The receiver's app.
        receiver: AppId,
        /// The configured kefu app.
        kefu_appid: AppId,
    },
}

impl Refusal {
    /// A short constant name for counters: `other_command`, `customer_appid_mismatch`,
    /// `customer_id_mismatch`, `seller_id_zero`, `not_kefu_app`, `seller_id_mismatch`,
    /// `sender_mismatch` or `no_kefu_side`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::OtherCommand { .. } => "other_command",
            Self::CustomerAppIdMismatch { .. } => "customer_appid_mismatch",
            Self::CustomerIdMismatch { .. } => "customer_id_mismatch",
            Self::SellerIdZero => "seller_id_zero",
            Self::NotKefuApp { .. } => "not_kefu_app",
            Self::SellerIdMismatch { .. } => "seller_id_mismatch",
            Self::SenderMismatch { .. } => "sender_mismatch",
            Self::NoKefuSide { .. } => "no_kefu_side",
        }
    }
}
