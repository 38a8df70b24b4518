//! A host in memory, and the property test that judges it: it keeps every rule, whatever its
//! clients do.
//!
//! `cargo run --release --example judged --features checker,proptest`

use std::collections::HashMap;
use std::io::{self, Write};
use std::mem::take;

use bytes::BytesMut;
use kefu_proto::checker::{Checker, ConnectionId, Terms};
use kefu_proto::script::{Host, HostError, Knobs, script};
use kefu_proto::{
    Account, AppId, Appended, AuthToken, Config, DeviceId, Effect, FrameLimit, Identity, Login,
    LoginStep, MsgId, Online, Outbound, Platform, Request, SaveMessage, StoredMessage, SyncRequest,
    UnixTime,
};
use proptest::prelude::*;

const CONFIG: Config = match Config::new(AppId(1453)) {
    Ok(config) => config,
    Err(_) => panic!("the kefu app is not 0"),
};

// The test. In a project of your own it has `#[test]` above it, and there is no `main`.
proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    fn the_host_keeps_the_rules(script in script(&Knobs::default())) {
        let mut terms = Terms::new(CONFIG);
        terms.saves_may_fail = true;
        script.play(&mut MyHost::default(), &mut Checker::new(terms))?;
    }
}

fn main() -> io::Result<()> {
    the_host_keeps_the_rules();
    writeln!(io::stdout(), "1,000 scripts: every rule is kept")
}

// The host: all data in memory, and every connection in one thread.
#[derive(Default)]
struct MyHost {
    read: HashMap<ConnectionId, BytesMut>,
    out: HashMap<ConnectionId, BytesMut>,
    logins: HashMap<ConnectionId, Login>,
    online: HashMap<ConnectionId, Online>,
    queues: HashMap<Account, Vec<StoredMessage>>,
    kept_keys: HashMap<Account, MsgId>,
    devices: HashMap<(Vec<u8>, Platform), DeviceId>,
    seconds: i32,
    saves_until_failure: Option<u32>,
}

impl MyHost {
    fn log_in(&mut self, connection: ConnectionId, mut login: Login) -> Result<(), HostError> {
        let read = self.read.entry(connection).or_default();
        let out = self.out.entry(connection).or_default();
        loop {
            match login.receive(read, out)? {
                LoginStep::Read(login) => {
                    self.logins.insert(connection, login);
                    return Ok(());
                }
                LoginStep::Authenticate(asked) => {
                    match identify(&mut self.devices, asked.auth_token()) {
                        Some(identity) => {
                            self.online.insert(connection, asked.accept(identity, out)?);
                            return Ok(());
                        }
                        None => login = asked.refuse(out)?,
                    }
                }
            }
        }
    }

    fn serve(&mut self, connection: ConnectionId, me: &mut Online) -> Result<(), HostError> {
        let mut read = take(self.read.entry(connection).or_default());
        let account = me.identity().account();
        while let Some(request) = me.receive(&mut read, self.now())? {
            self.seconds += 1;
            match request {
                Request::Deliver(delivery) => {
                    let stored = delivery.save_with(|save| self.append(save));
                    let Ok(effects) = stored else { continue }; // no ACK: the client says it again
                    for effect in &effects {
                        self.apply(connection, me, effect)?;
                    }
                }
                Request::Reply(message) => me.write(&message, self.out_of(connection))?,
                Request::Sync(request) => self.sync(connection, me, request)?,
                Request::KeepSyncKey(key) => {
                    let kept = self.kept_keys.entry(account).or_insert(key);
                    *kept = key.max(*kept);
                }
                // Refused (H11), what a web client knows (D1.8), a command outside the protocol.
                _ => {}
            }
        }
        self.read.insert(connection, read);
        Ok(())
    }

    fn apply(
        &mut self,
        connection: ConnectionId,
        me: &mut Online,
        effect: Effect<'_>,
    ) -> Result<(), HostError> {
        match effect {
            Effect::PushMessage { .. } => {} // there is no push service
            Effect::SendAppMessage { to, message } => {
                self.send(to, message)?;
                if to == me.identity().account() {
                    me.write(&message, self.out_of(connection))?;
                }
            }
            Effect::SendMessage { to, message } => self.send(to, message)?,
            Effect::EnqueueMessage { message } => me.write(&message, self.out_of(connection))?,
        }
        Ok(())
    }

    /// To every connection of an account but the one that is being served.
    fn send(&mut self, to: Account, message: Outbound<'_>) -> Result<(), HostError> {
        for (connection, online) in &mut self.online {
            if online.identity().account() == to {
                online.write(&message, self.out.entry(*connection).or_default())?;
            }
        }
        Ok(())
    }

    fn sync(
        &mut self,
        connection: ConnectionId,
        me: &mut Online,
        request: SyncRequest,
    ) -> Result<(), HostError> {
        let out = self.out.entry(connection).or_default();
        let queue = self.queues.entry(request.queue()).or_default();
        let kept = self.kept_keys.get(&request.queue()).copied().unwrap_or(MsgId(0));
        let mut answer = me.begin_sync(request, kept, out)?;
        for row in queue.iter() {
            me.sync_row(&mut answer, row.clone(), out)?;
        }
        answer.set_newest(newest(queue));
        Ok(me.finish_sync(answer, out)?)
    }

    fn append(&mut self, save: SaveMessage<'_>) -> Result<Appended, HostError> {
        let left = self.saves_until_failure.map(|saves| saves.checked_sub(1));
        self.saves_until_failure = left.flatten();
        if left == Some(None) {
            return Err("the disk is full".into());
        }
        let queue = self.queues.entry(save.queue()).or_default();
        let previous = newest(queue);
        let msgid = MsgId(previous.0 + 1);
        queue.push(StoredMessage::new(save, msgid));
        Ok(Appended { msgid, previous: Some(previous) })
    }

    fn out_of(&mut self, connection: ConnectionId) -> &mut BytesMut {
        self.out.entry(connection).or_default()
    }
}

/// Whom a token such as `tok-7-1` names, and the number of the device.
fn identify(
    devices: &mut HashMap<(Vec<u8>, Platform), DeviceId>,
    login: &AuthToken,
) -> Option<Identity> {
    let token = std::str::from_utf8(login.token.as_bytes()).ok()?;
    let account = token.strip_prefix("tok-")?.replacen('-', "/", 1).parse().ok()?;
    let new = DeviceId(i64::try_from(devices.len()).ok()? + 1);
    let device_id = login.device().map_or(DeviceId(0), |(name, platform)| {
        *devices.entry((name.to_vec(), platform)).or_insert(new)
    });
    Identity::new(account, device_id).ok()
}

fn newest(queue: &[StoredMessage]) -> MsgId {
    queue.last().map_or(MsgId(0), |row| row.msgid)
}

// What the test does with the host.
impl Host for MyHost {
    fn open(&mut self, connection: ConnectionId) -> Result<(), HostError> {
        self.logins.insert(connection, Login::new(CONFIG, FrameLimit::CLIENT));
        Ok(())
    }

    fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        _: &mut Checker,
    ) -> Result<(), HostError> {
        self.read.entry(connection).or_default().extend_from_slice(bytes);
        if let Some(login) = self.logins.remove(&connection) {
            self.log_in(connection, login)?;
        }
        if let Some(mut me) = self.online.remove(&connection) {
            self.serve(connection, &mut me)?;
            self.online.insert(connection, me);
        }
        Ok(())
    }

    fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError> {
        Ok(self.out.remove(&connection).unwrap_or_default().to_vec())
    }

    fn close(&mut self, connection: ConnectionId) {
        self.logins.remove(&connection);
        self.online.remove(&connection);
        self.out.remove(&connection);
    }

    fn now(&self) -> UnixTime {
        UnixTime::from(1_500_000_000 + self.seconds)
    }

    fn fail_save(&mut self, after: u32) {
        self.saves_until_failure = Some(after);
    }
}
