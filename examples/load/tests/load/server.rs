//! A small server that keeps everything in memory and misbehaves as a test wants.

use std::collections::{BTreeSet, HashMap};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::SystemTime;

use bytes::BytesMut;
use kefu_proto::{
    Accepted, Account, AckStatus, AppId, AuthToken, Body, ChatMessage, Closed, Config, Delivery,
    Effect, Effects, Encode, EncodeError, Flags, FrameDecoder, FrameLimit, Identity, Login,
    LoginStep, Message, MsgId, Online, Outbound, OwnedOutbound, Parsed, Request, Seq, SyncRequest,
    UnixTime, UserId, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::select;
use tokio::sync::Notify;

use crate::store::{Behaviour, Fault, NewRow, PAUSE, Store};

const KEFU_APPID: AppId = AppId(1453);

/// A running server. It stops when this is dropped; its data stays.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) data: Arc<Data>,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let data = Data {
            behaviour,
            store: Mutex::default(),
            online: Mutex::default(),
            logins: Mutex::default(),
        };
        Self::restart("127.0.0.1:0", Arc::new(data)).unwrap()
    }

    /// Another server of the same service.
    pub(crate) fn beside(data: &Arc<Data>) -> Self {
        Self::restart("127.0.0.1:0", Arc::clone(data)).unwrap()
    }

    pub(crate) fn restart(addr: &str, data: Arc<Data>) -> io::Result<Self> {
        let runtime =
            runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(addr))?;
        let addr = listener.local_addr()?;
        data.online.lock().unwrap().clear();
        runtime.spawn(accept(listener, Arc::clone(&data)));
        Ok(Self { addr, data, _runtime: runtime })
    }

    /// The accounts that have logged in to this server.
    pub(crate) fn logins(&self) -> BTreeSet<String> {
        let logins = self.data.logins.lock().unwrap();
        let here = logins.iter().filter(|(addr, _)| *addr == self.addr);
        here.map(|(_, account)| account.to_string()).collect()
    }
}

pub(crate) struct Data {
    behaviour: Behaviour,
    store: Mutex<Store>,
    online: Mutex<HashMap<Account, Vec<Arc<Outbox>>>>,
    logins: Mutex<Vec<(SocketAddr, Account)>>,
}

impl Data {
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    fn is_skipped(&self, effects: &Effects) -> bool {
        let skipped = self.store().skipped;
        skipped.is_some_and(|it| effects.copies().is_some_and(|copies| copies.receiver == it))
    }

    fn tell(&self, to: Account, except: Option<&Arc<Outbox>>, message: &Outbound<'_>) {
        let online = self.online.lock().unwrap();
        for outbox in online.get(&to).into_iter().flatten() {
            if !except.is_some_and(|except| Arc::ptr_eq(except, outbox)) {
                outbox.messages.lock().unwrap().push(message.into_owned());
                outbox.wake.notify_one();
            }
        }
    }
}

/// What other connections send to one.
#[derive(Default)]
struct Outbox {
    messages: Mutex<Vec<OwnedOutbound>>,
    wake: Notify,
}

async fn accept(listener: TcpListener, data: Arc<Data>) {
    while let Ok((stream, _)) = listener.accept().await {
        let data = Arc::clone(&data);
        tokio::spawn(async move {
            // The client notices.
            let _ = Connection::new(stream, data).serve().await;
        });
    }
}

struct Connection {
    stream: TcpStream,
    data: Arc<Data>,
    outbox: Arc<Outbox>,
    read: BytesMut,
    out: BytesMut,
    stored: u64,
    hangs_up: bool,
}

impl Connection {
    fn new(stream: TcpStream, data: Arc<Data>) -> Self {
        let (read, out) = (BytesMut::new(), BytesMut::new());
        Self { stream, data, outbox: Arc::default(), read, out, stored: 0, hangs_up: false }
    }

    async fn serve(mut self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.stream.set_nodelay(true)?;
        let mut online = self.log_in().await?;
        online.set_sync_bounds(self.data.behaviour.bounds);
        let account = online.identity().account();
        self.data.logins.lock().unwrap().push((self.stream.local_addr()?, account));
        let outbox = Arc::clone(&self.outbox);
        self.data.online.lock().unwrap().entry(account).or_default().push(outbox);
        let served = self.converse(&mut online).await;
        self.leave(account);
        if self.data.behaviour.fault == Fault::KeepsDeparted {
            return pending().await;
        }
        served
    }

    fn leave(&self, account: Account) {
        let mut accounts = self.data.online.lock().unwrap();
        accounts.entry(account).or_default().retain(|other| !Arc::ptr_eq(other, &self.outbox));
    }

    async fn log_in(&mut self) -> Result<Online, Box<dyn std::error::Error + Send + Sync>> {
        let mut login = Login::new(Config::new(KEFU_APPID)?, FrameLimit::CLIENT);
        if self.data.behaviour.fault == Fault::AnswersEarly {
            Message { body: Body::Ack(Seq(1).into()), ..blank() }.encode(&mut self.out)?;
        }
        loop {
            login = match login.receive(&mut self.read, &mut self.out)? {
                LoginStep::Authenticate(asked) => match self.account(asked.auth_token()) {
                    Some(account) if self.data.behaviour.fault != Fault::RefusesLogins => {
                        let device = self.data.store().device_id(asked.auth_token());
                        return Ok(asked.accept(Identity::new(account, device)?, &mut self.out)?);
                    }
                    _ => asked.refuse(&mut self.out)?,
                },
                LoginStep::Read(login) => {
                    self.stream.write_all_buf(&mut self.out).await?;
                    self.read_some().await?;
                    login
                }
            };
        }
    }

    async fn converse(
        &mut self,
        online: &mut Online,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        loop {
            let now = UnixTime::try_from(SystemTime::now())?;
            while let Some(request) = self.next_request(online, now).await? {
                self.finish(online, request)?;
                if self.hangs_up {
                    return Ok(self.stream.write_all_buf(&mut self.out).await?);
                }
                if self.data.behaviour.hangs_up_every.is_some_and(|every| self.stored == every) {
                    return Ok(());
                }
            }
            for message in std::mem::take(&mut *self.outbox.messages.lock().unwrap()) {
                online.write(&message, &mut self.out)?;
            }
            if !self.out.is_empty() {
                self.stream.write_all_buf(&mut self.out).await?;
            }
            let outbox = Arc::clone(&self.outbox);
            select! {
                read = self.read_some() => read?,
                () = outbox.wake.notified() => {}
            }
        }
    }

    async fn read_some(&mut self) -> io::Result<()> {
        self.read.reserve(16 * 1024);
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    async fn next_request(
        &mut self,
        online: &mut Online,
        now: UnixTime,
    ) -> Result<Option<Request>, Closed> {
        let fault = self.data.behaviour.fault;
        let mut unread = (fault == Fault::StoresRefused).then(|| self.read.clone());
        let request = online.receive(&mut self.read, now);
        if let (Ok(Some(Request::Refused(_))), Some(unread)) = (&request, &mut unread) {
            self.keep_first(online.identity().account(), unread);
        }
        if request.is_err() && fault == Fault::AnswersBroken {
            // Whether the client still reads it is its business.
            let _ = online.write(&blank(), &mut self.out);
            let _ = self.stream.write_all_buf(&mut self.out).await;
        }
        if request.is_err() && fault == Fault::NeverCloses {
            pending::<()>().await;
        }
        request
    }

    /// Keeps the message of the first frame in its sender's queue.
    fn keep_first(&self, sender: Account, unread: &mut BytesMut) {
        let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(unread).unwrap().unwrap();
        let Parsed::Message(message) = frame.parse().unwrap() else { return };
        let message = ChatMessage::try_from(message).unwrap();
        self.data.store().append(&NewRow::of(sender, &message));
    }

    fn account(&self, auth: &AuthToken) -> Option<Account> {
        let anybody = Account::new(AppId(7), UserId(1));
        let logs_in = self.data.behaviour.fault == Fault::LogsInAnybody;
        account(auth).or_else(|| logs_in.then_some(anybody))
    }

    fn finish(&mut self, online: &mut Online, request: Request) -> Result<(), EncodeError> {
        match request {
            Request::Deliver(delivery) => self.deliver(online, delivery)?,
            Request::Refused(_) if self.data.behaviour.fault == Fault::AcksRefused => {
                let ack = Message { body: Body::Ack(Seq(1).into()), ..blank() };
                online.write(&ack, &mut self.out)?;
            }
            Request::Reply(message) => {
                online.write(&message, &mut self.out)?;
            }
            Request::Sync(request) => self.sync(online, request)?,
            Request::KeepSyncKey(key) => {
                let kept = &mut self.data.store().kept;
                let kept = kept.entry(online.identity().account()).or_insert(key);
                *kept = key.max(*kept);
            }
            _ => {}
        }
        Ok(())
    }

    fn deliver(&mut self, online: &mut Online, delivery: Delivery) -> Result<(), EncodeError> {
        let fault = self.data.behaviour.fault;
        if fault == Fault::RefusesByStatus && self.data.store().is_first_refusal() {
            return self.apply(online, &delivery.refuse_with(AckStatus::BLOCKED));
        }
        match delivery.accept() {
            Accepted::Persistent(saves) => {
                let copies = self.data.store().save(&saves, self.data.behaviour);
                if fault == Fault::Pauses && self.data.store().is_first_pause() {
                    // Blocks all connections of this server: they share this thread.
                    thread::sleep(PAUSE);
                }
                if let Some(copies) = copies {
                    self.stored += 1;
                    self.apply(online, &saves.confirm(copies))?;
                }
            }
            Accepted::Transient(effects) => {
                if fault == Fault::KeepsTransient {
                    self.keep(&effects);
                }
                self.apply(online, &effects)?;
            }
        }
        Ok(())
    }

    fn apply(&mut self, online: &mut Online, effects: &Effects) -> Result<(), EncodeError> {
        for effect in effects {
            match effect {
                Effect::PushMessage { .. } => {}
                Effect::SendAppMessage { to, message } => {
                    let is_lost = effects.copies().is_none()
                        && self.data.behaviour.fault == Fault::LosesTransient;
                    if !is_lost && !self.data.is_skipped(effects) {
                        self.data.tell(to, None, &message);
                    }
                }
                Effect::SendMessage { to, message } => {
                    self.data.tell(to, Some(&self.outbox), &message);
                }
                Effect::EnqueueMessage { message } => {
                    online.write(&message, &mut self.out)?;
                }
            }
        }
        Ok(())
    }

    fn keep(&self, effects: &Effects) {
        for effect in effects {
            if let Effect::SendAppMessage { to, message: Outbound::Chat(message) } = effect {
                self.data.store().append(&NewRow::of(to, message));
            }
        }
    }

    fn sync(&mut self, online: &mut Online, request: SyncRequest) -> Result<(), EncodeError> {
        let queue = request.queue();
        let mut store = self.data.store();
        let kept = store.kept.get(&queue).copied().unwrap_or(MsgId(0));
        let mut answer = online.begin_sync(request, kept, &mut self.out)?;
        let mut rows = store.rows(queue, answer.after().unwrap_or(MsgId(i64::MIN)));
        if self.data.behaviour.fault == Fault::BreaksOffSync && !store.has_broken_off {
            rows = &rows[..rows.len() / 2];
            self.hangs_up = !rows.is_empty();
        }
        for row in rows {
            online.sync_row(&mut answer, row.clone(), &mut self.out)?;
        }
        if self.hangs_up {
            store.has_broken_off = true;
            return Ok(());
        }
        online.finish_sync(answer, &mut self.out)
    }
}

/// A message whose body is to be replaced.
const fn blank() -> Message {
    Message { seq: Seq(0), version: Version(0), flags: Flags::NONE, body: Body::Pong }
}

/// `load-7-1` is user 1 of app 7.
fn account(auth: &AuthToken) -> Option<Account> {
    let token = std::str::from_utf8(auth.token.as_bytes()).ok()?;
    let (appid, uid) = token.strip_prefix("load-")?.split_once('-')?;
    Some(Account::new(AppId(appid.parse().ok()?), UserId(uid.parse().ok()?)))
}
