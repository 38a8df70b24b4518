//! What all connections of a server share.

use std::collections::HashMap;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use kefu_proto::{
    Account, Authentication, ChatMessage, Command, Config, DecodeError, DeviceId, Dialect,
    FrameLimit, Identity, MsgId, Platform,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Auth, LookupError};
use crate::devices::NewDevices;
use crate::dialect::{Settings, Shown};
use crate::dispatch::Dispatcher;
use crate::forward::Forwarder;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::peers::Presence;
use crate::places::Places;
use crate::router::Seat;
use crate::store::{Push, Store};
use crate::tokens::{DemoToken, TokenDigest};
use crate::trace::{PushOutcome, Trace};
use crate::unreadable::UnreadableRows;

/// The shared state of a server.
pub struct Service {
    pub config: Config,
    pub limits: Limits,
    pub auth: Auth,
    /// The demo's tokens, as long as they are valid.
    pub demo: Vec<DemoToken>,
    /// How many new devices an account may bring.
    pub devices: NewDevices,
    /// Which dialects clients get at their login.
    pub dialects: Settings,
    pub store: Store,
    pub forwarder: Arc<Forwarder>,
    /// The way of a message into the store and to connections.
    pub dispatcher: Dispatcher,
    pub unreadable: UnreadableRows,
    pub metrics: Arc<Metrics>,
    pub trace: Trace,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
    /// The tasks of the connections.
    pub connections: TaskTracker,
    pub places: Arc<Places>,
}

/// Limits on what clients may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub login_timeout: Duration,
    pub idle_timeout: Duration,
    pub unreachable_timeout: Duration,
    pub login_attempts: NonZeroU8,
    pub frame: FrameLimit,
}

/// What is known of who logs in.
pub enum Identified {
    Client(Client),
    /// Nobody has this token.
    Unknown,
    /// A lookup failed. The token may be good: a client that is told otherwise throws it away.
    Unavailable,
    /// The account has brought too many new devices.
    TooManyDevices(Account),
}

/// Who has logged in, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub identity: Identity,
    /// Of the tokens file, which may withdraw it.
    pub token: Option<TokenDigest>,
    pub platform: Platform,
    /// The dialect that it gets until it shows another.
    pub dialect: Dialect,
}

/// A connection's registration: what others send it, for as long as this is kept.
pub struct Registration {
    pub seat: Seat,
    _presence: Option<Presence>,
}

impl Service {
    /// Who logs in (S1, D1).
    pub async fn identify(&self, login: &Authentication) -> Identified {
        self.look_up(login).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "unknown who logs in");
            Identified::Unavailable
        })
    }

    async fn look_up(&self, login: &Authentication) -> Result<Identified, LookupError> {
        let token = login.auth_token();
        let Some(account) = self.auth.account(token.token.as_bytes()).await? else {
            return Ok(Identified::Unknown);
        };
        let device_id = match token.device() {
            None => DeviceId(0),
            Some((name, platform)) => match self.device_id(account, name, platform).await? {
                Some(id) => id,
                None => return Ok(Identified::TooManyDevices(account)),
            },
        };
        let Ok(identity) = Identity::new(account, device_id) else {
            return Ok(Identified::Unknown);
        };
        let platform = token.platform;
        let dialect = self.dialect(account, platform, login.dialect()).await?;
        let token = self.auth.digest(token.token.as_bytes());
        Ok(Identified::Client(Client { identity, token, platform, dialect }))
    }

    /// The number of a device; `None` if it is new and the account has brought too many.
    async fn device_id(
        &self,
        account: Account,
        name: &[u8],
        platform: Platform,
    ) -> Result<Option<DeviceId>, LookupError> {
        if let Some(known) = self.auth.known_device(&self.store, name, platform).await? {
            return Ok(Some(known));
        }
        if !self.devices.admit(account, name, platform) {
            return Ok(None);
        }
        self.auth.device_id(&self.store, name, platform).await.map(Some)
    }

    /// In a wrong dialect a client would skip what it does not know. So a failed lookup is no login.
    async fn dialect(
        &self,
        account: Account,
        platform: Platform,
        told: Option<Dialect>,
    ) -> Result<Dialect, LookupError> {
        let setting = self.dialects.of(platform);
        let shown = if setting.asks_shown(told) {
            self.store.shown(account, platform).await?
        } else {
            None
        };
        Ok(setting.choose(told, shown))
    }

    /// Whether the server can do its work.
    pub fn health(&self) -> Health {
        Health::new(&self.store, &self.auth)
    }

    /// Keeps what a client has shown (D1.8). If that fails it shows it again with its next login.
    pub async fn keep_dialect(&self, account: Account, platform: Platform, dialect: Dialect) {
        let shown = Shown { dialect, under: self.dialects.of(platform) };
        if let Err(error) = self.store.keep_shown(account, platform, shown).await {
            tracing::warn!(%error, %account, %platform, "a dialect is not kept");
        }
    }

    /// Registers a connection. When this returns, messages of all servers reach it.
    pub async fn register(&self, account: Account, token: Option<TokenDigest>) -> Registration {
        let (seat, presence) = self.forwarder.join(account, token).await;
        // The token may have gone since it was looked up.
        if let Some(token) = token
            && !self.auth.is_of(token, account)
        {
            self.withdraw(&HashMap::from([(token, account)]));
        }
        Registration { seat, _presence: presence }
    }

    /// Closes the connections that have logged in with one of these tokens.
    pub fn withdraw(&self, tokens: &HashMap<TokenDigest, Account>) {
        self.forwarder.router.withdraw(tokens);
    }

    /// A sync has left a row out.
    pub fn note_unreadable(
        &self,
        queue: Account,
        msgid: MsgId,
        command: Command,
        error: DecodeError,
    ) {
        self.metrics.unreadable.inc();
        self.unreadable.log(queue, msgid, command, error);
    }

    /// A sync has left a row out that is too long for its connection.
    pub fn note_too_long(&self, queue: Account, msgid: MsgId, command: Command, length: usize) {
        self.metrics.unsendable.inc();
        self.unreadable.log_too_long(queue, msgid, command, length);
    }

    /// Puts a message into the push outbox if its receiver is connected nowhere (H7.3).
    pub async fn push(&self, to: Account, message: &ChatMessage) -> PushOutcome {
        if self.forwarder.router.is_online(to) {
            return PushOutcome::Connected;
        }
        let entry = Push { to, message: message.clone() };
        if let Some(peers) = &self.forwarder.peers {
            peers.push(entry);
            return PushOutcome::Undecided;
        }
        match self.store.push(entry).await {
            Ok(()) => PushOutcome::Queued,
            // A closed store has no outbox any more. The message itself is stored already.
            Err(_) => PushOutcome::Lost,
        }
    }
}
