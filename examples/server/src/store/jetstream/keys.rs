//! Kept sync keys and device numbers, in key-value buckets.

use async_nats::jetstream::kv::{CreateErrorKind, UpdateErrorKind};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use kefu_proto::{Account, DeviceId, MsgId, Platform};

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;

impl JetStream {
    /// The sync key that is kept for an account; 0 if there is none (S2.1).
    pub async fn kept_key(&self, account: Account) -> Result<MsgId, JetStreamError> {
        let kept = self.persistently("reading a sync key", || self.kept(account)).await?;
        Ok(kept.map_or(MsgId(0), |kept| kept.key))
    }

    /// Keeps a sync key, unless a larger one is kept already (S3.1), whichever server kept it.
    pub async fn keep_key(&self, account: Account, key: MsgId) -> Result<(), JetStreamError> {
        self.persistently("keeping a sync key", || self.raise_key(account, key)).await
    }

    async fn raise_key(&self, account: Account, key: MsgId) -> Result<(), JetStreamError> {
        let (bucket, name) = (&self.inner.kept, kept_name(account));
        let value = || Bytes::from(key.to_string());
        loop {
            let raised = match self.kept(account).await? {
                Some(kept) if kept.key >= key => return Ok(()),
                Some(kept) => match bucket.update(&name, value(), kept.revision).await {
                    Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => None,
                    updated => Some(updated.map_err(JetStreamError::nats)),
                },
                None => match bucket.create(&name, value()).await {
                    Err(error) if error.kind() == CreateErrorKind::AlreadyExists => None,
                    created => Some(created.map_err(JetStreamError::nats)),
                },
            };
            // Another server was faster: compare with the key that it has kept.
            if let Some(raised) = raised {
                return raised.map(drop);
            }
        }
    }

    async fn kept(&self, account: Account) -> Result<Option<Kept>, JetStreamError> {
        let entry =
            self.inner.kept.entry(kept_name(account)).await.map_err(JetStreamError::nats)?;
        let Some(entry) = entry else { return Ok(None) };
        let key = str::from_utf8(&entry.value).ok().and_then(|value| value.parse().ok());
        let key = MsgId(key.unwrap_or(0));
        Ok(Some(Kept { key, revision: entry.revision }))
    }

    /// The number of a device that has one.
    pub async fn known_device(
        &self,
        name: &[u8],
        platform: Platform,
    ) -> Result<Option<DeviceId>, JetStreamError> {
        let name = device_name(name, platform);
        self.persistently("looking a device up", || self.known_number(&name)).await
    }

    async fn known_number(&self, device: &str) -> Result<Option<DeviceId>, JetStreamError> {
        let entry = self.inner.devices.entry(device).await.map_err(JetStreamError::nats)?;
        entry.map(|entry| number(entry.revision)).transpose()
    }

    /// The number of a device: its unique revision in the bucket (S1.2).
    pub async fn device_id(
        &self,
        name: &[u8],
        platform: Platform,
    ) -> Result<DeviceId, JetStreamError> {
        let name = device_name(name, platform);
        self.persistently("numbering a device", || self.number_of(&name)).await
    }

    async fn number_of(&self, device: &str) -> Result<DeviceId, JetStreamError> {
        let bucket = &self.inner.devices;
        loop {
            if let Some(number) = self.known_number(device).await? {
                return Ok(number);
            }
            match bucket.create(device, Bytes::new()).await {
                Ok(revision) => return number(revision),
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {}
                Err(error) => return Err(JetStreamError::nats(error)),
            }
        }
    }
}

struct Kept {
    key: MsgId,
    revision: u64,
}

fn kept_name(Account { appid, uid }: Account) -> String {
    format!("{appid}.{uid}")
}

fn device_name(name: &[u8], platform: Platform) -> String {
    format!("{platform}.{}", HEXLOWER.encode(name))
}

fn number(revision: u64) -> Result<DeviceId, JetStreamError> {
    i64::try_from(revision).map(DeviceId).map_err(JetStreamError::nats)
}
