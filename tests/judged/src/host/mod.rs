//! A host in memory, which tells the checker what happens inside if it is asked to, and has a fault
//! if it is given one.

mod fault;
mod serve;
mod store;
mod tamper;

use std::collections::{BTreeMap, HashMap};

use bytes::BytesMut;
use kefu_proto::checker::{Checker, ConnectionId, Event, Terms};
use kefu_proto::script::{self, HostError};
use kefu_proto::{
    Account, AuthToken, Authentication, DeviceId, Dialect, FrameLimit, Identity, Login, LoginStep,
    Online, OwnedOutbound, Platform, UnixTime, UserId,
};

pub(crate) use fault::Fault;
use store::Store;

use crate::CONFIG;

#[derive(Default)]
pub(crate) struct Host {
    pub(crate) fault: Option<Fault>,
    /// Whether it tells what happens inside.
    pub(crate) tells: bool,
    pub(crate) store: Store,
    connections: BTreeMap<ConnectionId, Connection>,
    devices: HashMap<(Vec<u8>, Platform), DeviceId>,
    late: Vec<(ConnectionId, OwnedOutbound)>,
    seconds: i32,
}

struct Connection {
    state: State,
    read: BytesMut,
    out: BytesMut,
    /// How many frames have been taken.
    written: i32,
}

enum State {
    Login(Login),
    Online(Online),
    /// While it is served, and after it has left.
    Away,
}

impl Host {
    /// A host that tells the checker all it knows.
    pub(crate) fn telling() -> Self {
        Self { tells: true, ..Self::default() }
    }

    pub(crate) fn with(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Tells the checker, if it is to know.
    fn tell(&self, checker: &mut Checker, event: Event<'_>) -> Result<(), HostError> {
        if self.tells { Ok(checker.observe(event)?) } else { Ok(()) }
    }

    fn log_in(
        &mut self,
        connection: ConnectionId,
        mut login: Login,
        checker: &mut Checker,
    ) -> Result<State, HostError> {
        loop {
            let me = self.connections.get_mut(&connection).unwrap();
            match login.receive(&mut me.read, &mut me.out)? {
                LoginStep::Read(login) => return Ok(State::Login(login)),
                LoginStep::Authenticate(asked) => match self.identify(asked.auth_token()) {
                    Some(identity) => {
                        return Ok(State::Online(
                            self.accept(connection, asked, identity, checker)?,
                        ));
                    }
                    None => login = asked.refuse(&mut self.connection(connection).out)?,
                },
            }
        }
    }

    fn accept(
        &mut self,
        connection: ConnectionId,
        mut asked: Authentication,
        identity: Identity,
        checker: &mut Checker,
    ) -> Result<Online, HostError> {
        if self.has(Fault::EverybodyIsV2) {
            asked.set_dialect(Dialect::V2);
        }
        let dialect = asked.dialect().unwrap_or(Dialect::AsSent);
        self.tell(checker, Event::LoggedIn { connection, identity, dialect })?;
        Ok(asked.accept(identity, &mut self.connection(connection).out)?)
    }

    fn identify(&mut self, login: &AuthToken) -> Option<Identity> {
        let account = account(login.token.as_bytes());
        let anybody = Account::new(CONFIG.kefu_appid(), UserId(1));
        let account = account.or(self.has(Fault::AcceptAnybody).then_some(anybody))?;
        let new = DeviceId(i64::try_from(self.devices.len()).unwrap() + 1);
        let device_id = login.device().map_or(DeviceId(0), |(name, platform)| {
            *self.devices.entry((name.to_vec(), platform)).or_insert(new)
        });
        let device_id = if self.has(Fault::DevicesAreOne) { DeviceId(1) } else { device_id };
        Identity::new(account, device_id).ok()
    }

    fn connection(&mut self, connection: ConnectionId) -> &mut Connection {
        self.connections.get_mut(&connection).unwrap()
    }
}

/// What this host promises.
pub(crate) fn terms() -> Terms {
    let mut terms = Terms::new(CONFIG);
    terms.saves_may_fail = true;
    terms
}

/// Whom a token such as `tok-7-1` names.
fn account(token: &[u8]) -> Option<Account> {
    let token = str::from_utf8(token).ok()?;
    token.strip_prefix("tok-")?.replacen('-', "/", 1).parse().ok()
}

impl script::Host for Host {
    fn open(&mut self, connection: ConnectionId) -> Result<(), HostError> {
        let state = State::Login(Login::new(CONFIG, FrameLimit::CLIENT));
        let new = Connection { state, read: BytesMut::new(), out: BytesMut::new(), written: 0 };
        self.connections.insert(connection, new);
        Ok(())
    }

    fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        let me = self.connection(connection);
        me.read.extend_from_slice(bytes);
        let mut state = std::mem::replace(&mut me.state, State::Away);
        if let State::Login(login) = state {
            state = self.log_in(connection, login, checker)?;
        }
        if let State::Online(online) = &mut state {
            self.serve(connection, online, checker)?;
        }
        self.connection(connection).state = state;
        self.seconds += 1;
        Ok(())
    }

    fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError> {
        let fault = self.fault;
        let Some(me) = self.connections.get_mut(&connection) else { return Ok(Vec::new()) };
        Ok(tamper::tamper(fault, me.out.split(), &mut me.written))
    }

    fn close(&mut self, connection: ConnectionId) {
        if self.has(Fault::NeverForget) {
            self.connection(connection).out.clear();
        } else {
            self.connections.remove(&connection);
        }
    }

    fn now(&self) -> UnixTime {
        UnixTime::from(1_500_000_000 + self.seconds)
    }

    fn fail_save(&mut self, after: u32) {
        self.store.saves_until_failure = Some(after);
    }

    fn wait(&mut self) -> bool {
        self.notify_now().unwrap()
    }
}
