//! A live trace of all messages, for the page. It has names, targets and ids, never contents.

use std::sync::Arc;

use kefu_proto::{
    Account, Appended, Command, Effect, Effects, Encode, Metadata, MsgId, Outbound, Refusal, Seq,
};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::uuid;

/// A channel to all watchers. It costs nothing while there are none.
#[derive(Clone, Debug)]
pub struct Trace(broadcast::Sender<Arc<TraceEvent>>);

impl Trace {
    /// A trace without watchers. A watcher that falls behind misses the oldest events.
    pub fn new() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }

    /// The events from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<TraceEvent>> {
        self.0.subscribe()
    }

    /// Whether there are watchers.
    pub fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Sends an event to all watchers.
    pub fn send(&self, event: TraceEvent) {
        // With an error there are no watchers any more.
        let _ = self.0.send(Arc::new(event));
    }
}

const BACKLOG: usize = 256;
/// In bytes. The backlog has no longer uuids: a content could be nothing else.
const UUID_MAX: usize = 128;

/// What happened to one message.
#[derive(Debug, Serialize)]
pub struct TraceEvent {
    #[serde(skip)]
    parties: [Account; 2],
    /// Who sent it.
    from: String,
    /// Its command.
    command: String,
    /// The sender's number for it, which the ACK repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i32>,
    /// The uuid in its content. With the sender it tells the page which message this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    /// Its effects in order; empty if it was refused.
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
    /// Of a `SaveMessage`: the newest msgid of the queue before, if the store knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<i64>,
    /// Of a live copy and its ACK: the METADATA that goes before it, under the number before.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Keys>,
    /// Of a `PushMessage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<PushOutcome>,
}

#[derive(Debug, Serialize)]
struct Keys {
    sync_key: i64,
    prev_sync_key: i64,
}

impl From<Metadata> for Keys {
    fn from(Metadata { sync_key, prev_sync_key }: Metadata) -> Self {
        Self { sync_key: sync_key.into(), prev_sync_key: prev_sync_key.into() }
    }
}

/// Whether a push went out.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PushOutcome {
    /// No: the receiver is connected to this server.
    Connected,
    /// Yes: it is in the push outbox.
    Queued,
    /// The receiver is not connected to this server. NATS decides whether another server has them.
    Undecided,
    /// No, although the receiver is connected nowhere: the outbox has not taken it.
    Lost,
}

impl TraceEvent {
    /// Whether the account has sent the message, or receives it.
    pub fn concerns(&self, account: Account) -> bool {
        self.parties.contains(&account)
    }

    /// An accepted message: its saves and their msgids, then its effects.
    pub fn applied(effects: &Effects, push: Option<PushOutcome>) -> Self {
        let message = effects.message();
        let (sender, receiver) = (effects.sender(), effects.receiver());
        let mut steps = Vec::new();
        if let Some(copies) = effects.copies() {
            for (queue, copy) in [(receiver, copies.receiver), (sender, copies.sender)] {
                steps.push(Step::saved(queue, message.command(), copy));
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
            seq: acknowledged(effects).map(i32::from),
            uuid: uuid::find(message.content())
                .filter(|uuid| uuid.len() <= UUID_MAX)
                .map(Into::into),
            effects: steps,
            refusal: None,
        }
    }

    /// A refused message.
    pub fn refused(from: Account, refusal: Refusal) -> Self {
        Self {
            parties: [from, from],
            from: from.to_string(),
            command: refused_command(refusal)
                .map_or_else(|| "unknown".into(), |command| command.to_string()),
            seq: None,
            uuid: None,
            effects: Vec::new(),
            refusal: Some(refusal.to_string()),
        }
    }
}

/// The sender's number for the message: that of a CUSTOMER_V2 is only in its ACK.
fn acknowledged(effects: &Effects) -> Option<Seq> {
    effects.iter().find_map(|effect| match effect.message() {
        Outbound::Ack(ack) => Some(ack.seq),
        Outbound::LiveAck(ack) => Some(ack.ack().seq),
        _ => None,
    })
}

/// The command of a refused message, which follows from the rule that it broke.
const fn refused_command(refusal: Refusal) -> Option<Command> {
    match refusal {
        Refusal::OtherCommand { command } => Some(command),
        Refusal::CustomerAppIdMismatch { .. }
        | Refusal::CustomerIdMismatch { .. }
        | Refusal::SellerIdZero => Some(Command::CUSTOMER),
        Refusal::NotKefuApp { .. } | Refusal::SellerIdMismatch { .. } => {
            Some(Command::CUSTOMER_SUPPORT)
        }
        Refusal::SenderMismatch { .. } | Refusal::NoKefuSide { .. } => Some(Command::CUSTOMER_V2),
        _ => None,
    }
}

impl Step {
    fn new(effect: &'static str, to: Option<Account>, command: Command) -> Self {
        let (to, command) = (to.map(|to| to.to_string()), command.to_string());
        Self { effect, to, command, msgid: None, previous: None, metadata: None, push: None }
    }

    fn saved(queue: Account, command: Command, Appended { msgid, previous }: Appended) -> Self {
        let (msgid, previous) = (Some(msgid.into()), previous.map(MsgId::into));
        Self { msgid, previous, ..Self::new("SaveMessage", Some(queue), command) }
    }
}

impl From<Effect<'_>> for Step {
    fn from(effect: Effect<'_>) -> Self {
        let message = effect.message();
        let step = Self::new(effect.name(), effect.to(), message.command());
        match message {
            Outbound::SyncNotify(msgid) => Self { msgid: Some(msgid.into()), ..step },
            Outbound::LiveCopy(copy) => Self { metadata: Some(copy.metadata().into()), ..step },
            Outbound::LiveAck(ack) => Self { metadata: Some(ack.metadata().into()), ..step },
            _ => step,
        }
    }
}
