//! Who a client is, and what is kept of it besides messages.

use std::time::Duration;

use kefu_proto::{Account, DeviceId, MsgId, Platform};

use crate::metrics::Metrics;
use crate::neighbours::{Accounts, ConnectError, Redis, RedisError};
use crate::store::{Store, StoreError};
use crate::tokens::Tokens;

/// Who knows the accounts.
pub enum Auth {
    /// This server: the tokens file, and the store.
    File(Tokens),
    /// An API service, whose Redis it is.
    Redis(Accounts),
}

impl Auth {
    /// Looks the accounts up in Redis.
    pub async fn redis(
        url: &str,
        login_timeout: Duration,
        metrics: &Metrics,
    ) -> Result<Self, ConnectError> {
        // Two lookups are a login, and then there is to be time for another try.
        let patience = PATIENCE.min(login_timeout / 4);
        let failures = metrics.auth_failures.clone();
        Ok(Self::Redis(Accounts::new(Redis::connect("--auth", url, patience, failures).await?)))
    }

    /// Whether anybody can log in.
    pub fn is_reachable(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Redis(accounts) => accounts.is_reachable(),
        }
    }

    /// The account that a token names.
    pub async fn account(&self, token: &[u8]) -> Result<Option<Account>, RedisError> {
        match self {
            Self::File(tokens) => Ok(tokens.account(token)),
            Self::Redis(accounts) => accounts.account(token).await,
        }
    }

    /// The number of a device; `None` where it cannot be had.
    pub async fn device_id(
        &self,
        store: &Store,
        name: &[u8],
        platform: Platform,
    ) -> Option<DeviceId> {
        match self {
            Self::File(_) => store.device_id(name, platform).await.ok(),
            Self::Redis(accounts) => accounts.device_id(name, platform).await.ok()?,
        }
    }

    /// The sync key that is kept for an account; 0 where none is (S2.1), and where it cannot be had: a sync from the very
    /// beginning leaves nothing out.
    pub async fn kept_key(&self, store: &Store, account: Account) -> Result<MsgId, StoreError> {
        match self {
            Self::File(_) => store.kept_key(account).await,
            Self::Redis(accounts) => Ok(accounts.kept_key(account).await.unwrap_or(MsgId(0))),
        }
    }

    /// Keeps a sync key, unless a larger one is kept already (S3.1). One that cannot be kept costs a longer sync, no message.
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

/// How long a lookup may take at most.
const PATIENCE: Duration = Duration::from_secs(2);
