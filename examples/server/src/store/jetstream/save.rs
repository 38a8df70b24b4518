//! Storing the copies of a message.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use kefu_proto::{Copies, Effects, Encode, SaveMessage, Saves};

use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::handle::JetStream;
use crate::store::jetstream::publication::Publication;
use crate::store::jetstream::subject;
use crate::store::observer::Group;
use crate::uuid;

impl JetStream {
    /// Stores both copies, at the same time, and tries again until both are stored.
    ///
    /// # Errors
    ///
    /// [`JetStreamError::Timeout`]: NATS was away for longer than it recognises a repeat. There are
    /// no effects then (H8.1).
    pub async fn save(&self, saves: Saves) -> Result<Effects, JetStreamError> {
        let started = Instant::now();
        let stored = self.store(&saves).await;
        self.inner.observer.group(&Group {
            messages: 1,
            repeats: stored.as_ref().map_or(0, |stored| stored.is_repeat.into()),
            others: 0,
            took: started.elapsed(),
            commit: started.elapsed(),
            failure: stored.as_ref().err().map(JetStreamError::save_failure),
        });
        Ok(saves.confirm(stored?.copies))
    }

    async fn store(&self, saves: &Saves) -> Result<Stored, JetStreamError> {
        let [receiver, sender] = self.publish_both(&self.copies(saves)?).await?;
        let copies = Copies {
            receiver: self.msgid(receiver.sequence)?.into(),
            sender: self.msgid(sender.sequence)?.into(),
        };
        Ok(Stored { copies, is_repeat: receiver.is_repeat && sender.is_repeat })
    }

    fn copies(&self, saves: &Saves) -> Result<[Publication; 2], JetStreamError> {
        let (sender, receiver) = (saves.sender(), saves.receiver());
        let name = match uuid::find(saves.message().content()) {
            Some(uuid) => format!("{sender}>{receiver}>{}", uuid::digest(&uuid)),
            None => self.unique_name(),
        };
        let mut body =
            BytesMut::with_capacity(HEAD.saturating_add(saves.message().content().len()));
        saves.message().encode_body(&mut body).map_err(JetStreamError::nats)?;
        let body = body.freeze();
        let [to_receiver, to_sender] = saves.requests();
        // Both may go to the same stream, where they are two messages: their names must differ.
        Ok([
            self.copy(&to_receiver, body.clone(), format!("r>{name}")),
            self.copy(&to_sender, body, format!("s>{name}")),
        ])
    }

    fn copy(&self, save: &SaveMessage<'_>, body: Bytes, name: String) -> Publication {
        let subject = subject::queue(save.queue(), self.inner.settings.shards);
        let (command, device) = (save.message().command(), Some(save.device_id()));
        Publication { subject, name, command, device, body }
    }
}

/// The most bytes of a body besides its content.
const HEAD: usize = 64;

struct Stored {
    copies: Copies,
    is_repeat: bool,
}
