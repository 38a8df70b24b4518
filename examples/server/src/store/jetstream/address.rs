//! Addresses of NATS, with and without credentials.

use std::io;

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

/// The servers of a NATS. Credentials are kept apart from the addresses: the client ignores those
/// in an address, and would log them.
pub(super) struct Address {
    pub(super) servers: Vec<ServerAddr>,
    credentials: Credentials,
}

enum Credentials {
    None,
    Token(String),
    User { name: String, password: String },
}

impl Address {
    /// Reads addresses that are separated by commas, as `nats://user:password@host:port` or
    /// `nats://token@host:port`. The credentials of the first are used for all.
    pub(super) fn parse(urls: &str) -> io::Result<Self> {
        let servers =
            without_secrets(urls).split(',').map(str::parse).collect::<io::Result<_>>()?;
        Ok(Self { servers, credentials: Credentials::parse(urls) })
    }

    pub(super) fn log_in(&self, options: ConnectOptions) -> ConnectOptions {
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

/// Whether a text is an address of NATS.
pub fn is_address(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

/// The addresses as they may be shown: without credentials.
pub fn without_secrets(urls: &str) -> String {
    let shown = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => url.to_owned(),
    };
    // A comma may also be part of a password.
    let urls = SCHEMES.iter().fold(urls.to_owned(), |urls, scheme| {
        urls.replace(&format!(",{scheme}"), &format!("\n{scheme}"))
    });
    urls.lines().map(shown).collect::<Vec<_>>().join(",")
}

const SCHEMES: [&str; 2] = ["nats://", "tls://"];
