//! Where NATS is, and who one is there.

use std::io;

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use crate::options::without_secrets;

/// The servers of a NATS. The client takes no credentials from addresses, and would log them: they come apart from these.
pub struct Address {
    pub servers: Vec<ServerAddr>,
    credentials: Credentials,
}

enum Credentials {
    None,
    Token(String),
    User { name: String, password: String },
}

impl Address {
    /// Reads addresses with commas between them, as `nats://user:password@host:port` or `nats://token@host:port`. The first
    /// one's credentials hold for all.
    pub fn parse(urls: &str) -> io::Result<Self> {
        let servers =
            without_secrets(urls).split(',').map(str::parse).collect::<io::Result<_>>()?;
        Ok(Self { servers, credentials: Credentials::parse(urls) })
    }

    pub fn log_in(&self, options: ConnectOptions) -> ConnectOptions {
        match &self.credentials {
            Credentials::None => options,
            Credentials::Token(token) => options.token(token.clone()),
            Credentials::User { name, password } => {
                options.user_and_password(name.clone(), password.clone())
            }
        }
    }
}

impl Credentials {
    fn parse(urls: &str) -> Self {
        let first = urls.split(',').next().unwrap_or_default();
        let Some((_, address)) = first.split_once("://") else { return Self::None };
        let Some((credentials, _)) = address.rsplit_once('@') else { return Self::None };
        let text = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        match credentials.split_once(':') {
            Some((name, password)) => Self::User { name: text(name), password: text(password) },
            None => Self::Token(text(credentials)),
        }
    }
}
