//! What the API service knows of accounts: tokens, numbers of devices, sync keys.

use std::num::NonZeroI64;
use std::str::FromStr;

use deadpool_redis::redis::{Cmd, cmd};
use kefu_proto::{Account, AppId, DeviceId, MsgId, Platform, UserId};

use crate::redis::connection::{Redis, RedisError};

/// The accounts in Redis.
pub struct Accounts(Redis);

impl Accounts {
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }

    pub fn is_reachable(&self) -> bool {
        self.0.is_reachable()
    }

    /// The account that a token names.
    pub async fn account(&self, token: &[u8]) -> Result<Option<Account>, RedisError> {
        let key = [b"access_token_", token].concat();
        let (uid, appid): (Bytes, Bytes) =
            self.0.ask(cmd("HMGET").arg(key).arg("user_id").arg("app_id")).await?;
        // 0 is nobody (H12.1).
        let (uid, appid): (Option<NonZeroI64>, Option<NonZeroI64>) = (number(uid), number(appid));
        Ok(uid.zip(appid).map(|(uid, appid)| Account::new(AppId(appid.get()), UserId(uid.get()))))
    }

    /// The number of a device that has one.
    pub async fn known_device(
        &self,
        name: &[u8],
        platform: Platform,
    ) -> Result<Option<DeviceId>, RedisError> {
        let id: Bytes = self.0.ask(cmd("GET").arg(device(name, platform))).await?;
        // As in the script: what is no number is replaced.
        let id = id.filter(|id| !id.starts_with(b"0") && !id.starts_with(b"-0"));
        Ok(number(id).map(|id: NonZeroI64| DeviceId(id.get())))
    }

    /// The number of a device, the same for all servers (S1.2).
    pub async fn device_id(
        &self,
        name: &[u8],
        platform: Platform,
    ) -> Result<Option<DeviceId>, RedisError> {
        let key = device(name, platform);
        let id = self.0.ask(script(DEVICE_ID).arg(2).arg(key).arg("devices_id")).await?;
        Ok(number(id).map(|id: NonZeroI64| DeviceId(id.get())))
    }

    /// The sync key that is kept for an account; 0 if there is none (S2.1).
    pub async fn kept_key(&self, account: Account) -> Result<MsgId, RedisError> {
        let key = self.0.ask(cmd("HGET").arg(user(account)).arg("sync_key")).await?;
        Ok(MsgId(number(key).unwrap_or(0)))
    }

    /// Keeps a sync key, unless a larger one is kept already (S3.1).
    pub async fn keep_key(&self, account: Account, key: MsgId) -> Result<(), RedisError> {
        self.0.ask(script(RAISE_KEY).arg(1).arg(user(account)).arg(key.0)).await
    }
}

/// A reply that may be nil.
type Bytes = Option<Vec<u8>>;

fn number<N: FromStr>(bytes: Bytes) -> Option<N> {
    str::from_utf8(&bytes?).ok()?.parse().ok()
}

fn device(name: &[u8], platform: Platform) -> Vec<u8> {
    [b"devices_", name, b"_", platform.to_string().as_bytes()].concat()
}

fn user(Account { appid, uid }: Account) -> String {
    format!("users_{appid}_{uid}")
}

/// Sends the whole script each time: shorter code than to handle a Redis that has not cached it.
fn script(text: &str) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text);
    command
}

/// Scripts are atomic, so two servers cannot number the same device. Numbers stay strings, since
/// those of Lua have only 53 bits.
const DEVICE_ID: &str = "\
local id = redis.call('GET', KEYS[1])
if not id or not id:match('^%-?[1-9]%d*$') then
  redis.call('INCR', KEYS[2])
  id = redis.call('GET', KEYS[2])
  redis.call('SET', KEYS[1], id)
end
return id";

/// Of two numbers without leading zeros the longer one is larger. A value that is no number counts
/// as 0.
const RAISE_KEY: &str = "\
local kept = (redis.call('HGET', KEYS[1], 'sync_key') or ''):match('^0*(%d*)$') or ''
local key = ARGV[1]
if #key > #kept or #key == #kept and key > kept then
  redis.call('HSET', KEYS[1], 'sync_key', key)
end";
