//! The ends of requests: their answers, in their order.

use kefu_proto::{Effect, Effects};

use crate::connection::end::End;
use crate::connection::in_flight::Done;
use crate::connection::online::OnlineConnection;
use crate::connection::transport::Transport;
use crate::trace::TraceEvent;

impl<S: Transport> OnlineConnection<'_, S> {
    /// Finishes the oldest request. If its save failed there are no effects (H8).
    pub(super) async fn finish(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Saved(effects) => {
                for effects in &effects.unwrap_or_default() {
                    self.answer(effects).await?;
                }
                // A store that keeps an order answers many messages at once.
                if !self.service.store.is_ordered() {
                    self.hold.answered(self.in_flight.is_storing());
                }
            }
            Done::Apply(effects) => {
                self.service.forwarder.forward(&effects, self.registration.seat.id()).await;
                self.answer(&effects).await?;
            }
            Done::Reply(message) => self.write(&message)?,
            Done::Submitted => {}
        }
        Ok(())
    }

    /// Applies what is left of the effects once they are forwarded: the push and the ACK.
    async fn answer(&mut self, effects: &Effects) -> Result<(), End> {
        let mut push = None;
        for effect in effects {
            match effect {
                Effect::PushMessage { to, message } => {
                    push = Some(self.service.push(to, message).await);
                }
                Effect::SendAppMessage { .. } | Effect::SendMessage { .. } => {}
                Effect::EnqueueMessage { message } => {
                    self.take_own_mail(effects)?;
                    self.write(&message)?;
                }
            }
        }
        if self.service.trace.is_watched() {
            self.service.trace.send(TraceEvent::applied(effects, push));
        }
        Ok(())
    }

    /// A message to oneself comes to this connection, too, and before its ACK (H7.4, H7.6).
    fn take_own_mail(&mut self, effects: &Effects) -> Result<(), End> {
        if effects.receiver() == self.online.identity().account() {
            while let Some(message) = self.registration.seat.mailbox().pop() {
                self.write(&message)?;
            }
        }
        Ok(())
    }
}
