//! A whole server in memory: a router and a store around the library's connections.

use std::collections::{BTreeMap, HashMap};

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Accepted, Account, AppId, Appended, AuthToken, Config, Copies, Delivery, DeviceId, Dialect,
    Effect, Effects, Encode, FrameDecoder, FrameLimit, Identity, Login, LoginStep, MsgId, Online,
    Outbound, Platform, Request, Role, SaveMessage, Saves, StoredMessage, SyncBounds, SyncRequest,
    SyncRow, UnixTime, UserId,
};

pub(crate) struct Server {
    now: UnixTime,
    connections: BTreeMap<String, Connection>,
    pub(crate) store: Store,
    /// The users that the push service was told about.
    pub(crate) pushes: Vec<Account>,
    /// The host's own rules; none at first.
    pub(crate) own_rules: fn(&mut Delivery) -> Rule,
    pub(crate) bounds: SyncBounds,
    /// What clients have shown of themselves.
    pub(crate) dialects: HashMap<(Account, i8), Dialect>,
}

pub(crate) enum Rule {
    Accept,
    Refuse,
}

struct Connection {
    state: Option<State>,
    platform: Platform,
    read: BytesMut,
    out: BytesMut,
}

enum State {
    Login(Login),
    Online(Online),
}

impl Server {
    pub(crate) fn new(now: UnixTime) -> Self {
        Self {
            now,
            connections: BTreeMap::new(),
            store: Store::default(),
            pushes: Vec::new(),
            own_rules: |_| Rule::Accept,
            bounds: SyncBounds::default(),
            dialects: HashMap::new(),
        }
    }

    /// Bytes arrive on the connection of this name, which is opened if it is not there yet.
    pub(crate) fn receive(&mut self, who: &str, bytes: &[u8]) {
        let connection = self.connections.entry(who.to_owned()).or_insert_with(|| Connection {
            state: Some(State::Login(Login::new(config(), FrameLimit::CLIENT))),
            platform: Platform(0),
            read: BytesMut::new(),
            out: BytesMut::new(),
        });
        connection.read.extend_from_slice(bytes);
        match connection.state.take() {
            Some(State::Login(login)) => self.log_in(who, login),
            Some(State::Online(online)) => self.serve(who, online),
            None => {}
        }
    }

    /// The next frame that was written to the connection of this name.
    pub(crate) fn next_frame(&mut self, who: &str) -> Option<BytesMut> {
        let out = &mut self.connections.get_mut(who)?.out;
        let frame = FrameDecoder::new(FrameLimit::CLIENT).cut(out).unwrap()?;
        Some(BytesMut::from(&frame[..]))
    }

    /// Whether the connection of this name has been closed.
    pub(crate) fn is_closed(&self, who: &str) -> bool {
        self.connections[who].state.is_none()
    }

    fn log_in(&mut self, who: &str, mut login: Login) {
        let connection = self.connections.get_mut(who).unwrap();
        loop {
            let Ok(step) = login.receive(&mut connection.read, &mut connection.out) else { return };
            let mut authentication = match step {
                LoginStep::Read(login) => {
                    connection.state = Some(State::Login(login));
                    return;
                }
                LoginStep::Authenticate(authentication) => authentication,
            };
            match self.store.identify(authentication.auth_token()) {
                Some(identity) => {
                    connection.platform = authentication.auth_token().platform;
                    let key = (identity.account(), connection.platform.0);
                    if let (None, Some(dialect)) =
                        (authentication.dialect(), self.dialects.get(&key))
                    {
                        authentication.set_dialect(*dialect);
                    }
                    let mut online = authentication.accept(identity, &mut connection.out).unwrap();
                    online.set_sync_bounds(self.bounds);
                    return self.serve(who, online);
                }
                None => login = authentication.refuse(&mut connection.out).unwrap(),
            }
        }
    }

    fn serve(&mut self, who: &str, mut online: Online) {
        loop {
            let connection = self.connections.get_mut(who).unwrap();
            let request = online.receive(&mut connection.read, self.now);
            connection.state = Some(State::Online(online));
            match request {
                Ok(None) => return,
                Ok(Some(request)) => self.finish(who, request),
                Err(_) => {
                    self.connections.get_mut(who).unwrap().state = None;
                    return;
                }
            }
            let Some(State::Online(next)) = self.connections.get_mut(who).unwrap().state.take()
            else {
                panic!("finishing a request does not close a connection")
            };
            online = next;
        }
    }

    fn finish(&mut self, who: &str, request: Request) {
        match request {
            Request::Deliver(delivery) => self.deliver(who, delivery),
            Request::Reply(message) => self.write(who, &message),
            Request::Sync(request) => self.sync(who, request),
            Request::KeepSyncKey(key) => {
                let account = self.account(who).unwrap();
                let kept = self.store.kept.entry(account).or_insert(key);
                *kept = key.max(*kept);
            }
            Request::KeepDialect(dialect) => {
                let platform = self.connections[who].platform.0;
                self.dialects.insert((self.account(who).unwrap(), platform), dialect);
            }
            Request::Refused(_) | Request::Unlisted(_) => {}
            other => panic!("{other:?} is no request of this version"),
        }
    }

    /// A save that fails ends it: nothing follows (H8.1).
    fn deliver(&mut self, who: &str, mut delivery: Delivery) {
        let effects = match (self.own_rules)(&mut delivery) {
            Rule::Refuse => delivery.refuse(),
            Rule::Accept => match delivery.accept() {
                Accepted::Persistent(saves) => {
                    let Ok(effects) = self.store.save(saves) else { return };
                    effects
                }
                Accepted::Transient(effects) => effects,
            },
        };
        self.apply(who, &effects);
    }

    fn apply(&mut self, who: &str, effects: &Effects) {
        for effect in effects {
            match effect {
                Effect::PushMessage { to, .. } if self.connections_of(to).is_empty() => {
                    self.pushes.push(to);
                }
                Effect::PushMessage { .. } => {}
                Effect::SendAppMessage { to, message } => self.send(to, None, message),
                Effect::SendMessage { to, message } => self.send(to, Some(who), message),
                Effect::EnqueueMessage { message } => self.write(who, &message),
            }
        }
    }

    /// In pages of one row, so that the queue is cut at every place.
    fn sync(&mut self, who: &str, request: SyncRequest) {
        let queue = request.queue();
        let kept = self.store.kept.get(&queue).copied().unwrap_or(MsgId(0));
        let (online, out) = self.online(who);
        let mut answer = online.begin_sync(request, kept, out).unwrap();
        while let Some(row) = answer.after().and_then(|after| self.store.first_after(queue, after))
        {
            let msgid = row.msgid;
            let (online, out) = self.online(who);
            let came = online.sync_row(&mut answer, row, out).unwrap();
            let after = (came != SyncRow::Full).then_some(msgid);
            assert_eq!(answer.after(), after, "a row that is asked for again has no end");
        }
        if answer.wants_newest() {
            answer.set_newest(self.store.newest(queue));
        }
        let (online, out) = self.online(who);
        online.finish_sync(answer, out).unwrap();
    }

    fn send(&mut self, to: Account, except: Option<&str>, message: Outbound<'_>) {
        for name in self.connections_of(to) {
            if Some(&*name) != except {
                self.write(&name, &message);
            }
        }
    }

    fn write(&mut self, who: &str, message: &impl Encode) {
        let (online, out) = self.online(who);
        online.write(message, out).unwrap();
    }

    fn online(&mut self, who: &str) -> (&mut Online, &mut BytesMut) {
        let Connection { state, out, .. } = self.connections.get_mut(who).unwrap();
        let Some(State::Online(online)) = state else { panic!("{who} is not logged in") };
        (online, out)
    }

    fn connections_of(&self, account: Account) -> Vec<String> {
        let names = self.connections.keys();
        names.filter(|who| self.account(who) == Some(account)).cloned().collect()
    }

    fn account(&self, who: &str) -> Option<Account> {
        match &self.connections[who].state {
            Some(State::Online(online)) => Some(online.identity().account()),
            _ => None,
        }
    }
}

/// Queues, kept sync keys and the numbers of devices.
#[derive(Default)]
pub(crate) struct Store {
    /// Whether a repeat is answered with the ids of the first copies. The whole content is the
    /// mark; an empty one is no mark.
    pub(crate) idempotent: bool,
    /// How many more copies can be stored.
    pub(crate) room: Option<usize>,
    /// Whether it answers without telling what was the newest before.
    pub(crate) forgetful: bool,
    marks: HashMap<Mark, Appended>,
    queues: HashMap<Account, Vec<StoredMessage>>,
    kept: HashMap<Account, MsgId>,
    devices: Vec<(Vec<u8>, i8)>,
    /// The bytes that all copies take, as far as ids are concerned.
    written: i64,
    /// How many bytes a copy takes besides its body; by default every copy takes 160.
    pub(crate) overhead: Option<i64>,
}

impl Store {
    fn identify(&mut self, login: &AuthToken) -> Option<Identity> {
        let account = match login.token.as_bytes() {
            b"tok-7-1" => Account { appid: AppId(7), uid: UserId(1) },
            b"tok-1453-2" => Account { appid: AppId(1453), uid: UserId(2) },
            _ => return None,
        };
        let device_id = login.device().map_or(0, |(name, platform)| {
            let device = (name.to_vec(), platform.0);
            let known = self.devices.iter().position(|known| *known == device);
            let index = known.unwrap_or_else(|| {
                self.devices.push(device);
                self.devices.len() - 1
            });
            i64::try_from(index + 1).unwrap()
        });
        Identity::new(account, DeviceId(device_id)).ok()
    }

    fn save(&mut self, saves: Saves) -> Result<Effects, Full> {
        let [receiver, sender] = saves.requests();
        let copies =
            Copies { receiver: self.store_once(receiver)?, sender: self.store_once(sender)? };
        Ok(saves.confirm(copies))
    }

    fn store_once(&mut self, save: SaveMessage<'_>) -> Result<Appended, Full> {
        let content = save.message().content().clone();
        let knows = self.idempotent && !content.is_empty();
        let mark =
            Mark { sender: save.sender(), receiver: save.receiver(), content, role: save.role() };
        if let Some(first) = self.marks.get(&mark).filter(|_| knows) {
            return Ok(*first);
        }
        let appended = self.append(save)?;
        self.marks.insert(mark, appended);
        Ok(appended)
    }

    /// The recorded server's ids: where the copy stands in a file, behind 32 bytes.
    fn append(&mut self, save: SaveMessage<'_>) -> Result<Appended, Full> {
        if let Some(room) = &mut self.room {
            *room = room.checked_sub(1).ok_or(Full)?;
        }
        let msgid = MsgId(32 + self.written);
        let body_len = i64::try_from(save.message().encoded_body_len()).unwrap();
        self.written += self.overhead.map_or(160, |overhead| overhead + body_len);
        let previous = (!self.forgetful).then(|| self.newest(save.queue()));
        let row = StoredMessage::new(save, msgid);
        self.queues.entry(save.queue()).or_default().push(row);
        Ok(Appended { msgid, previous })
    }

    /// The newest msgid of a queue, 0 where it is empty.
    fn newest(&self, queue: Account) -> MsgId {
        let rows = self.queues.get(&queue).map_or(&[][..], |rows| rows);
        rows.last().map_or(MsgId(0), |row| row.msgid)
    }

    /// How many copies all queues have together.
    pub(crate) fn copies(&self) -> usize {
        self.queues.values().map(Vec::len).sum()
    }

    /// How many devices have a number.
    pub(crate) fn devices(&self) -> usize {
        self.devices.len()
    }

    fn first_after(&self, queue: Account, after: MsgId) -> Option<StoredMessage> {
        self.queues.get(&queue)?.iter().find(|row| row.msgid > after).cloned()
    }
}

/// What identifies a copy that is stored already: here by the whole content (S10.1).
#[derive(Eq, Hash, PartialEq)]
struct Mark {
    sender: Account,
    receiver: Account,
    content: Bytes,
    role: Role,
}

struct Full;

fn config() -> Config {
    Config::new(AppId(1453)).unwrap()
}
