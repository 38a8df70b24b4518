//! Who a client is, and what is kept of it besides messages.

use std::future::pending;
use std::time::Duration;

use kefu_proto::{Account, DeviceId, MsgId, Platform};
use thiserror::Error;

use crate::metrics::Metrics;
use crate::redis::{Accounts, ConnectError, Redis, RedisError};
use crate::store::{Store, StoreError};
use crate::tokens::{TokenDigest, Tokens};

/// Where accounts are looked up.
pub enum Auth {
    /// The tokens file. Devices and sync keys are in the store.
    File(Tokens),
    /// The Redis of an API service, which has devices and sync keys, too.
    Redis(Accounts),
}

impl Auth {
    /// Looks accounts up in Redis.
    pub async fn redis(
        url: &str,
        login_timeout: Duration,
        metrics: &Metrics,
    ) -> Result<Self, ConnectError> {
        // A login has up to three lookups, and must not run into its own timeout.
        let timeout = LOOKUP_TIMEOUT.min(login_timeout / 4);
        let failures = metrics.auth_failures.clone();
        Ok(Self::Redis(Accounts::new(Redis::connect("--auth", url, timeout, failures).await?)))
    }

    /// Whether logins are possible.
    pub fn is_reachable(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Redis(accounts) => accounts.is_reachable(),
        }
    }

    /// The account of a token; `None` if the token is unknown.
    pub async fn account(&self, token: &[u8]) -> Result<Option<Account>, RedisError> {
        match self {
            Self::File(tokens) => Ok(tokens.account(token)),
            Self::Redis(accounts) => accounts.account(token).await,
        }
    }

    /// What stands for a token that may be withdrawn.
    pub fn digest(&self, token: &[u8]) -> Option<TokenDigest> {
        match self {
            Self::File(tokens) => Some(tokens.digest(token)),
            Self::Redis(_) => None,
        }
    }

    /// Whether a token is of this account still.
    pub fn is_of(&self, token: TokenDigest, account: Account) -> bool {
        match self {
            Self::File(tokens) => tokens.account_of(token) == Some(account),
            Self::Redis(_) => true,
        }
    }

    /// Resolves once a token is not of this account any more, if that can be noticed.
    pub async fn withdrawn(&self, token: &[u8], account: Account) {
        match self {
            Self::File(tokens) => tokens.withdrawn(tokens.digest(token), account).await,
            Self::Redis(_) => pending().await,
        }
    }

    /// The number of a device that has one.
    pub async fn known_device(
        &self,
        store: &Store,
        name: &[u8],
        platform: Platform,
    ) -> Result<Option<DeviceId>, LookupError> {
        Ok(match self {
            Self::File(_) => store.known_device(name, platform).await?,
            Self::Redis(accounts) => accounts.known_device(name, platform).await?,
        })
    }

    /// The number of a device; a new device gets the next one (S1.2).
    pub async fn device_id(
        &self,
        store: &Store,
        name: &[u8],
        platform: Platform,
    ) -> Result<DeviceId, LookupError> {
        match self {
            Self::File(_) => Ok(store.device_id(name, platform).await?),
            Self::Redis(accounts) => {
                accounts.device_id(name, platform).await?.ok_or(LookupError::NoNumber)
            }
        }
    }

    /// The sync key that is kept for an account; 0 if there is none (S2.1).
    ///
    /// It is also 0 while Redis cannot be reached: a sync from the beginning leaves nothing out.
    pub async fn kept_key(&self, store: &Store, account: Account) -> Result<MsgId, StoreError> {
        match self {
            Self::File(_) => store.kept_key(account).await,
            Self::Redis(accounts) => Ok(accounts.kept_key(account).await.unwrap_or(MsgId(0))),
        }
    }

    /// Keeps a sync key, unless a larger one is kept already (S3.1). A failure is ignored: it makes
    /// a later sync longer, and loses no message.
    pub async fn keep_key(&self, store: &Store, account: Account, key: MsgId) {
        match self {
            Self::File(_) => {
                let _ = store.keep_key(account, key).await;
            }
            Self::Redis(accounts) => {
                let _ = accounts.keep_key(account, key).await;
            }
        }
    }
}

/// Why something of a client is unknown, which is no reason to refuse it.
#[derive(Debug, Error)]
pub enum LookupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the auth Redis: {0}")]
    Redis(#[from] RedisError),
    #[error("the auth Redis has no number for the device")]
    NoNumber,
}

/// The longest that a lookup may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
