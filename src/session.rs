//! The rules of the handler: who may say what to whom (H1–H5).

use crate::delivery::Parties;
use crate::error::{Refusal, ZeroId};
use crate::{Account, AppId, ChatMessage, CustomerMessage, Delivery, DeviceId, Encode};
use crate::{Message, MsgId, Party, SyncRequest, UnixTime, UserId};

/// One logged-in connection, as far as the rules need to know it.
///
/// It keeps nothing of the messages it handles: a copy is as good as the original.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    config: Config,
    identity: Identity,
}

impl Session {
    /// The session of a connection that has logged in as `identity`.
    #[must_use]
    pub const fn new(config: Config, identity: Identity) -> Self {
        Self { config, identity }
    }

    /// Decides what becomes of a message: the whole of H1–H7. Reads no clock: `now` is the host's (H4).
    ///
    /// Other commands than CUSTOMER and CUSTOMER_SUPPORT are refused here (H1): a host looks at `message.body` first and
    /// deals with the others itself.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that names the first rule the message breaks, in the order of H1, H2, H3. It has no effect at all (H11.1).
    #[inline]
    pub fn handle(&self, message: Message, now: UnixTime) -> Result<Delivery, Refusal> {
        // H1.1
        let message = ChatMessage::try_from(message)
            .map_err(|other| Refusal::OtherCommand { command: other.command() })?;
        let parties = match message.from {
            Party::Customer => self.customer(&message.body)?,
            Party::Seller => self.seller(&message.body)?,
        };
        // H4.1. Built anew: overwritten in place, the old time is read first, together with what lies beside it, and that read waits
        // until both have left the store buffer.
        let body = CustomerMessage { timestamp: now, ..message.body };
        Ok(Delivery::new(ChatMessage { body, ..message }, parties, self.identity.device_id))
    }

    /// S2: what this connection's user asks their queue for.
    pub(crate) const fn sync(&self, asked: MsgId) -> SyncRequest {
        SyncRequest::new(self.identity, self.config.kefu_appid, asked)
    }

    /// The server's configuration.
    #[must_use]
    pub const fn config(&self) -> Config {
        self.config
    }

    /// Who is logged in.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// H2: a customer writes in their own name, to somebody; nothing else is tested (H2.4).
    #[inline]
    fn customer(&self, message: &CustomerMessage) -> Result<Parties, Refusal> {
        let Account { appid, uid } = self.identity.account;
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
        let receiver = Account { appid: self.config.kefu_appid, uid: message.seller_id };
        Ok(Parties { receiver, sender: self.identity.account })
    }

    /// H3: a seller is a user of the kefu app and writes in their own name, to anybody (H3.3).
    #[inline]
    fn seller(&self, message: &CustomerMessage) -> Result<Parties, Refusal> {
        let Account { appid, uid } = self.identity.account;
        let kefu_appid = self.config.kefu_appid;
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
        let receiver = Account { appid: message.customer_appid, uid: message.customer_id };
        Ok(Parties { receiver, sender: self.identity.account })
    }
}

/// The server's configuration, as far as the rules need it.
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(try_from = "unchecked::Config", into = "unchecked::Config")
)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Config {
    kefu_appid: AppId,
}

impl Config {
    /// The app that all sellers belong to.
    ///
    /// # Errors
    ///
    /// [`ZeroId::KefuAppId`] for app 0 (H12.2): that would be a server without a kefu app.
    pub fn new(kefu_appid: AppId) -> Result<Self, ZeroId> {
        if kefu_appid == AppId(0) {
            return Err(ZeroId::KefuAppId);
        }
        Ok(Self { kefu_appid })
    }

    /// The app that all sellers belong to; not 0.
    #[must_use]
    pub const fn kefu_appid(&self) -> AppId {
        self.kefu_appid
    }
}

/// What the server learned at login about one connection.
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(try_from = "unchecked::Identity", into = "unchecked::Identity")
)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Identity {
    account: Account,
    device_id: DeviceId,
}

impl Identity {
    /// A user on a device; 0 is a device without a name.
    ///
    /// # Errors
    ///
    /// [`ZeroId::AppId`] or [`ZeroId::UserId`] when the account has a 0 there (H12.1): nobody is logged in then.
    pub fn new(account: Account, device_id: DeviceId) -> Result<Self, ZeroId> {
        if account.appid == AppId(0) {
            return Err(ZeroId::AppId);
        }
        if account.uid == UserId(0) {
            return Err(ZeroId::UserId);
        }
        Ok(Self { account, device_id })
    }

    /// Who is logged in; neither appid nor uid is 0.
    #[must_use]
    pub const fn account(&self) -> Account {
        self.account
    }

    /// The device that this connection comes from.
    #[must_use]
    pub const fn device_id(&self) -> DeviceId {
        self.device_id
    }
}

/// What data says an identity or a configuration is, before it has been looked at.
#[cfg(feature = "serde")]
mod unchecked {
    use crate::{Account, AppId, DeviceId, ZeroId};

    #[derive(serde::Deserialize, serde::Serialize)]
    pub(super) struct Config {
        kefu_appid: AppId,
    }

    impl TryFrom<Config> for super::Config {
        type Error = ZeroId;

        fn try_from(Config { kefu_appid }: Config) -> Result<Self, ZeroId> {
            Self::new(kefu_appid)
        }
    }

    impl From<super::Config> for Config {
        fn from(super::Config { kefu_appid }: super::Config) -> Self {
            Self { kefu_appid }
        }
    }

    #[derive(serde::Deserialize, serde::Serialize)]
    pub(super) struct Identity {
        account: Account,
        device_id: DeviceId,
    }

    impl TryFrom<Identity> for super::Identity {
        type Error = ZeroId;

        fn try_from(Identity { account, device_id }: Identity) -> Result<Self, ZeroId> {
            Self::new(account, device_id)
        }
    }

    impl From<super::Identity> for Identity {
        fn from(super::Identity { account, device_id }: super::Identity) -> Self {
            Self { account, device_id }
        }
    }
}
