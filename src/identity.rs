//! Who speaks, and on which server.

use thiserror::Error;

use crate::id::{Account, AppId, DeviceId, UserId};

/// The server's configuration, as far as the rules need it.
///
/// ```
/// use kefu_proto::{AppId, Config};
///
/// const CONFIG: Config = match Config::new(AppId(1453)) {
///     Ok(config) => config,
///     Err(_) => panic!("the kefu app is not 0"),
/// };
/// assert_eq!(CONFIG.kefu_appid(), AppId(1453));
/// ```
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
    pub const fn new(kefu_appid: AppId) -> Result<Self, ZeroId> {
        match kefu_appid {
            AppId(0) => Err(ZeroId::KefuAppId),
            kefu_appid => Ok(Self { kefu_appid }),
        }
    }

    /// The app that all sellers belong to; not 0.
    #[must_use]
    pub const fn kefu_appid(&self) -> AppId {
        self.kefu_appid
    }
}

/// What the server learned at login about one connection: who it is and from which device.
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
    /// A user on a device; device 0 is one without a name.
    ///
    /// # Errors
    ///
    /// [`ZeroId::AppId`] or [`ZeroId::UserId`] when the account has a 0 there (H12.1): nobody is
    /// logged in then.
    pub const fn new(account: Account, device_id: DeviceId) -> Result<Self, ZeroId> {
        match account {
            Account { appid: AppId(0), .. } => Err(ZeroId::AppId),
            Account { uid: UserId(0), .. } => Err(ZeroId::UserId),
            account => Ok(Self { account, device_id }),
        }
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

/// An id that must name somebody is 0 (H12).
///
/// With a zero identity or configuration, connections that never logged in could speak. Neither can
/// be made here. Exhaustive: these are all the ids that are checked.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ZeroId {
    /// The kefu app of a [`Config`].
    #[error("kefu_appid is 0: the kefu app is not configured")]
    KefuAppId,
    /// The appid of an [`Identity`].
    #[error("appid is 0: nobody is logged in")]
    AppId,
    /// The uid of an [`Identity`].
    #[error("uid is 0: nobody is logged in")]
    UserId,
}

/// Unvalidated mirrors for serde.
#[cfg(feature = "serde")]
mod unchecked {
    use super::ZeroId;
    use crate::id::{Account, AppId, DeviceId};

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
