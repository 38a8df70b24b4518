//! What can go wrong, as values: each error carries the facts, each refusal names its rule.

use thiserror::Error;

use crate::{AppId, Command, FrameLimit, UserId};

/// Why bytes are not a message (W2, W5). After any of these a server closes the connection (S7).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum DecodeError {
    /// W2.1: the header's length is negative or not below the reader's limit. Told from the header alone.
    #[error("frame of {length} bytes refused: the limit is below {limit}")]
    Length {
        /// The length as the header gives it.
        length: i32,
        /// The limit of the reader.
        limit: FrameLimit,
    },
    /// W5.1, W5.5: the body ends before its fixed part does.
    #[error("body of {command} ends after {actual} bytes: at least {needed} needed")]
    TooShort {
        /// The frame's command.
        command: Command,
        /// How many bytes the body needs at least, as far as it could be read.
        needed: usize,
        /// How many bytes the body has.
        actual: usize,
    },
    /// W5.4: PING and PONG have no body.
    #[error("body of {command} has {actual} bytes: none allowed")]
    NotEmpty {
        /// The frame's command.
        command: Command,
        /// How many bytes the body has.
        actual: usize,
    },
    /// W5.6: a length inside an AUTH_TOKEN is below zero.
    #[error("length {length} inside the body of AUTH_TOKEN is negative")]
    NegativeLength {
        /// The length as the body gives it.
        length: i8,
    },
}

/// Why a message cannot be written. Nothing has been written then.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EncodeError {
    /// The body is as long as the limit or longer, so that its reader would refuse it (W2.4).
    #[error("body of {length} bytes cannot be written: the limit is below {limit}")]
    BodyTooLong {
        /// The length of the body in bytes.
        length: usize,
        /// The limit of the writer.
        limit: FrameLimit,
    },
    /// The buffer cannot grow and has less room than needed.
    #[error("{needed} bytes cannot be written: the buffer has room for {available}")]
    BufferTooSmall {
        /// How many bytes were to be written.
        needed: usize,
        /// How many bytes the buffer can still take.
        available: usize,
    },
}

/// A byte string is longer than the 127 bytes that an AUTH_TOKEN can carry (W5.7).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("byte string of {length} bytes: at most 127 fit")]
pub struct TooLong {
    /// How many bytes it has.
    pub length: usize,
}

/// A clock reading that the wire's 32 bits cannot carry (H4.2).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{secs} seconds since 1970 do not fit 32 bits")]
pub struct TimeOutOfRange {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub secs: i64,
}

/// An id that must name somebody is 0.
///
/// H12: with a zero identity or configuration the original lets connections speak that never logged in. Here neither can be made.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ZeroId {
    /// The kefu app of a [`Config`](crate::Config).
    #[error("kefu_appid is 0: the kefu app is not configured")]
    KefuAppId,
    /// The appid of an [`Identity`](crate::Identity).
    #[error("appid is 0: the session is not logged in")]
    AppId,
    /// The uid of an [`Identity`](crate::Identity).
    #[error("uid is 0: the session is not logged in")]
    UserId,
}

/// Why the handler did nothing with a message (H1–H3, H11.2): no save, no push, no notify, no ACK.
///
/// On the wire a refusal is silence. The host may count it, log it or close the connection.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
pub enum Refusal {
    /// H1.1: neither CUSTOMER nor CUSTOMER_SUPPORT, so none of this handler's business.
    #[error("H1.1: {command} is not handled here")]
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
    /// H2.3: a customer's message is for nobody.
    #[error("H2.3: seller_id is 0")]
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
}

impl Refusal {
    /// A short constant name for counters: `other_command`, `customer_appid_mismatch`, `customer_id_mismatch`,
    /// `seller_id_zero`, `not_kefu_app` or `seller_id_mismatch`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::OtherCommand { .. } => "other_command",
            Self::CustomerAppIdMismatch { .. } => "customer_appid_mismatch",
            Self::CustomerIdMismatch { .. } => "customer_id_mismatch",
            Self::SellerIdZero => "seller_id_zero",
            Self::NotKefuApp { .. } => "not_kefu_app",
            Self::SellerIdMismatch { .. } => "seller_id_mismatch",
        }
    }
}
