//! A complete host on tokio: one task per connection, all data in memory.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use clap::Parser;
use kefu_proto::{
    Account, AppId, Appended, Authentication, Closed, Config, Delivery, DeviceId, Dialect, Effect,
    Encode, EncodeError, FrameLimit, IDLE_TIMEOUT, Identity, Login, LoginStep, MsgId, Online,
    Outbound, Outbox, Platform, Request, SaveMessage, StoredMessage, SyncRequest, UnixTime, UserId,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio::{select, task};

const BLOCKED: Account = Account::new(AppId(8), UserId(13));

/// A customer-service chat host with all data in memory. A token names its account: tok-7-1 is
/// user 1 of app 7. Sellers are users of app 1453. Customer 8/13 is blocked.
#[derive(Parser)]
struct Options {
    /// Address for clients; with port 0 any free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:23000")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { listen } = Options::parse();
    let config = Config::new(AppId(1453))?;
    let host = Arc::new(Mutex::new(Host::default()));
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    println!("ready: clients on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = tokio::spawn(serve(Arc::clone(&host), config, stream)),
            Err(error) => {
                eprintln!("cannot accept a client: {error}");
                sleep(Duration::from_millis(100)).await; // out of file descriptors
            }
        }
    }
}

/// Serves a connection from its first byte to its last. Its task's id is the connection's.
async fn serve(host: Arc<Mutex<Host>>, config: Config, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (read, out) = (BytesMut::with_capacity(16 * 1024), BytesMut::new());
    let mut socket = Socket { stream, read, out, last_read: Instant::now() };
    if let Some(online) = log_in(&host, config, &mut socket).await {
        let account = online.identity().account();
        let peer = Arc::new(Peer::default());
        // AUTH_STATUS has not been sent yet: a client that has read it misses nothing.
        lock(&host).peers.entry(account).or_default().insert(task::id(), Arc::clone(&peer));
        let mut connection = Connection { host: &host, socket: &mut socket, online, peer };
        let _ = connection.run().await;
        // Nobody sends to it any more. What waits is still written.
        lock(&host).peers.entry(account).or_default().remove(&task::id());
        let _ = connection.write_waiting();
    }
    // What is queued still goes out. Closing while bytes are unread could discard it.
    let _ = socket.flush().await;
    let _ = socket.stream.shutdown().await;
    let (mut unread, mut rest) = (socket.stream.take(64 * 1024), Vec::new());
    let _ = timeout(Duration::from_secs(1), unread.read_to_end(&mut rest)).await;
}

/// Returns `None` if the connection ends before somebody has logged in.
async fn log_in(host: &Mutex<Host>, config: Config, socket: &mut Socket) -> Option<Online> {
    let mut login = Login::new(config, FrameLimit::CLIENT);
    loop {
        let step = login.receive(&mut socket.read, &mut socket.out).ok()?;
        socket.flush().await?;
        login = match step {
            LoginStep::Authenticate(mut asked) => match lock(host).identify(&mut asked) {
                Some(identity) => return asked.accept(identity, &mut socket.out).ok(),
                None => asked.refuse(&mut socket.out).ok()?,
            },
            LoginStep::Read(login) => socket.fill().await.map(|()| login)?,
        };
    }
}

struct Socket {
    stream: TcpStream,
    read: BytesMut,
    out: BytesMut,
    last_read: Instant,
}

impl Socket {
    /// Reads once. Returns `None` if the client has left or was silent for too long.
    async fn fill(&mut self) -> Option<()> {
        let reading = self.stream.read_buf(&mut self.read);
        let length = timeout_at(self.last_read + IDLE_TIMEOUT, reading).await.ok()?.ok()?;
        self.last_read = Instant::now();
        (length > 0).then_some(())
    }

    /// Writes what is queued. Returns `None`, now and later, if the client does not take it.
    async fn flush(&mut self) -> Option<()> {
        let writing = self.stream.write_all_buf(&mut self.out);
        if let Ok(Ok(())) = timeout(Duration::from_secs(10), writing).await {
            return Some(());
        }
        let _ = self.stream.shutdown().await;
        None
    }
}

/// A logged-in connection.
struct Connection<'c> {
    host: &'c Mutex<Host>,
    socket: &'c mut Socket,
    online: Online,
    peer: Arc<Peer>,
}

impl Connection<'_> {
    /// Returns when the client has left, was silent for too long or does not read.
    async fn run(&mut self) -> Option<()> {
        loop {
            self.write_waiting().ok()?;
            self.finish_requests().await.ok()?;
            self.socket.flush().await?;
            select! {
                filled = self.socket.fill() => filled?,
                () = self.peer.wake.notified() => {}
            }
        }
    }

    /// Finishes the requests that were read, in order.
    async fn finish_requests(&mut self) -> Result<(), Closed> {
        let now = UnixTime::saturating_from(SystemTime::now());
        while let Some(request) = self.online.receive(&mut self.socket.read, now)? {
            match request {
                Request::Deliver(delivery) => self.deliver(delivery)?,
                Request::Refused(refusal) => eprintln!("refused: {refusal}"),
                Request::Reply(reply) => self.write(&reply)?,
                Request::Sync(request) => self.sync(request).await?,
                Request::KeepSyncKey(key) => {
                    let mut host = lock(self.host);
                    let old = host.kept_keys.entry(self.online.identity().account()).or_insert(key);
                    *old = key.max(*old);
                }
                Request::KeepDialect(dialect) => {
                    let me = self.online.identity();
                    lock(self.host).dialects.insert((me.account(), me.device_id()), dialect);
                }
                _ => {} // a command outside the protocol
            }
        }
        Ok(())
    }

    /// Stores a message and applies its effects in order. The host stays locked for all of it, so
    /// that messages to one receiver are notified in the order in which they are stored.
    fn deliver(&mut self, delivery: Delivery) -> Result<(), EncodeError> {
        let mut host = lock(self.host);
        let stored = match delivery.sender() {
            BLOCKED => Ok(delivery.refuse()), // this host's own rule
            // A store that can fail returns its errors here.
            _ => delivery.save_with(|save| io::Result::Ok(host.append(save))),
        };
        let Ok(effects) = stored else { return Ok(()) }; // no ACK: the client sends it again
        for effect in &effects {
            match effect {
                Effect::PushMessage { .. } => {} // tell a push service, if `to` is not connected
                Effect::SendAppMessage { to, message } => {
                    host.send(to, message);
                    if to == self.online.identity().account() {
                        self.write(&message)?; // here, so that it comes before the ACK
                    }
                }
                Effect::SendMessage { to, message } => host.send(to, message),
                Effect::EnqueueMessage { message } => self.write(&message)?,
            }
        }
        Ok(())
    }

    async fn sync(&mut self, request: SyncRequest) -> Result<(), EncodeError> {
        let account = request.queue();
        let kept = lock(self.host).kept_keys.get(&account).copied().unwrap_or(MsgId(0));
        let mut answer = self.online.begin_sync(request, kept, &mut self.socket.out)?;
        while let Some(after) = answer.after() {
            let page = lock(self.host).page(account, after);
            if page.is_empty() || self.socket.flush().await.is_none() {
                break;
            }
            for row in page {
                self.online.sync_row(&mut answer, row, &mut self.socket.out)?;
            }
        }
        if answer.wants_newest() {
            answer.set_newest(lock(self.host).newest(account));
        }
        self.online.finish_sync(answer, &mut self.socket.out)
    }

    /// Writes what others have sent.
    fn write_waiting(&mut self) -> Result<(), EncodeError> {
        let peer = Arc::clone(&self.peer);
        let mut outbox = lock(&peer.outbox);
        while let Some(message) = outbox.pop() {
            self.write(&message)?;
        }
        Ok(())
    }

    fn write(&mut self, message: &impl Encode) -> Result<(), EncodeError> {
        self.online.write(message, &mut self.socket.out)
    }
}

/// What all connections share.
#[derive(Default)]
struct Host {
    queues: HashMap<Account, Vec<StoredMessage>>,
    kept_keys: HashMap<Account, MsgId>,
    dialects: HashMap<(Account, DeviceId), Dialect>,
    devices: HashMap<(Vec<u8>, Platform), DeviceId>,
    peers: HashMap<Account, HashMap<task::Id, Arc<Peer>>>,
}

/// What others have sent to a connection, and what wakes its task.
#[derive(Default)]
struct Peer {
    outbox: Mutex<Outbox>,
    wake: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host {
    /// Who logs in, and from which device. A real host looks the token up.
    fn identify(&mut self, login: &mut Authentication) -> Option<Identity> {
        let auth = login.auth_token();
        let (_, account) = str::from_utf8(auth.token.as_bytes()).ok()?.split_once('-')?;
        let account = account.replacen('-', "/", 1).parse().ok()?;
        let new = DeviceId(i64::try_from(self.devices.len()).ok()? + 1);
        let device = auth.device().map(|(name, platform)| (name.to_vec(), platform));
        let device_id = device.map_or(DeviceId(0), |key| *self.devices.entry(key).or_insert(new));
        // The login of a web client does not tell which dialect it knows.
        let shown = self.dialects.get(&(account, device_id));
        if let (None, Some(&shown)) = (login.dialect(), shown) {
            login.set_dialect(shown);
        }
        Identity::new(account, device_id).ok()
    }

    /// Stores a copy, even a repeat; `Saves` tells how to recognize one.
    fn append(&mut self, save: SaveMessage<'_>) -> Appended {
        let previous = self.newest(save.queue());
        let msgid = MsgId(previous.0 + 1);
        self.queues.entry(save.queue()).or_default().push(StoredMessage::new(save, msgid));
        Appended { msgid, previous: Some(previous) }
    }

    fn newest(&self, account: Account) -> MsgId {
        self.queues.get(&account).and_then(|queue| queue.last()).map_or(MsgId(0), |row| row.msgid)
    }

    fn page(&self, account: Account, after: MsgId) -> Vec<StoredMessage> {
        let rows = self.queues.get(&account).into_iter().flatten();
        rows.skip_while(|row| row.msgid <= after).take(256).cloned().collect()
    }

    /// Sends to all other connections of a user.
    fn send(&self, to: Account, message: Outbound<'_>) {
        for (&id, peer) in self.peers.get(&to).into_iter().flatten() {
            if id != task::id() {
                lock(&peer.outbox).push(message.into_owned());
                peer.wake.notify_one();
            }
        }
    }
}
