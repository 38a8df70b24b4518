//! Where the planted faults interfere with requests and effects.

use bytes::BytesMut;
use kefu_proto::checker::Violation;
use kefu_proto::{
    Account, Body, ChatMessage, Command, Copies, DeviceId, Effect, Effects, Flags, FrameDecoder,
    FrameLimit, Identity, Message, MsgId, Outbound, Parsed, Request, Saves, Session, UnixTime,
};

use super::{Host, Plant};
use crate::sim::{Sim, Verdict};

/// A customer's message passes for a seller's, and the other way round.
pub(super) fn of_other_role(command: Command) -> Command {
    match command {
        Command::CUSTOMER => Command::CUSTOMER_SUPPORT,
        Command::CUSTOMER_SUPPORT => Command::CUSTOMER,
        other => other,
    }
}

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
            (Plant::AckEarly, Request::Deliver(delivery), Some(chat))
                if delivery.is_persistent() =>
            {
                self.give(sim, link, Outbound::Ack(chat.seq.into()))?;
            }
            (Plant::PushEarly, Request::Deliver(delivery), _) if delivery.is_persistent() => {
                Self::push(sim, delivery.receiver(), delivery.message())?;
            }
            (Plant::AckRefused, Request::Refused(_), Some(chat)) => {
                self.give(sim, link, Outbound::Ack(chat.seq.into()))?;
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
        let is_notify = matches!(effect.message(), Outbound::SyncNotify(_));
        match (self.plant, effect) {
            (Some(Plant::ForgetReceiver | Plant::NotifyEarly), Effect::SendAppMessage { .. })
            | (Some(Plant::ForgetSender), Effect::SendMessage { .. })
                if is_notify =>
            {
                None
            }
            (
                Some(Plant::ForgetCopy),
                Effect::SendAppMessage { message: Outbound::LiveCopy(_), .. },
            ) => None,
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

    /// What the host makes of the store's answers.
    pub(super) fn spoil_copies(&self, saves: &Saves, copies: Copies) -> Copies {
        let Copies { mut receiver, mut sender } = copies;
        match self.plant {
            Some(Plant::SwapIds) => {
                (receiver.msgid, sender.msgid) = (sender.msgid, receiver.msgid);
                (receiver.previous, sender.previous) = (None, None);
            }
            Some(Plant::GuessPrevious) => {
                for (queue, copy) in
                    [(saves.receiver(), &mut receiver), (saves.sender(), &mut sender)]
                {
                    copy.previous = Some(self.store.newest_but(queue, copy.msgid));
                }
            }
            _ => {}
        }
        Copies { receiver, sender }
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
        self.send(sim, link, (receiver, None), &Outbound::SyncNotify(MsgId(msgid)))
    }

    /// As the user that the message claims to be from.
    fn handle_anyway(&self, sim: &Sim, link: usize, chat: ChatMessage) -> Option<Request> {
        let message = Message::from(chat);
        let account = match &message.body {
            Body::Customer(text) => Account::new(text.customer_appid, text.customer_id),
            Body::CustomerV2(text) => text.sender,
            _ => self.account(link)?,
        };
        let identity = Identity::new(account, DeviceId(0)).ok()?;
        let now = UnixTime::saturating_from_secs(sim.clock.read(sim.now()));
        let delivery = Session::new(self.config, identity).handle(message, now).ok()?;
        delivery.is_persistent().then_some(Request::Deliver(delivery))
    }
}
