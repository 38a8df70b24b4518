//! What the host does for a client that is logged in, and what it does instead if it has a fault.

use std::mem::take;

use bytes::BytesMut;
use kefu_proto::checker::{Checker, ConnectionId, Event};
use kefu_proto::script::{Host as _, HostError};
use kefu_proto::{
    Accepted, Account, Ack, Appended, Body, ChatMessage, Copies, Delivery, Dialect, Effect,
    Effects, Encode, FrameDecoder, FrameLimit, Message, MsgId, Online, Outbound, Parsed, Request,
    Role, SaveMessage, Saves, SyncRequest, UnixTime, Version,
};

use super::{Fault, Host, State};

impl Host {
    pub(super) fn serve(
        &mut self,
        connection: ConnectionId,
        me: &mut Online,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        let mut read = take(&mut self.connection(connection).read);
        loop {
            let peeked = peek(&read);
            let now = if self.has(Fault::KeepClientsTime) { UnixTime::from(1) } else { self.now() };
            let Some(request) = me.receive(&mut read, now)? else { break };
            match request {
                Request::Deliver(_) if self.has(Fault::Deaf) => {}
                Request::Deliver(delivery) => {
                    let message = delivery.message();
                    self.tell(checker, Event::Came { connection, message })?;
                    self.deliver(connection, me, delivery, checker)?;
                }
                Request::Refused(_) => {
                    if let Some(message) = peeked {
                        self.tell(checker, Event::Came { connection, message: &message })?;
                        self.refused(connection, me, &message)?;
                    }
                }
                Request::Reply(_) if self.has(Fault::NoPong) => {}
                Request::Reply(message) => self.write(connection, me, &message)?,
                Request::Sync(request) => self.sync(connection, me, request, checker)?,
                Request::KeepSyncKey(key) => self.keep(me.identity().account(), key),
                Request::KeepDialect(dialect) => {
                    let _ = dialect; // it remembers nothing (D1.8)
                }
                _ => {}
            }
        }
        self.connection(connection).read = read;
        Ok(())
    }

    fn refused(
        &mut self,
        connection: ConnectionId,
        me: &mut Online,
        message: &ChatMessage,
    ) -> Result<(), HostError> {
        if self.has(Fault::AckRefused) {
            self.write(connection, me, &Message::from(Body::Ack(Ack::from(message.seq))))?;
        }
        Ok(())
    }

    fn deliver(
        &mut self,
        connection: ConnectionId,
        me: &mut Online,
        delivery: Delivery,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        let effects = match delivery.accept() {
            Accepted::Transient(effects) => Some(effects),
            Accepted::Persistent(saves) => self.save(connection, saves, checker)?,
        };
        match effects {
            Some(effects) => self.apply(connection, me, &effects, checker),
            None => Ok(()), // H8.1
        }
    }

    fn save(
        &mut self,
        connection: ConnectionId,
        saves: Saves,
        checker: &mut Checker,
    ) -> Result<Option<Effects>, HostError> {
        let mut copies = Vec::new();
        for save in saves.requests() {
            let Some(copy) = self.append(save) else {
                let (queue, message) = (save.queue(), save.message());
                self.tell(checker, Event::SaveFailed { connection, queue, message })?;
                return Ok(None);
            };
            let rows = self.store.rows(save.queue());
            if let Some(row) = rows.last().filter(|row| row.msgid == copy.msgid) {
                self.tell(checker, Event::Stored { queue: save.queue(), row })?;
            }
            copies.push(copy);
        }
        let [receiver, sender] = copies[..] else { return Ok(None) };
        let copies = match self.fault {
            Some(Fault::SwapCopies) => Copies { receiver: sender, sender: receiver },
            _ => Copies { receiver, sender },
        };
        self.tell(checker, Event::Confirmed { connection, message: saves.message(), copies })?;
        Ok(Some(saves.confirm(copies)))
    }

    /// `None`: it has failed.
    fn append(&mut self, save: SaveMessage<'_>) -> Option<Appended> {
        let previous = self.store.newest(save.queue());
        let unsaved = Appended { msgid: MsgId(previous.0 + 1), previous: Some(previous) };
        if self.store.fails() {
            return self.has(Fault::FailedSaveAnswers).then_some(unsaved);
        }
        if self.has(Fault::NoSecondCopy) && save.role() == Role::Sender {
            return Some(unsaved);
        }
        Some(self.store.append(save))
    }

    fn apply(
        &mut self,
        connection: ConnectionId,
        me: &mut Online,
        effects: &Effects,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        let mut effects: Vec<Effect<'_>> = effects.iter().collect();
        if self.has(Fault::AckFirst) {
            effects.rotate_right(1);
        }
        for effect in effects {
            self.apply_one(connection, me, effect, checker)?;
        }
        Ok(())
    }

    fn apply_one(
        &mut self,
        connection: ConnectionId,
        me: &mut Online,
        effect: Effect<'_>,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        let notifies = matches!(effect.message(), Outbound::SyncNotify(_));
        match effect {
            Effect::SendAppMessage { .. } if notifies && self.has(Fault::NoNotify) => {}
            Effect::SendMessage { .. } if notifies && self.has(Fault::NoNotifyOfSender) => {}
            Effect::SendAppMessage { to, message } if notifies && self.has(Fault::LateNotify) => {
                self.notify_late(to, message);
            }
            Effect::PushMessage { to, message } => {
                self.tell(checker, Event::Pushed { to, message })?;
            }
            Effect::SendAppMessage { to, message } => {
                self.send(to, message, checker)?;
                if to == me.identity().account() {
                    self.give(connection, me, message, checker)?;
                }
            }
            Effect::SendMessage { to, message } => {
                self.send(to, message, checker)?;
                if self.has(Fault::NotifyOwnConnection) && notifies {
                    self.give(connection, me, message, checker)?;
                }
            }
            Effect::EnqueueMessage { message } => self.give(connection, me, message, checker)?,
        }
        Ok(())
    }

    /// To every connection of an account but the one that is served.
    fn send(
        &mut self,
        to: Account,
        message: Outbound<'_>,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        let everybody = match message {
            Outbound::SyncNotify(_) => self.has(Fault::NotifyEverybody),
            _ => self.has(Fault::ShowEverybody),
        };
        let connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for connection in connections {
            let mut state = take_state(self, connection);
            if let State::Online(online) = &mut state
                && (online.identity().account() == to || everybody)
            {
                self.give(connection, online, message, checker)?;
            }
            self.connection(connection).state = state;
        }
        Ok(())
    }

    fn give(
        &mut self,
        connection: ConnectionId,
        online: &mut Online,
        message: Outbound<'_>,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        self.tell(checker, Event::Given { connection, message })?;
        if self.has(Fault::LiveCopyToV1) && online.dialect() == Dialect::V1 {
            self.write_as_it_is(connection, message)?;
        }
        self.write(connection, online, &message)
    }

    /// Whoever is connected now is notified later.
    fn notify_late(&mut self, to: Account, message: Outbound<'_>) {
        let is_of =
            |state: &State| matches!(state, State::Online(it) if it.identity().account() == to);
        let connections = self.connections.iter().filter(|(_, it)| is_of(&it.state));
        self.late.extend(connections.map(|(connection, _)| (*connection, message.into_owned())));
    }

    /// Whether there was somebody.
    pub(super) fn notify_now(&mut self) -> Result<bool, HostError> {
        let late = take(&mut self.late);
        for (connection, message) in &late {
            let mut state = take_state(self, *connection);
            if let State::Online(online) = &mut state {
                self.write(*connection, online, message)?;
            }
            self.connection(*connection).state = state;
        }
        Ok(!late.is_empty())
    }

    /// A live copy, whatever the client knows.
    fn write_as_it_is(
        &mut self,
        connection: ConnectionId,
        message: Outbound<'_>,
    ) -> Result<(), HostError> {
        let Outbound::LiveCopy(_) = message else { return Ok(()) };
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes)?;
        while let Some(mut frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes)? {
            frame.version = Version(1);
            frame.encode(&mut self.connection(connection).out)?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        connection: ConnectionId,
        online: &mut Online,
        message: &impl Encode,
    ) -> Result<(), HostError> {
        Ok(online.write(message, &mut self.connection(connection).out)?)
    }

    fn keep(&mut self, account: Account, key: MsgId) {
        if self.has(Fault::KeepAnyKey) {
            self.store.kept_keys.insert(account, key);
        } else {
            self.store.keep(account, key);
        }
    }

    fn sync(
        &mut self,
        connection: ConnectionId,
        me: &mut Online,
        request: SyncRequest,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        let (queue, other) = (request.queue(), self.store.queues.keys().min().copied());
        let kept = self.store.kept(queue);
        self.tell(checker, Event::Syncing { connection, kept })?;
        let read = other.filter(|_| self.has(Fault::SyncAnotherQueue)).unwrap_or(queue);
        let mut rows = self.store.rows(read);
        match self.fault {
            Some(Fault::SyncSkips) if rows.len() > 1 => drop(rows.remove(0)),
            Some(Fault::SyncSwaps) if rows.len() > 1 => {
                let (first, rest) = rows.split_at_mut(1);
                std::mem::swap(&mut first[0], &mut rest[0]);
                std::mem::swap(&mut first[0].msgid, &mut rest[0].msgid);
            }
            _ => {}
        }
        let newest = self.store.newest(read);
        let out = &mut self.connection(connection).out;
        let mut answer = me.begin_sync(request, kept, out)?;
        for row in rows {
            me.sync_row(&mut answer, row, out)?;
        }
        answer.set_newest(newest);
        let next = MsgId(answer.after().map_or(0, |MsgId(end)| end + 1));
        me.finish_sync(answer, out)?;
        if self.has(Fault::EndlessSync) {
            self.write(connection, me, &Outbound::SyncNotify(next))?;
        }
        Ok(())
    }
}

fn take_state(host: &mut Host, connection: ConnectionId) -> State {
    std::mem::replace(&mut host.connection(connection).state, State::Away)
}

/// The message that comes next, if it is a chat message.
fn peek(read: &BytesMut) -> Option<ChatMessage> {
    let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut read.clone()).ok()??;
    let Parsed::Message(message) = frame.parse().ok()? else { return None };
    ChatMessage::try_from(message).ok()
}
