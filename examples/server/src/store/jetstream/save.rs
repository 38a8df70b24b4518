//! Storing the copies of a message.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use kefu_proto::{Account, Copies, Effects, Encode, SaveMessage, Saves};

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
            Some(uuid) => repeat_name(sender, receiver, &uuid),
            None => self.unique_name(),
        };
        let mut body =
            BytesMut::with_capacity(HEAD.saturating_add(saves.message().content().len()));
        saves.message().encode_body(&mut body).map_err(JetStreamError::nats)?;
        let body = body.freeze();
        let [to_receiver, to_sender] = saves.requests();
        // Both may go to the same stream, where they are two messages: their names must differ.
        Ok([
            self.copy(&to_receiver, body.clone(), ["r>", &name].concat()),
            self.copy(&to_sender, body, ["s>", &name].concat()),
        ])
    }

    fn copy(&self, save: &SaveMessage<'_>, body: Bytes, name: String) -> Publication {
        let subject = subject::queue(save.queue(), self.inner.settings.shards);
        let (command, device) = (save.message().command(), Some(save.device_id()));
        Publication { subject, name, command, device, body }
    }
}

/// The name of a message that may be repeated, the same for every repeat.
fn repeat_name(sender: Account, receiver: Account, uuid: &str) -> String {
    let account = |Account { appid, uid }: Account| (appid.0.to_string(), uid.0.to_string());
    let (from, to) = (account(sender), account(receiver));
    [&from.0, "/", &from.1, ">", &to.0, "/", &to.1, ">", &uuid::digest(uuid)].concat()
}

/// The most bytes of a body besides its content.
const HEAD: usize = 64;

struct Stored {
    copies: Copies,
    is_repeat: bool,
}

#[cfg(test)]
mod tests {
    use kefu_proto::{AppId, UserId};

    use super::*;

    #[test]
    fn the_name_of_a_repeat_never_changes() {
        let [sender, receiver] =
            [(7, -1), (1453, 2)].map(|(appid, uid)| Account::new(AppId(appid), UserId(uid)));
        let name = repeat_name(sender, receiver, "abc");
        assert_eq!(name, "7/-1>1453/2>ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }
}
