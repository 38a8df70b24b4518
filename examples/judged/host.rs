// The host: it serves its connections one after the other, and tells a checker what it does.

use std::collections::HashMap;
use std::error::Error;

use bytes::BytesMut;
use kefu_proto::checker::{Checker, ConnectionId, Event};
use kefu_proto::{
    Account, AppId, Appended, Config, Delivery, Effect, Encode, FrameLimit, Login, LoginStep,
    MsgId, Online, Outbound, Request, SaveMessage, SyncRequest, UnixTime,
};

use crate::rule::accepts;
use crate::store::{DiskFull, Store};

pub const CONFIG: Config = match Config::new(AppId(1453)) {
    Ok(config) => config,
    Err(_) => panic!("the kefu app is not 0"),
};

/// Why it cannot go on.
pub type HostError = Box<dyn Error + Send + Sync>;

#[derive(Default)]
pub struct MyHost {
    pub store: Store,
    connections: HashMap<ConnectionId, Connection>,
    seconds: i32,
}

/// A connection, whose client logs in or has done so.
struct Connection {
    id: ConnectionId,
    login: Option<Login>,
    online: Option<Online>,
    read: BytesMut,
    out: BytesMut,
}

impl MyHost {
    pub fn open(&mut self, id: ConnectionId) {
        let login = Some(Login::new(CONFIG, FrameLimit::CLIENT));
        let (read, out) = Default::default();
        self.connections.insert(id, Connection { id, login, online: None, read, out });
    }

    pub fn close(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// A clock of its own, that moves whenever something has come.
    pub fn now(&self) -> UnixTime {
        UnixTime::from(1_500_000_000 + self.seconds)
    }

    pub fn receive(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        // Taken out: `send` finds every connection but this one.
        let Some(mut me) = self.connections.remove(&id) else { return Ok(()) };
        me.read.extend_from_slice(bytes);
        let served = self.log_in(&mut me).and_then(|()| self.serve(&mut me, checker));
        self.connections.insert(id, me);
        self.seconds += 1;
        served
    }

    pub fn take_output(&mut self, id: ConnectionId) -> Vec<u8> {
        self.connections.get_mut(&id).map_or(vec![], |me| me.out.split().to_vec())
    }

    fn log_in(&mut self, me: &mut Connection) -> Result<(), HostError> {
        while let Some(login) = me.login.take() {
            match login.receive(&mut me.read, &mut me.out)? {
                LoginStep::Read(login) => {
                    me.login = Some(login);
                    break;
                }
                LoginStep::Authenticate(asked) => match self.store.identify(asked.auth_token()) {
                    Some(identity) => me.online = Some(asked.accept(identity, &mut me.out)?),
                    None => me.login = Some(asked.refuse(&mut me.out)?),
                },
            }
        }
        Ok(())
    }

    fn serve(&mut self, me: &mut Connection, checker: &mut Checker) -> Result<(), HostError> {
        while let Some(request) = me.next_request(self.now())? {
            match request {
                Request::Deliver(delivery) => self.deliver(me, delivery, checker)?,
                Request::Reply(message) => me.write(&message)?,
                Request::Sync(request) => self.sync(me, request)?,
                Request::KeepSyncKey(key) => {
                    if let Some(account) = me.account() {
                        self.store.keep_sync_key(account, key);
                    }
                }
                // Refused (H11), what a web client knows (D1.8), a command outside the protocol.
                _ => {}
            }
        }
        Ok(())
    }

    fn deliver(
        &mut self,
        me: &mut Connection,
        delivery: Delivery,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        checker.observe(Event::Came { connection: me.id, message: delivery.message() })?;
        let effects = if accepts(&delivery) {
            delivery.save_with(|save| self.save(me.id, save, checker))
        } else {
            Ok(delivery.refuse())
        };
        match effects {
            Ok(effects) => effects.iter().try_for_each(|effect| self.apply(me, effect, checker)),
            // No ACK: the client sends it again. Whatever else it is, the test fails.
            Err(error) => error.downcast::<DiskFull>().map(drop),
        }
    }

    fn save(
        &mut self,
        connection: ConnectionId,
        save: SaveMessage<'_>,
        checker: &mut Checker,
    ) -> Result<Appended, HostError> {
        let (queue, message) = (save.queue(), save.message());
        let appended = self.store.append(save);
        match self.store.rows(queue).last().filter(|_| appended.is_ok()) {
            Some(row) => checker.observe(Event::Stored { queue, row })?,
            None => checker.observe(Event::SaveFailed { connection, queue, message })?,
        }
        Ok(appended?)
    }

    fn apply(
        &mut self,
        me: &mut Connection,
        effect: Effect<'_>,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        match effect {
            Effect::PushMessage { to, message } => {
                if !self.is_connected(to) && me.account() != Some(to) {
                    checker.observe(Event::Pushed { to, message })?;
                }
            }
            Effect::SendAppMessage { to, message } => {
                self.send(to, message, checker)?;
                if me.account() == Some(to) {
                    me.give(message, checker)?;
                }
            }
            Effect::SendMessage { to, message } => self.send(to, message, checker)?,
            Effect::EnqueueMessage { message } => me.give(message, checker)?,
        }
        Ok(())
    }

    /// Gives a message to every connection of an account but the one that is being served.
    fn send(
        &mut self,
        to: Account,
        message: Outbound<'_>,
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        let mut others = self.connections.values_mut().filter(|it| it.account() == Some(to));
        others.try_for_each(|it| it.give(message, checker))
    }

    fn is_connected(&self, account: Account) -> bool {
        self.connections.values().any(|it| it.account() == Some(account))
    }

    fn sync(&self, me: &mut Connection, request: SyncRequest) -> Result<(), HostError> {
        let Some(online) = &mut me.online else { return Ok(()) };
        let (rows, key) = (self.store.rows(request.queue()), self.store.sync_key(request.queue()));
        let mut answer = online.begin_sync(request, key, &mut me.out)?;
        for row in rows {
            online.sync_row(&mut answer, row.clone(), &mut me.out)?;
        }
        answer.set_newest(rows.last().map_or(MsgId(0), |row| row.msgid));
        Ok(online.finish_sync(answer, &mut me.out)?)
    }
}

impl Connection {
    fn account(&self) -> Option<Account> {
        self.online.as_ref().map(|online| online.identity().account())
    }

    fn next_request(&mut self, now: UnixTime) -> Result<Option<Request>, HostError> {
        let Some(online) = &mut self.online else { return Ok(None) };
        Ok(online.receive(&mut self.read, now)?)
    }

    fn give(&mut self, message: Outbound<'_>, checker: &mut Checker) -> Result<(), HostError> {
        checker.observe(Event::Given { connection: self.id, message })?;
        self.write(&message)
    }

    fn write(&mut self, message: &impl Encode) -> Result<(), HostError> {
        let Some(online) = &mut self.online else { return Ok(()) };
        Ok(online.write(message, &mut self.out)?)
    }
}
