//! The queues of a push service.

use deadpool_redis::redis::cmd;

use crate::redis::connection::{Redis, RedisError};
use crate::redis::push_json::Push;
use crate::store::PushEntry;

/// Two Redis lists, from whose heads the push service takes: one for each version of the protocol.
pub struct PushLists(Redis);

impl PushLists {
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }

    /// Appends all entries, in order. After an error those of one list may be there already.
    pub async fn push(&self, entries: &[PushEntry]) -> Result<(), RedisError> {
        let (mut v1, mut v2) = (Vec::new(), Vec::new());
        for push in entries.iter().filter_map(Push::read) {
            let list = if matches!(push, Push::V1 { .. }) { &mut v1 } else { &mut v2 };
            list.extend(serde_json::to_string(&push).ok());
        }
        self.append("customer_push_queue", v1).await?;
        self.append("customer_push_queue_v2", v2).await
    }

    async fn append(&self, list: &str, pushes: Vec<String>) -> Result<(), RedisError> {
        if pushes.is_empty() {
            return Ok(());
        }
        let _length: i64 = self.0.ask(cmd("RPUSH").arg(list).arg(pushes)).await?;
        Ok(())
    }

    /// Waits while Redis cannot be reached.
    pub async fn until_reachable(&self) {
        self.0.until_reachable().await;
    }
}
