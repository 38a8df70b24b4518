//! The names of streams, subjects and headers.

use kefu_proto::{Account, AppId, UserId};

/// The stream that has an account's queue.
pub fn shard(account: Account, shards: usize) -> usize {
    let shards = i64::try_from(shards).unwrap_or(i64::MAX).max(1);
    // Negative ids are valid.
    usize::try_from(account.uid.0.rem_euclid(shards)).unwrap_or(0)
}

pub fn stream(shard: usize) -> String {
    format!("kefu_queues_{shard}")
}

/// All queues of a stream.
pub fn queues(shard: usize) -> String {
    format!("kefu.queue.{shard}.>")
}

pub fn queue(account: Account, shards: usize) -> String {
    let Account { appid, uid } = account;
    let (shard, appid, uid) = (shard(account, shards), appid.0, uid.0);
    // Several times as fast as `format!`, twice a message.
    ["kefu.queue.", &shard.to_string(), ".", &appid.to_string(), ".", &uid.to_string()].concat()
}

/// Headers: what is stored of a message besides its body (H10.1).
pub const COMMAND: &str = "Kefu-Command";
pub const DEVICE: &str = "Kefu-Device";

/// The push outbox. An entry's subject names the receiver.
pub const PUSHES: &str = "kefu.push.>";

pub fn push(account: Account) -> String {
    format!("kefu.push.{}.{}", account.appid, account.uid)
}

/// The account at the end of a subject.
pub fn account(subject: &str) -> Option<Account> {
    let mut words = subject.rsplit('.');
    let uid = words.next()?.parse().ok()?;
    let appid = words.next()?.parse().ok()?;
    Some(Account::new(AppId(appid), UserId(uid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_has_a_shard_and_can_be_read_back() {
        for (appid, uid, shard) in [(7, 1, 1), (7, 9, 1), (-3, -1, 7), (i64::MIN, i64::MIN, 0)] {
            let account = Account::new(AppId(appid), UserId(uid));
            assert_eq!(super::shard(account, 8), shard);
            assert_eq!(super::shard(account, 1), 0);
            assert_eq!(super::account(&queue(account, 8)), Some(account));
            assert_eq!(super::account(&push(account)), Some(account));
            assert_eq!(queue(account, 8), format!("kefu.queue.{shard}.{appid}.{uid}"));
        }
        assert_eq!(account("kefu.push.7.x"), None);
    }
}
