//! Logins (S1), and what a host remembers of the dialects of its clients (D1).

use std::collections::HashMap;

use kefu_proto::checker::Event;
use kefu_proto::{
    Account, AuthToken, Authentication, DeviceId, Dialect, Identity, LoginStep, Platform,
    SyncBounds,
};

use super::connection::State;
use super::{Host, Plant, id};
use crate::sim::{Sim, Verdict};

impl Host {
    pub(super) fn log_in(&mut self, sim: &mut Sim, link: usize) -> Verdict {
        loop {
            let Some(connection) = &mut self.connections[link] else { return Ok(()) };
            let before = std::mem::replace(&mut connection.state, State::Closed(None));
            let State::Login(login) = before else {
                connection.state = before;
                return Ok(());
            };
            let out = &mut self.out;
            let step = login.receive(&mut connection.read, out);
            let bytes = connection.judged(step.is_err());
            sim.observe(Event::Sent { connection: id(link), bytes: &bytes })?;
            if let Ok(LoginStep::Authenticate(mut asked)) = step {
                let everybody = self.plant == Some(Plant::AcceptAll);
                let token = asked.auth_token().token.as_bytes();
                let anybody = self.tokens.values().min().filter(|_| everybody);
                let account = self.tokens.get(token).or(anybody).copied();
                let device_id = device_number(&mut self.devices, asked.auth_token());
                connection.platform = Some(asked.auth_token().platform);
                connection.state = if let Some(account) = account {
                    self.directory.entry(account).or_default().push(link);
                    let identity = Identity::new(account, device_id).unwrap();
                    if self.plant != Some(Plant::ForgetDialect) {
                        remember(&self.dialects, account, &mut asked);
                    }
                    let mut online = asked.accept(identity, out).unwrap();
                    online.set_sync_bounds(bounds(self.promises.bounds, self.plant));
                    let (connection, dialect) = (id(link), online.dialect());
                    sim.observe(Event::LoggedIn { connection, identity, dialect })?;
                    State::Online(online)
                } else {
                    State::Login(asked.refuse(out).unwrap())
                };
                self.flush(sim, link)?;
                continue;
            }
            if let Ok(LoginStep::Read(login)) = step {
                connection.state = State::Login(login);
            }
            return self.flush(sim, link);
        }
    }

    /// D1.8: at once, whatever is in flight.
    pub(super) fn keep_dialect(&mut self, sim: &mut Sim, link: usize, dialect: Dialect) -> Verdict {
        sim.tally.dialect_changes += 1;
        let Some(connection) = &self.connections[link] else { return Ok(()) };
        if let (Some(account), Some(platform)) = (connection.account(), connection.platform)
            && self.plant != Some(Plant::TellNoDialect)
        {
            self.dialects.insert((account, platform), dialect);
            return sim.observe(Event::DialectKept { connection: id(link), dialect });
        }
        Ok(())
    }
}

/// D1.4: what a web client showed the last time, on whatever connection.
fn remember(
    dialects: &HashMap<(Account, Platform), Dialect>,
    account: Account,
    asked: &mut Authentication,
) {
    let platform = asked.auth_token().platform;
    if asked.dialect().is_none()
        && let Some(&dialect) = dialects.get(&(account, platform))
    {
        asked.set_dialect(dialect);
    }
}

fn bounds(promised: SyncBounds, plant: Option<Plant>) -> SyncBounds {
    if plant == Some(Plant::KnowNoBounds) {
        return SyncBounds { rows: usize::MAX, bytes: usize::MAX };
    }
    promised
}

/// S1: one number a pair of name and platform, 0 for those without.
fn device_number(devices: &mut HashMap<(Vec<u8>, i8), i64>, login: &AuthToken) -> DeviceId {
    let Some((name, platform)) = login.device() else { return DeviceId(0) };
    let next = i64::try_from(devices.len()).unwrap() + 1;
    DeviceId(*devices.entry((name.to_vec(), platform.0)).or_insert(next))
}
