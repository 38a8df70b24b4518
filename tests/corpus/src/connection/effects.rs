//! The effects of a message, written without the crate (H6, H7, H11, H14).

use kefu_proto::{Account, Ack, AckStatus, Appended, Body, Effect, Encode, Flags, Frame};
use kefu_proto::{Message, Metadata, MsgId, Outbound, Parsed, Seq, Version};

use super::model::Delivered;
use crate::outgoing::{Outgoing, What};

/// How a delivery has ended.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    Transient,
    Stored { receiver: Appended, sender: Appended },
    Refused(AckStatus),
}

/// What an effect says: which one, to whom, and the message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) name: &'static str,
    pub(super) to: Option<Account>,
    pub(super) outgoing: Outgoing,
    seq: Seq,
    version: Version,
}

impl Told {
    /// H9.2: what the handler makes itself has the seq and version 0.
    fn new(name: &'static str, to: Option<Account>, outgoing: Outgoing) -> Self {
        Self { name, to, outgoing, seq: Seq(0), version: Version(0) }
    }

    fn numbered(self, seq: Seq, version: Version) -> Self {
        Self { seq, version, ..self }
    }
}

pub(super) fn told(effect: Effect<'_>) -> Told {
    let message = effect.message();
    let metadata = match &message {
        Outbound::LiveCopy(copy) => Some(copy.metadata()),
        Outbound::LiveAck(ack) => Some(ack.metadata()),
        _ => None,
    };
    let (seq, version, flags) = (message.seq(), message.version(), message.flags());
    let mut body = vec![];
    message.encode_body(&mut body).unwrap();
    let frame = Frame { version, ..Frame::new(message.command(), body.into()) };
    let Ok(Parsed::Message(Message { body, .. })) = frame.parse() else { panic!("unreadable") };
    let outgoing = Outgoing { metadata, flags, what: What::Body(body) };
    Told { name: effect.name(), to: effect.to(), outgoing, seq, version }
}

pub(super) fn expected(delivered: &Delivered, own: Account, ending: Ending) -> Vec<Told> {
    let is_v2 = delivered.is_v2();
    match ending {
        Ending::Transient => {
            vec![chat("SendAppMessage", delivered), ack(delivered, AckStatus(0), None)]
        }
        Ending::Refused(status) if is_v2 => vec![ack(delivered, status, None)],
        Ending::Refused(_) => vec![],
        Ending::Stored { receiver, sender } => {
            let to = delivered.receiver;
            let receiver = (receiver.msgid, metadata(receiver).filter(|_| is_v2));
            let sender = (sender.msgid, metadata(sender).filter(|_| is_v2));
            let mut told = vec![chat("PushMessage", delivered)];
            told.extend(copy_and_notify("SendAppMessage", to, delivered, receiver));
            told.extend(copy_and_notify("SendMessage", own, delivered, sender));
            told.push(ack(delivered, AckStatus(0), sender.1));
            told
        }
    }
}

/// H14.9: `None` where the store does not know what was there before.
fn metadata(copy: Appended) -> Option<Metadata> {
    copy.previous.map(|prev_sync_key| Metadata { sync_key: copy.msgid, prev_sync_key })
}

/// The message as it is stored, or forwarded.
fn chat(name: &'static str, delivered: &Delivered) -> Told {
    let Message { seq, version, flags, body } = delivered.chat.clone().into();
    let outgoing = Outgoing { metadata: None, flags, what: What::Body(body) };
    Told::new(name, Some(delivered.receiver), outgoing).numbered(seq, version)
}

fn copy_and_notify(
    name: &'static str,
    to: Account,
    delivered: &Delivered,
    (msgid, metadata): (MsgId, Option<Metadata>),
) -> impl Iterator<Item = Told> {
    let copy = metadata.map(|metadata| {
        // H13.4, H14.4: the client's flags but for those of servers, and PUSH.
        let flags = Flags(delivered.flags.0 & 0xc7 | 0x10);
        let what = What::Body(Message::from(delivered.chat.clone()).body);
        let outgoing = Outgoing { metadata: Some(metadata), flags, what };
        Told::new(name, Some(to), outgoing).numbered(Seq(0), Version(2))
    });
    copy.into_iter().chain([Told::new(name, Some(to), Body::SyncNotify(msgid).into())])
}

/// W3.7: a status needs a version that has one.
fn ack(delivered: &Delivered, status: AckStatus, metadata: Option<Metadata>) -> Told {
    let version = if status.0 == 0 { Version(0) } else { Version(2) };
    let body = Body::Ack(Ack { seq: delivered.seq, status });
    let outgoing = Outgoing { metadata, ..body.into() };
    Told::new("EnqueueMessage", None, outgoing).numbered(Seq(0), version)
}
