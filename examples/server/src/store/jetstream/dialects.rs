//! Which dialects clients have shown (D1.8): one entry per account and platform, in a bucket.

use bytes::Bytes;
use kefu_proto::{Account, Platform};

use crate::dialect::{Setting, Shown};
use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;

impl JetStream {
    /// What an account's client on a platform has shown, if that is known.
    pub async fn shown(
        &self,
        account: Account,
        platform: Platform,
    ) -> Result<Option<Shown>, JetStreamError> {
        let name = name(account, platform);
        let get = || async { self.inner.dialects.get(&name).await.map_err(JetStreamError::nats) };
        let value = self.persistently("reading a dialect", get).await?;
        Ok(value.and_then(|value| read(&value)))
    }

    /// Keeps it instead of what was known, whichever server knew it.
    pub async fn keep_shown(
        &self,
        account: Account,
        platform: Platform,
        Shown { dialect, under }: Shown,
    ) -> Result<(), JetStreamError> {
        let name = name(account, platform);
        let value = Bytes::from(format!("{} {under}", Setting::Fixed(dialect)));
        let put = || async {
            self.require_connection()?;
            self.inner.dialects.put(&name, value.clone()).await.map_err(JetStreamError::nats)
        };
        self.persistently("keeping a dialect", put).await.map(drop)
    }
}

fn name(Account { appid, uid }: Account, platform: Platform) -> String {
    format!("{appid}.{uid}.{platform}")
}

/// `None` for what no server has written.
fn read(value: &[u8]) -> Option<Shown> {
    let (shown, under) = str::from_utf8(value).ok()?.split_once(' ')?;
    let Setting::Fixed(dialect) = shown.parse().ok()? else { return None };
    Some(Shown { dialect, under: under.parse().ok()? })
}
