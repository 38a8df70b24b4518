// What a host keeps: queues, sync keys and the numbers of devices. Here it is all in memory.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

use kefu_proto::{
    Account, Appended, AuthToken, DeviceId, Identity, MsgId, Platform, SaveMessage, StoredMessage,
};

#[derive(Default)]
pub struct Store {
    queues: HashMap<Account, Vec<StoredMessage>>,
    sync_keys: HashMap<Account, MsgId>,
    devices: HashMap<(Vec<u8>, Platform), DeviceId>,
    /// For the test: one save fails after so many more.
    pub saves_until_failure: Option<u32>,
}

impl Store {
    /// Whom a token such as `tok-7-1` names, and the number of the device.
    pub fn identify(&mut self, login: &AuthToken) -> Option<Identity> {
        let token = std::str::from_utf8(login.token.as_bytes()).ok()?;
        let account = token.strip_prefix("tok-")?.replacen('-', "/", 1).parse().ok()?;
        let new = DeviceId(i64::try_from(self.devices.len()).ok()? + 1);
        let device_id = login.device().map_or(DeviceId(0), |(name, platform)| {
            *self.devices.entry((name.to_vec(), platform)).or_insert(new)
        });
        Identity::new(account, device_id).ok()
    }

    pub fn append(&mut self, save: SaveMessage<'_>) -> Result<Appended, DiskFull> {
        let left = self.saves_until_failure.map(|saves| saves.checked_sub(1));
        self.saves_until_failure = left.flatten();
        if left == Some(None) {
            return Err(DiskFull);
        }
        let previous = self.rows(save.queue()).last().map_or(MsgId(0), |row| row.msgid);
        let msgid = MsgId(previous.0 + 1);
        self.queues.entry(save.queue()).or_default().push(StoredMessage::new(save, msgid));
        Ok(Appended { msgid, previous: Some(previous) })
    }

    pub fn rows(&self, queue: Account) -> &[StoredMessage] {
        self.queues.get(&queue).map_or(&[], |rows| rows)
    }

    /// The greatest key that a client of the account has had kept.
    pub fn sync_key(&self, account: Account) -> MsgId {
        self.sync_keys.get(&account).copied().unwrap_or(MsgId(0))
    }

    pub fn keep_sync_key(&mut self, account: Account, key: MsgId) {
        let greatest = key.max(self.sync_key(account));
        self.sync_keys.insert(account, greatest);
    }
}

/// A save has failed.
#[derive(Debug)]
pub struct DiskFull;

impl fmt::Display for DiskFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the disk is full")
    }
}

impl Error for DiskFull {}
