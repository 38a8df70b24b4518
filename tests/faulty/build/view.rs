//! What every host made here has beside `examples/threaded.rs`: it is started by a function, tells
//! what happens inside, and has a store that can fail.

use crate::change::Change;

const fn change(find: &'static str, replace: &'static str) -> Change {
    Change { find, replace }
}

pub(crate) const VIEW: &[Change] = &[
    // The start.
    change("use std::{env, thread};", "use std::thread;"),
    change(
        "use bytes::BytesMut;",
        "use bytes::{Bytes, BytesMut};
use kefu_proto::checker::{ConnectionId, Event, ServerId};
use kefu_proto::{Command, Role};

use self::inside::connection_id;
use crate::{Chosen, Watch};",
    ),
    change(
        "const HELP",
        "#[allow(dead_code, reason = \"the program here has a help of its own\")]
const HELP",
    ),
    change(
        r#"fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let listen = match (args.next().as_deref(), args.next()) {
        (None, _) => "127.0.0.1:23000".into(),
        (Some("--listen"), Some(addr)) => addr,
        (Some("--help"), _) => return Ok(io::stdout().write_all(HELP.as_bytes())?),
        (Some(other), _) => return Err(format!("unexpected {other}: see --help").into()),
    };
"#,
        "pub(crate) fn run(
    listen: &str,
    fault: Chosen,
    watch: Option<Watch>,
    ready: impl FnOnce(std::net::SocketAddr) -> io::Result<()>,
) -> Result<(), Box<dyn Error>> {
",
    ),
    change(
        "Arc::new(Mutex::new(Host::default()))",
        "Arc::new(Mutex::new(Host { fault, watch, ..Host::default() }))",
    ),
    change("TcpListener::bind(&listen)", "TcpListener::bind(listen)"),
    change(
        r#"writeln!(io::stdout(), "ready: clients on {}", listener.local_addr()?)?;"#,
        "ready(listener.local_addr()?)?;",
    ),
    // A connection comes and goes.
    change(
        "    let (stream, mut read, mut out) =",
        "    let id = connection_id(&stream)?;
    lock(host).tell(Event::Opened { connection: id, server: ServerId(0) });
    let (stream, mut read, mut out) =",
    ),
    change(
        "if let Some(online) = log_in(host, login, &stream, &mut read, &mut out) {",
        "let online = log_in(host, login, &stream, &mut read, &mut out);
    if online.is_none() {
        lock(host).tell(Event::Closed { connection: id });
    }
    if let Some(online) = online {",
    ),
    change(
        "lock(host).peers.entry(account).or_default().push(peer);",
        "let fault = {
            let mut host = lock(host);
            host.tell(Event::LoggedIn {
                connection: id,
                identity: online.identity(),
                dialect: online.dialect(),
            });
            host.peers.entry(account).or_default().push(peer);
            host.fault
        };",
    ),
    change("Arc::clone(&outbox), wake);", "Arc::clone(&outbox), wake, id);"),
    change(
        "Connection { host, stream: &stream, online, out: &mut out }",
        "Connection { host, stream: &stream, online, out: &mut out, id, fault, held: None }",
    ),
    change(
        "let peers = &mut lock(host).peers;
            peers.entry(account).or_default().retain(|(peer, ..)| !Arc::ptr_eq(peer, &stream));",
        "let mut host = lock(host);
            host.tell(Event::Closed { connection: id });
            let peers = host.peers.entry(account).or_default();
            peers.retain(|(peer, ..)| !Arc::ptr_eq(peer, &stream));",
    ),
    change(
        "    out: &'c mut BytesMut,
}",
        "    out: &'c mut BytesMut,
    id: ConnectionId,
    fault: Chosen,
    held: Option<Request>,
}",
    ),
    change("SyncSender<()>);", "SyncSender<()>, ConnectionId);"),
    change(
        "peers: HashMap<Account, Vec<Peer>>,",
        "peers: HashMap<Account, Vec<Peer>>,
    fault: Chosen,
    watch: Option<Watch>,",
    ),
    // Requests.
    change("self.deliver(delivery)?", "self.deliver(delivery, now)?"),
    change(
        "lock(self.host).dialects.insert((me.account(), me.device_id()), dialect);",
        "let mut host = lock(self.host);
                    host.tell(Event::DialectKept { connection: self.id, dialect });
                    host.dialects.insert((me.account(), me.device_id()), dialect);",
    ),
    change(
        "_ => {} // a command outside the protocol",
        "Request::Unlisted(frame) => {
                    lock(self.host).tell(Event::Unlisted { connection: self.id, frame: &frame });
                }
                _ => {}",
    ),
    change(
        "fn deliver(&mut self, delivery: Delivery) -> Result<(), EncodeError> {
        let mut host = lock(self.host);",
        "fn deliver(&mut self, delivery: Delivery, now: UnixTime) -> Result<(), EncodeError> {
        let mut host = lock(self.host);
        host.tell(Event::Time(now));
        host.tell(Event::Came { connection: self.id, message: delivery.message() });",
    ),
    change("|save| io::Result::Ok(host.append(save))", "|save| host.save(self.id, save)"),
    change(
        "else { return Ok(()) }; // no ACK: the client sends it again",
        "else { return Ok(()) };
        if let Some(copies) = effects.copies() {
            let message = effects.message();
            host.tell(Event::Confirmed { connection: self.id, message, copies });
        }",
    ),
    change(
        "Effect::PushMessage { .. } => {} // tell a push service, if `to` is not connected",
        "Effect::PushMessage { to, message } => {
                    if host.peers.get(&to).is_none_or(Vec::is_empty) {
                        host.tell(Event::Pushed { to, message });
                    }
                }",
    ),
    change(
        "self.online.write(&message, self.out)?; // here: before the ACK",
        "self.give(&host, message)?;",
    ),
    change(
        "Effect::EnqueueMessage { message } => self.online.write(&message, self.out)?,",
        "Effect::EnqueueMessage { message } => self.give(&host, message)?,",
    ),
    change(
        "let kept = lock(self.host).kept_keys.get(&account).copied().unwrap_or(MsgId(0));",
        "let kept = {
            let host = lock(self.host);
            let kept = host.kept_keys.get(&account).copied().unwrap_or(MsgId(0));
            host.tell(Event::Syncing { connection: self.id, kept });
            kept
        };",
    ),
    // The store, and what is sent to others.
    change(
        "self.queues.entry(save.queue()).or_default().push(StoredMessage::new(save, msgid));",
        "let row = StoredMessage::new(save, msgid);
        self.tell(Event::Stored { queue: save.queue(), row: &row });
        self.queues.entry(save.queue()).or_default().push(row);",
    ),
    change("for (stream, outbox, wake) in", "for (stream, outbox, wake, id) in"),
    change(
        "lock(outbox).push(message.into_owned());",
        "// Before the client can have it.
                self.tell(Event::Given { connection: *id, message });
                lock(outbox).push(message.into_owned());",
    ),
];
