//! A live trace of all messages, for the page. It has names, targets and ids, never contents.

use std::sync::Arc;

use kefu_proto::{Account, Command, Effect, Effects, Encode, MsgId, Outbound, Refusal};
use serde::Serialize;
use tokio::sync::broadcast;

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
}

impl TraceEvent {
    /// Whether the account has sent the message, or receives it.
    pub fn concerns(&self, account: Account) -> bool {
        self.parties.contains(&account)
    }

    /// An accepted message: its saves and their msgids, then its effects.
    pub fn applied(effects: &Effects) -> Self {
        let message = effects.message();
        let (sender, receiver) = (effects.sender(), effects.receiver());
        let mut steps = Vec::new();
        if let Some(copies) = effects.copies() {
            for (queue, copy) in [(receiver, copies.receiver), (sender, copies.sender)] {
                let msgid = Some(copy.msgid);
                steps.push(Step::new("SaveMessage", Some(queue), message.command(), msgid));
            }
        }
        steps.extend(effects.iter().map(Step::from));
        Self {
            parties: [sender, receiver],
            from: sender.to_string(),
            command: message.command().to_string(),
            seq: Some(message.seq.0),
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
            effects: Vec::new(),
            refusal: Some(refusal.to_string()),
        }
    }
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
        _ => None,
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
        Self { effect, to, command: command.to_string(), msgid: msgid.map(i64::from) }
    }
}

impl From<Effect<'_>> for Step {
    fn from(effect: Effect<'_>) -> Self {
        let message = effect.message();
        let msgid = match message {
            Outbound::SyncNotify(msgid) => Some(msgid),
            _ => None,
        };
        Self::new(effect.name(), effect.to(), message.command(), msgid)
    }
}
