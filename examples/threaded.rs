//! A complete host on the standard library: two threads per connection, all data in memory. Start
//! with `cargo run --example threaded -- --help`.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::{env, thread};

use bytes::BytesMut;
use kefu_proto::{
    Account, AppId, Appended, Authentication, Closed, Config, Delivery, DeviceId, Dialect, Effect,
    EncodeError, FrameLimit, IDLE_TIMEOUT, Identity, Login, LoginStep, MsgId, Online, Outbound,
    Outbox, Platform, Request, SaveMessage, StoredMessage, SyncRequest, UnixTime, UserId,
};

const HELP: &str = "\
Usage: cargo run --example threaded -- [--listen ADDR]      [default: 127.0.0.1:23000]

A customer-service chat host with all data in memory. A token names its account: tok-7-1 is
user 1 of app 7. Sellers are users of app 1453. Customer 8/13 is blocked.
";

const BLOCKED: Account = Account::new(AppId(8), UserId(13));

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let listen = match (args.next().as_deref(), args.next()) {
        (None, _) => "127.0.0.1:23000".into(),
        (Some("--listen"), Some(addr)) => addr,
        (Some("--help"), _) => return Ok(io::stdout().write_all(HELP.as_bytes())?),
        (Some(other), _) => return Err(format!("unexpected {other}: see --help").into()),
    };
    let config = Config::new(AppId(1453))?;
    let host = Arc::new(Mutex::new(Host::default()));
    let listener = TcpListener::bind(&listen).map_err(|error| format!("{listen}: {error}"))?;
    writeln!(io::stdout(), "ready: clients on {}", listener.local_addr()?)?;
    for stream in listener.incoming() {
        let host = Arc::clone(&host);
        let serve = |stream| thread::Builder::new().spawn(move || serve(&host, config, stream));
        if let Err(error) = stream.and_then(serve) {
            eprintln!("cannot serve a client: {error}");
            thread::sleep(Duration::from_millis(100)); // out of threads or of file descriptors
        }
    }
    Ok(())
}

/// Serves a connection from its first byte to its last.
fn serve(host: &Mutex<Host>, config: Config, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let (stream, mut read, mut out) = (Arc::new(stream), BytesMut::new(), BytesMut::new());
    let login = Login::new(config, FrameLimit::CLIENT);
    if let Some(online) = log_in(host, login, &stream, &mut read, &mut out) {
        let account = online.identity().account();
        let (outbox, (wake, woken)) = (Arc::new(Mutex::default()), sync_channel(1));
        let peer = (Arc::clone(&stream), Arc::clone(&outbox), wake);
        // AUTH_STATUS has not been sent yet: a client that has read it misses nothing.
        lock(host).peers.entry(account).or_default().push(peer);
        let connection = Mutex::new(Connection { host, stream: &stream, online, out: &mut out });
        thread::scope(|scope| {
            // This thread reads and answers. A second one writes what other connections send.
            let write = || woken.into_iter().try_for_each(|()| lock(&connection).send(&outbox));
            let writer = thread::Builder::new().spawn_scoped(scope, write);
            let mut is_open = writer.is_ok();
            while is_open {
                let finished = lock(&connection).take_requests(&mut read);
                is_open = finished.is_ok() && fill(&stream, &mut read).is_some();
            }
            // Once nobody can wake it, the second thread has written what waited, and ends.
            let peers = &mut lock(host).peers;
            peers.entry(account).or_default().retain(|(peer, ..)| !Arc::ptr_eq(peer, &stream));
        });
    }
    // What is queued still goes out. Closing while bytes are unread could discard it.
    flush(&stream, &mut out);
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    io::copy(&mut (&*stream).take(64 * 1024), &mut io::sink()).map(drop)
}

/// Returns `None` if the connection ends before somebody has logged in.
fn log_in(
    host: &Mutex<Host>,
    mut login: Login,
    stream: &TcpStream,
    read: &mut BytesMut,
    out: &mut BytesMut,
) -> Option<Online> {
    loop {
        let step = login.receive(read, out).ok()?;
        flush(stream, out);
        login = match step {
            LoginStep::Authenticate(mut asked) => match lock(host).identify(&mut asked) {
                Some(identity) => return asked.accept(identity, out).ok(),
                None => asked.refuse(out).ok()?,
            },
            LoginStep::Read(login) => fill(stream, read).map(|()| login)?,
        };
    }
}

/// Reads once. Returns `None` if the client has left or was silent for too long.
fn fill(mut stream: &TcpStream, read: &mut BytesMut) -> Option<()> {
    let mut buffer = [0; 16 * 1024];
    let length = stream.read(&mut buffer).ok()?;
    read.extend_from_slice(&buffer[..length]);
    (length > 0).then_some(())
}

/// Writes what is queued. From a client that does not take it nothing more is read, either.
fn flush(mut stream: &TcpStream, out: &mut BytesMut) {
    if stream.write_all(&out.split()).is_err() {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A logged-in connection.
struct Connection<'c> {
    host: &'c Mutex<Host>,
    stream: &'c Arc<TcpStream>,
    online: Online,
    out: &'c mut BytesMut,
}

impl Connection<'_> {
    /// Finishes the requests that were read, in order, and writes the answers.
    fn take_requests(&mut self, read: &mut BytesMut) -> Result<(), Closed> {
        let account = self.online.identity().account();
        let now = UnixTime::saturating_from(SystemTime::now());
        while let Some(request) = self.online.receive(read, now)? {
            match request {
                Request::Deliver(delivery) => self.deliver(delivery)?,
                Request::Refused(refusal) => eprintln!("{account}: {refusal}"),
                Request::Reply(message) => self.online.write(&message, self.out)?,
                Request::Sync(request) => self.sync(request)?,
                Request::KeepSyncKey(key) => {
                    let mut host = lock(self.host);
                    let kept = host.kept_keys.entry(account).or_insert(key);
                    *kept = key.max(*kept);
                }
                Request::KeepDialect(dialect) => {
                    let me = self.online.identity();
                    lock(self.host).dialects.insert((me.account(), me.device_id()), dialect);
                }
                _ => {} // a command outside the protocol
            }
        }
        flush(self.stream, self.out);
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
                    host.send(to, self.stream, message);
                    if to == self.online.identity().account() {
                        self.online.write(&message, self.out)?; // here: before the ACK
                    }
                }
                Effect::SendMessage { to, message } => host.send(to, self.stream, message),
                Effect::EnqueueMessage { message } => self.online.write(&message, self.out)?,
            }
        }
        Ok(())
    }

    fn sync(&mut self, request: SyncRequest) -> Result<(), EncodeError> {
        let account = request.queue();
        let kept = lock(self.host).kept_keys.get(&account).copied().unwrap_or(MsgId(0));
        let mut answer = self.online.begin_sync(request, kept, self.out)?;
        while let Some(after) = answer.after() {
            let page = lock(self.host).page(account, after);
            if page.is_empty() {
                break;
            }
            for row in page {
                self.online.sync_row(&mut answer, row, self.out)?;
            }
            flush(self.stream, self.out);
        }
        if answer.wants_newest() {
            answer.set_newest(lock(self.host).newest(account));
        }
        self.online.finish_sync(answer, self.out)
    }

    /// Writes what others have sent.
    fn send(&mut self, outbox: &Mutex<Outbox>) -> Result<(), EncodeError> {
        let next = || lock(outbox).pop(); // unlocked again at once
        while let Some(sent) = next() {
            self.online.write(&sent, self.out)?;
        }
        flush(self.stream, self.out);
        Ok(())
    }
}

/// What all connections share.
#[derive(Default)]
struct Host {
    queues: HashMap<Account, Vec<StoredMessage>>,
    kept_keys: HashMap<Account, MsgId>,
    dialects: HashMap<(Account, DeviceId), Dialect>,
    devices: HashMap<(Vec<u8>, Platform), DeviceId>,
    peers: HashMap<Account, Vec<Peer>>,
}

/// One connection: its socket, what others have sent to it, and what wakes its second thread.
type Peer = (Arc<TcpStream>, Arc<Mutex<Outbox>>, SyncSender<()>);

impl Host {
    /// Who logs in, and from which device. A real host looks the token up.
    fn identify(&mut self, login: &mut Authentication) -> Option<Identity> {
        let auth = login.auth_token();
        let (_, account) = std::str::from_utf8(auth.token.as_bytes()).ok()?.split_once('-')?;
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

    /// Sends to all connections of a user but one.
    fn send(&self, to: Account, except: &Arc<TcpStream>, message: Outbound<'_>) {
        for (stream, outbox, wake) in self.peers.get(&to).into_iter().flatten() {
            if !Arc::ptr_eq(stream, except) {
                lock(outbox).push(message.into_owned());
                let _ = wake.try_send(()); // full: it has not looked yet
            }
        }
    }
}
