//! Publishing to a stream: stored once, however often it is sent.

use tokio::time::Instant;

use crate::store::jetstream::ack::Ack;
use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::publication::Publication;
use crate::store::jetstream::unanswered::Answer;

impl JetStream {
    /// Publishes until the stream has acknowledged the message.
    ///
    /// # Errors
    ///
    /// [`JetStreamError::Timeout`]: NATS was away for longer than it recognises a repeat.
    pub(super) async fn publish(&self, publication: &Publication) -> Result<Ack, JetStreamError> {
        let since = Instant::now();
        let first = answer(self.inner.publisher.send(publication).await).await;
        self.repeat(publication, first, since).await
    }

    /// Publishes two messages at the same time, each as [`publish`](Self::publish) does.
    pub(super) async fn publish_both(
        &self,
        [one, other]: &[Publication; 2],
    ) -> Result<[Ack; 2], JetStreamError> {
        let (since, publisher) = (Instant::now(), &self.inner.publisher);
        let answers = (publisher.send(one).await, publisher.send(other).await);
        // Not joined: most answers come together, and each would wake the connection.
        match (answer(answers.0).await, answer(answers.1).await) {
            (Ok(one), Ok(other)) => {
                self.inner.health.succeeded();
                Ok([one, other])
            }
            (first, second) => {
                // In boxes: they are large, and every message has room for them.
                let one = Box::pin(self.repeat(one, first, since));
                let other = Box::pin(self.repeat(other, second, since));
                Ok(tokio::try_join!(one, other)?.into())
            }
        }
    }

    /// Makes further attempts while the last has failed.
    async fn repeat(
        &self,
        publication: &Publication,
        mut last: Result<Ack, JetStreamError>,
        since: Instant,
    ) -> Result<Ack, JetStreamError> {
        let mut attempts = self.attempts_since("publishing", since);
        loop {
            match last {
                Ok(ack) => {
                    attempts.done();
                    return Ok(ack);
                }
                Err(error) => attempts.failed(error).await?,
            }
            last = answer(self.inner.publisher.send(publication).await).await;
        }
    }
}

async fn answer(sent: Result<Answer, JetStreamError>) -> Result<Ack, JetStreamError> {
    sent?.wait().await
}
