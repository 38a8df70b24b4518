//! Where the planted faults interfere with requests and effects.

use bytes::BytesMut;
use kefu_proto::{
    Account, Body, ChatMessage, DeviceId, Effect, Effects, Flags, FrameDecoder, FrameLimit,
    Identity, Message, MsgId, Outbound, Parsed, Request, Session, UnixTime,
};

use super::{Host, Plant};
use crate::judge::{Verdict, Violation};
use crate::sim::Sim;

/// The first chat message in what has been read.
pub(super) fn first_chat(read: &BytesMut) -> Option<ChatMessage> {
    let mut read = read.clone();
    while let Ok(Some(frame)) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut read) {
        let Ok(Parsed::Message(message)) = frame.parse() else { continue };
        if let Ok(chat) = ChatMessage::try_from(message) {
            return Some(chat);
        }
    }
    None
}

impl Host {
    /// What the host makes of a request; `peeked` is the chat message in it, if there is one.
    pub(super) fn spoil(
        &mut self,
        sim: &mut Sim,
        link: usize,
        request: Request,
        peeked: Option<ChatMessage>,
    ) -> Result<Request, Violation> {
        let Some(plant) = self.plant else { return Ok(request) };
        match (plant, &request, peeked) {
            (Plant::AckEarly, Request::Deliver(delivery), _) if delivery.is_persistent() => {
                self.write(sim, link, &Outbound::Ack(delivery.message().seq.into()))?;
            }
            (Plant::PushEarly, Request::Deliver(delivery), _) if delivery.is_persistent() => {
                Self::push(sim, delivery.receiver(), delivery.message())?;
            }
            (Plant::AckRefused, Request::Refused(_), Some(chat)) => {
                self.write(sim, link, &Outbound::Ack(chat.seq.into()))?;
            }
            (Plant::StoreRefused, Request::Refused(_), Some(chat)) => {
                return Ok(self.handle_anyway(sim, link, chat).unwrap_or(request));
            }
            (Plant::StoreUnpersistent, Request::Deliver(delivery), Some(mut chat))
                if !delivery.is_persistent() =>
            {
                chat.flags = Flags::NONE;
                return Ok(self.handle_anyway(sim, link, chat).unwrap_or(request));
            }
            _ => {}
        }
        Ok(request)
    }

    pub(super) fn go_on_after_malformed(
        &mut self,
        sim: &mut Sim,
        link: usize,
        peeked: Option<ChatMessage>,
    ) {
        if self.plant == Some(Plant::GoOnAfterMalformed)
            && let Some(request) = peeked.and_then(|chat| self.handle_anyway(sim, link, chat))
        {
            self.begin(sim, link, request);
        }
    }

    pub(super) fn spoil_effect<'m>(
        &self,
        effects: &Effects,
        effect: Effect<'m>,
    ) -> Option<Effect<'m>> {
        match (self.plant, effect) {
            (Some(Plant::ForgetReceiver), Effect::SendAppMessage { .. })
            | (Some(Plant::ForgetSender), Effect::SendMessage { .. }) => None,
            (Some(Plant::PushStranger), Effect::PushMessage { message, mut to }) => {
                to.appid.0 ^= 2;
                Some(Effect::PushMessage { to, message })
            }
            (Some(Plant::NeverAckLong), Effect::EnqueueMessage { .. }) => {
                (effects.message().content().len() < 150).then_some(effect)
            }
            _ => Some(effect),
        }
    }

    /// Notifies the receiver of its copy, whatever becomes of the other.
    pub(super) fn notify_early(
        &mut self,
        sim: &mut Sim,
        link: usize,
        ticket: u64,
        msgid: Option<i64>,
    ) -> Verdict {
        let Some(connection) = &mut self.connections[link] else { return Ok(()) };
        let Some(saving) = connection.saving(ticket) else { return Ok(()) };
        let (receiver, Some(msgid)) = (saving.saves.receiver(), msgid) else { return Ok(()) };
        self.send(sim, receiver, None, &Outbound::SyncNotify(MsgId(msgid)))
    }

    /// As the user that the message claims to be from.
    fn handle_anyway(&self, sim: &Sim, link: usize, chat: ChatMessage) -> Option<Request> {
        let message = Message::from(chat);
        let account = match &message.body {
            Body::Customer(text) => Account::new(text.customer_appid, text.customer_id),
            _ => self.account(link)?,
        };
        let identity = Identity::new(account, DeviceId(0)).ok()?;
        let now = UnixTime::saturating_from_secs(sim.clock.read(sim.now()));
        let delivery = Session::new(self.config, identity).handle(message, now).ok()?;
        delivery.is_persistent().then_some(Request::Deliver(delivery))
    }
}
