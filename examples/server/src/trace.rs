//! What happens to every message, live, for the page: names, targets and ids, never contents.

use std::sync::Arc;

use kefu_proto::{Account, Command, Effect, Effects, Encode, MsgId, Outbound, Refusal};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::repeat::uuid;

/// A channel to those who watch. Costs nothing while nobody does.
#[derive(Clone, Debug)]
pub struct Trace(broadcast::Sender<Arc<Traced>>);

impl Trace {
    /// A trace without watchers. A watcher that falls behind misses the oldest events.
    pub fn new() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }

    /// All events from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Traced>> {
        self.0.subscribe()
    }

    /// Whether anybody watches.
    pub fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Sends an event to all watchers.
    pub fn tell(&self, traced: Traced) {
        // An error means that the last watcher has left.
        let _ = self.0.send(Arc::new(traced));
    }
}

const BACKLOG: usize = 256;
/// In bytes. The backlog holds no longer ones: a content could be nothing but its uuid.
const UUID_MAX: usize = 128;

/// What became of one message.
#[derive(Debug, Serialize)]
pub struct Traced {
    #[serde(skip)]
    pub parties: [Account; 2],
    /// Who sent it.
    from: String,
    /// Its command.
    command: String,
    /// The sender's number for it, which the ACK repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i32>,
    /// The uuid in its content. With the sender, it tells the page which message this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    /// Its effects in order; empty when it was refused.
    effects: Vec<Step>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
}

#[derive(Debug, Serialize)]
struct Step {
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    msgid: Option<i64>,
    /// Of a `PushMessage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<PushOutcome>,
}

/// Whether a push went out.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PushOutcome {
    /// No: the receiver is connected to this server.
    Connected,
    /// Yes: it is in the push outbox.
    Queued,
    /// The receiver is not connected to this server; NATS decides whether another server has them.
    Undecided,
    /// No, although the receiver is connected nowhere: the outbox did not take it.
    Lost,
}

impl Traced {
    /// A message that was accepted: its saves under their ids, then the rest.
    pub fn applied(sender: Account, effects: &Effects, push: Option<PushOutcome>) -> Self {
        let message = effects.message();
        let receiver = effects.iter().find_map(|effect| effect.to()).unwrap_or(sender);
        let mut steps = Vec::new();
        if let Some(saved) = effects.saved() {
            for (queue, msgid) in [(receiver, saved.receiver), (sender, saved.sender)] {
                steps.push(Step::new("SaveMessage", Some(queue), message.command(), Some(msgid)));
            }
        }
        steps.extend(effects.iter().map(|effect| Step {
            push: push.filter(|_| matches!(effect, Effect::PushMessage { .. })),
            ..Step::from(effect)
        }));
        Self {
            parties: [sender, receiver],
            from: sender.to_string(),
            command: message.command().to_string(),
            seq: Some(message.seq.0),
            uuid: uuid(&message.body.content).filter(|uuid| uuid.len() <= UUID_MAX).map(Into::into),
            effects: steps,
            refusal: None,
        }
    }

    /// A message that was refused.
    pub fn refused(from: Account, refusal: Refusal) -> Self {
        Self {
            parties: [from, from],
            from: from.to_string(),
            command: refused_command(refusal).to_string(),
            seq: None,
            uuid: None,
            effects: Vec::new(),
            refusal: Some(refusal.to_string()),
        }
    }
}

/// The command of a refused message, which follows from the rule that it broke.
const fn refused_command(refusal: Refusal) -> Command {
    match refusal {
        Refusal::OtherCommand { command } => command,
        Refusal::CustomerAppIdMismatch { .. }
        | Refusal::CustomerIdMismatch { .. }
        | Refusal::SellerIdZero => Command::CUSTOMER,
        Refusal::NotKefuApp { .. } | Refusal::SellerIdMismatch { .. } => Command::CUSTOMER_SUPPORT,
    }
}

impl Step {
    fn new(
        effect: &'static str,
        to: Option<Account>,
        command: Command,
        msgid: Option<MsgId>,
    ) -> Self {
        let to = to.map(|to| to.to_string());
        Self { effect, to, command: command.to_string(), msgid: msgid.map(i64::from), push: None }
    }
}

impl From<Effect<'_>> for Step {
    fn from(effect: Effect<'_>) -> Self {
        let message = effect.message();
        let msgid = match message {
            Outbound::SyncNotify(msgid) => Some(msgid),
            Outbound::Chat(_) | Outbound::Ack(_) => None,
        };
        Self::new(effect.name(), effect.to(), message.command(), msgid)
    }
}
