//! Publishing to a stream: stored once, however often it is sent.

use tokio::time::Instant;

use crate::store::jetstream::ack::Ack;
use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::publication::Publication;

impl JetStream {
    /// Publishes until the stream has acknowledged the message.
    ///
    /// # Errors
    ///
    /// [`JetStreamError::Timeout`]: NATS was away for longer than it recognises a repeat.
    pub(super) async fn publish(&self, publication: &Publication) -> Result<Ack, JetStreamError> {
        let since = Instant::now();
        loop {
            match self.inner.publisher.publish(publication).await {
                Ok(ack) => {
                    self.inner.health.succeeded();
                    return Ok(ack);
                }
                Err(error) => self.attempts_since("publishing", since).failed(error).await?,
            }
        }
    }
}
