//! The command line.

use std::convert::Infallible;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::{NonZeroUsize, ParseIntError};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser};
use kefu_proto::{AppId, Config, FrameLimit, MsgId};

use crate::jetstream::Settings;
use crate::neighbours::Neighbours;

/// A customer-service chat server: customers of your apps write to your sellers, over TCP or WebSocket.
///
/// Start it without options for a first look: it creates its data folder and two demo tokens, and serves a page on which a
/// customer and a seller can chat. Every option can be set in the environment as well.
#[derive(Clone, Debug, Parser)]
#[command(name = "kefu-server", version, after_help = AFTER_HELP)]
pub struct Options {
    /// Address for clients that speak the protocol over TCP
    #[arg(long, env = "KEFU_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:23000")]
    pub listen: SocketAddr,

    /// Address of the page (/), WebSocket clients (/ws), /metrics and /healthz
    #[arg(long, env = "KEFU_HTTP", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,

    /// Where messages are kept: `embedded`, in the data folder, for one server; or nats://HOST:PORT (more separated by commas),
    /// in the streams of NATS (nats-server -js), for any number of servers that form one service
    #[arg(
        long,
        env = "KEFU_STORE",
        value_name = "STORE",
        default_value = "embedded",
        hide_env_values = true
    )]
    pub store: Backend,

    /// Folder of the messages; created where it does not exist
    #[arg(long, env = "KEFU_DATA", value_name = "DIR", default_value = "./kefu-data")]
    pub data: PathBuf,

    /// Messages get greater ids than this: the greatest that clients of an earlier service, or of a lost database, can have seen;
    /// on NATS it is for ever
    #[arg(long, env = "KEFU_MSGIDS_AFTER", value_name = "ID", default_value = "0", value_parser = clap::value_parser!(i64).range(0..=MOST_AFTER))]
    pub msgids_after: i64,

    /// The app that all sellers belong to
    #[arg(long, env = "KEFU_APPID", value_name = "ID", default_value = "1453", value_parser = config)]
    pub kefu_appid: Config,

    /// Who may log in: a TOML file, a line a token: "tok-7-1" = { appid = 7, uid = 1 }
    /// [default: tokens.toml in the data folder, with two demo tokens on first run]
    #[arg(long, env = "KEFU_TOKENS", value_name = "FILE", verbatim_doc_comment)]
    pub tokens: Option<PathBuf>,

    /// Certificate of the server, for TLS on both ports: a PEM file, with the chain that vouches for it
    ///
    /// Most authorities call it fullchain.pem. With it the page is at https:// and WebSocket at wss://, and whoever comes
    /// without TLS is closed. Both files are read at the start: restart the server when they are renewed.
    #[arg(
        long,
        env = "KEFU_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key",
        help_heading = "TLS"
    )]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate: a PEM file, not encrypted
    ///
    /// Most authorities call it privkey.pem.
    #[arg(
        long,
        env = "KEFU_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert",
        help_heading = "TLS"
    )]
    pub tls_key: Option<PathBuf>,

    /// Seconds until a connection must have logged in
    #[arg(long, env = "KEFU_LOGIN_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds, help_heading = "Limits")]
    pub login_timeout: Duration,

    /// Seconds of silence after which a client is dropped
    #[arg(long, env = "KEFU_IDLE_TIMEOUT", value_name = "SECONDS", default_value = "360", value_parser = seconds, help_heading = "Limits")]
    pub idle_timeout: Duration,

    /// Seconds that a stopping server gives its connections to finish what is in hand
    #[arg(long, env = "KEFU_STOP_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds, help_heading = "Limits")]
    pub stop_timeout: Duration,

    /// Bytes that a frame's body must stay below
    #[arg(long, env = "KEFU_FRAME_LIMIT", value_name = "BYTES", default_value = "32768", value_parser = frame_limit, help_heading = "Limits")]
    pub frame_limit: FrameLimit,

    /// Connections at the same time, TCP and WebSocket together; more are closed at once
    #[arg(
        long,
        env = "KEFU_MAX_CONNECTIONS",
        value_name = "N",
        default_value = "10000",
        help_heading = "Limits"
    )]
    pub max_connections: NonZeroUsize,

    /// Messages of others that may wait for one connection; a slower one is closed
    #[arg(
        long,
        env = "KEFU_OUTBOX",
        value_name = "N",
        default_value = "4096",
        help_heading = "Limits"
    )]
    pub outbox: NonZeroUsize,

    #[command(flatten)]
    pub neighbours: Neighbours,

    #[command(flatten)]
    pub streams: Streams,
}

/// Where messages are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Backend {
    /// In the data folder.
    Embedded,
    /// On NATS `JetStream`, at these addresses.
    Nats(String),
}

impl Options {
    /// Reads a command line, whose first word is the program's name.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people; asking for help is one, too.
    pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let given = command.try_get_matches_from_mut(line)?;
        let options = Self::from_arg_matches(&given).map_err(|error| error.format(&mut command))?;
        match &options.store {
            Backend::Embedded => match Streams::given(&given) {
                Some(option) => Err(command.error(
                    ErrorKind::ArgumentConflict,
                    format!("{option} says how NATS keeps messages: give --store nats://… as well, or leave it out"),
                )),
                None => Ok(options),
            },
            Backend::Nats(url) if !is_address(url) => Err(command.error(
                ErrorKind::InvalidValue,
                "--store must be `embedded` or an address like nats://127.0.0.1:4222",
            )),
            Backend::Nats(_) => Ok(options),
        }
    }

    /// Where the messages lie, for people.
    pub fn data_is_in(&self) -> String {
        match &self.store {
            Backend::Embedded => self.data.display().to_string(),
            Backend::Nats(url) => without_secrets(url),
        }
    }
}

/// Addresses as they may be shown.
pub fn without_secrets(urls: &str) -> String {
    let shown = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => url.to_owned(),
    };
    // A secret may have a comma, too.
    let urls = SCHEMES.iter().fold(urls.to_owned(), |urls, scheme| {
        urls.replace(&format!(",{scheme}"), &format!("\n{scheme}"))
    });
    urls.lines().map(shown).collect::<Vec<_>>().join(",")
}

const SCHEMES: [&str; 2] = ["nats://", "tls://"];

impl FromStr for Backend {
    type Err = Infallible;

    /// What is no address is refused by [`Options::read`]: an error here would be shown with it, secrets and all.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "embedded" { Self::Embedded } else { Self::Nats(text.into()) })
    }
}

/// Whether NATS may be there.
fn is_address(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

/// The streams of `--store nats://…`. A stream that is there already with other settings is reported, never changed.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Streams (with --store nats://…)")]
pub struct Streams {
    /// Streams that the queues are spread over; the same on every server, and for ever
    #[arg(long, env = "KEFU_SHARDS", value_name = "N", default_value = "8")]
    pub shards: NonZeroUsize,

    /// NATS servers that have each copy: 1, 3 or 5; more than 1 needs a NATS cluster
    #[arg(long, env = "KEFU_REPLICAS", value_name = "N", default_value = "1", value_parser = replicas)]
    pub replicas: usize,

    /// Seconds within which a repeated message is known as one, and through which NATS may be away; NATS remembers each message
    /// for so long
    #[arg(long, env = "KEFU_DUPLICATE_WINDOW", value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub duplicate_window: Duration,

    /// Days that messages are kept; 0: for ever
    #[arg(long, env = "KEFU_RETAIN_DAYS", value_name = "DAYS", default_value = "0")]
    pub retain_days: u32,

    /// Bytes that each stream may have, whose oldest messages then go; 0: as many as there are
    #[arg(long, env = "KEFU_RETAIN_BYTES", value_name = "BYTES", default_value = "0", value_parser = clap::value_parser!(i64).range(0..))]
    pub retain_bytes: i64,
}

impl Streams {
    /// One of these options that somebody has given.
    fn given(matches: &ArgMatches) -> Option<String> {
        let options = Self::augment_args(Command::new("streams"));
        let mut options = options.get_arguments();
        let given = options.find(|option| {
            let source = matches.value_source(option.get_id().as_str());
            source.is_some_and(|source| source != ValueSource::DefaultValue)
        })?;
        given.get_long().map(|name| format!("--{name}"))
    }

    pub fn settings(&self, after: MsgId) -> Settings {
        let Self { shards, replicas, duplicate_window, retain_days, retain_bytes } = *self;
        Settings {
            shards: shards.get(),
            after,
            replicas,
            duplicate_window,
            retain: Duration::from_secs(u64::from(retain_days) * 24 * 60 * 60),
            retain_bytes: if retain_bytes == 0 { -1 } else { retain_bytes },
        }
    }
}

/// Leaves as many ids as anybody will ever need.
const MOST_AFTER: i64 = i64::MAX / 2;

const AFTER_HELP: &str = "\
Logs go to stderr; RUST_LOG chooses what is logged (default: info). Contents of messages are never logged.

Exit status: 0 after SIGTERM or Ctrl-C, 1 when it cannot start or go on, 2 for a wrong command line.

Examples:
  kefu-server
  kefu-server --listen 0.0.0.0:23000 --tokens tokens.toml --data /var/lib/kefu
  kefu-server --store nats://10.0.0.1:4222,nats://10.0.0.2:4222,nats://10.0.0.3:4222 --replicas 3
  kefu-server --auth redis://127.0.0.1:6379 --push redis://127.0.0.1:6379
  kefu-server --http 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem";

fn config(text: &str) -> Result<Config, String> {
    let id = text.parse().map_err(|error: ParseIntError| error.to_string())?;
    Config::new(AppId(id)).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0) => Err(String::from("must be at least 1")),
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(error) => Err(error.to_string()),
    }
}

/// An even number of servers survives the loss of no more than one less does.
fn replicas(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(replicas @ (1 | 3 | 5)) => Ok(replicas),
        _ => Err(String::from("must be 1, 3 or 5")),
    }
}

fn frame_limit(text: &str) -> Result<FrameLimit, String> {
    text.parse().map(FrameLimit::new).map_err(|error: ParseIntError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_shows_its_defaults() {
        Options::command().debug_assert();
        let help = Options::command().render_long_help().to_string();
        for shown in ["127.0.0.1:23000", "127.0.0.1:8080", "./kefu-data", "1453", "KEFU_LISTEN"] {
            assert!(help.contains(shown), "{shown} is missing in\n{help}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let parse = |args: &[&str]| Options::try_parse_from([&["kefu-server"], args].concat());
        assert!(parse(&[]).is_ok());
        for wrong in [
            ["--kefu-appid", "0"],
            ["--login-timeout", "0"],
            ["--max-connections", "0"],
            ["--outbox", "0"],
            ["--listen", "nowhere"],
        ] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
