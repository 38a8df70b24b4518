//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser};
use kefu_proto::Config;

use crate::dialect::PlatformSetting;
use crate::options::account::AccountOptions;
use crate::options::backend::Backend;
use crate::options::limits::LimitOptions;
use crate::options::redis::{AuthSource, RedisOptions};
use crate::options::streams::Streams;
use crate::options::values::{config, origin};
use crate::store::jetstream::{is_address, without_secrets};

/// A customer-service chat server: customers of your apps write to your sellers, over TCP or
/// WebSocket.
///
/// Start it without options for a first look: it creates a data folder with two demo tokens, and
/// serves a page on which a customer and a seller can chat. Every option can also be set in the
/// environment.
#[derive(Clone, Debug, Parser)]
#[command(name = "kefu-server", version, after_help = AFTER_HELP)]
pub struct Options {
    /// Address for clients that speak the protocol over TCP
    #[arg(
        long,
        env = "KEFU_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:23000",
        help_heading = PORTS
    )]
    pub listen: SocketAddr,

    /// Address of the page (/) and of WebSocket clients (/ws, /engine.io/)
    #[arg(
        long,
        env = "KEFU_HTTP",
        value_name = "ADDR",
        default_value = "127.0.0.1:8080",
        help_heading = PORTS
    )]
    pub http: SocketAddr,

    /// Address of a listener of its own for /metrics and /healthz, without TLS [default: they are on
    /// --http, and only while that is a loopback address]
    #[arg(long, env = "KEFU_ADMIN", value_name = "ADDR", help_heading = PORTS)]
    pub admin: Option<SocketAddr>,

    /// Origins of web pages that may connect over WebSocket, such as `https://example.com`; several
    /// are separated by commas [default: all]
    ///
    /// Other pages get status 403. Clients that are no browsers send no origin, and may connect.
    #[arg(
        long,
        env = "KEFU_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ',',
        value_parser = origin,
        help_heading = PORTS
    )]
    pub origin: Vec<String>,

    /// Connections of --listen and --http begin with a header of the PROXY protocol (version 1 or
    /// 2), which names the client's address
    ///
    /// For a server behind a proxy that writes it, and that alone can reach the ports: whoever else
    /// reaches them could name any address.
    #[arg(
        long,
        env = "KEFU_PROXY_PROTOCOL",
        value_parser = FalseyValueParser::new(),
        help_heading = PORTS
    )]
    pub proxy_protocol: bool,

    /// Where messages are kept: `embedded`, in the data folder, for a single server; or
    /// nats://HOST:PORT (several separated by commas), in the streams of NATS (nats-server -js),
    /// for any number of servers that form one service
    #[arg(
        long,
        env = "KEFU_STORE",
        value_name = "STORE",
        default_value = "embedded",
        hide_env_values = true
    )]
    pub store: Backend,

    /// Folder of the messages; created if it does not exist
    #[arg(long, env = "KEFU_DATA", value_name = "DIR", default_value = "./kefu-data")]
    pub data: PathBuf,

    /// Days that messages are kept; 0: forever
    ///
    /// The embedded store removes older ones in small steps, a while after the day is over.
    #[arg(long, env = "KEFU_RETAIN_DAYS", value_name = "DAYS", default_value = "0")]
    pub retain_days: u32,

    /// New messages get greater ids than this: the greatest that clients may have seen of an
    /// earlier service or a lost database; on NATS it cannot be changed later
    #[arg(
        long,
        env = "KEFU_MSGIDS_AFTER",
        value_name = "ID",
        default_value = "0",
        value_parser = clap::value_parser!(i64).range(0..=MAX_AFTER)
    )]
    pub msgids_after: i64,

    /// The app that all sellers belong to
    #[arg(
        long,
        env = "KEFU_APPID",
        value_name = "ID",
        default_value = "1453",
        value_parser = config
    )]
    pub kefu_appid: Config,

    /// Who may log in: a TOML file with one line per token: "tok-7-1" = { appid = 7, uid = 1 }
    /// [default: tokens.toml in the data folder, with two demo tokens on first run if --listen and
    /// --http are loopback addresses]
    #[arg(long, env = "KEFU_TOKENS", value_name = "FILE", verbatim_doc_comment)]
    pub tokens: Option<PathBuf>,

    /// In which form clients get chat messages: `auto`, by what each client tells and has shown; or
    /// for a platform (`ios`, `android`, `web` or a number) one of `v1`, `v2` and `as-sent`, until
    /// a client shows another: --dialect web=v2,android=v1
    ///
    /// Clients of web pages log in alike, whatever version of the protocol they know. With `auto`
    /// they get each message as it was sent until they have sent one. A value without a platform is
    /// for all others.
    #[arg(
        long,
        env = "KEFU_DIALECT",
        value_name = "[PLATFORM=]DIALECT",
        default_value = "auto",
        value_delimiter = ','
    )]
    pub dialect: Vec<PlatformSetting>,

    /// Certificate of the server and its chain, for TLS on both ports: a PEM file
    ///
    /// Most authorities call it fullchain.pem. With it the page is at https:// and WebSocket at
    /// wss://, and connections without TLS are closed. After a renewal, SIGHUP makes the server
    /// read both files again.
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

    #[command(flatten)]
    pub limits: LimitOptions,

    #[command(flatten)]
    pub account: AccountOptions,

    #[command(flatten)]
    pub redis: RedisOptions,

    #[command(flatten)]
    pub streams: Streams,
}

impl Options {
    /// Reads a command line, whose first word is the name of the program.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people. `--help` is an error, too.
    pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let given = command.try_get_matches_from_mut(line)?;
        let options = Self::from_arg_matches(&given).map_err(|error| error.format(&mut command))?;
        match &options.store {
            Backend::Embedded => match Streams::given(&given) {
                Some(option) => Err(command.error(
                    ErrorKind::ArgumentConflict,
                    format!(
                        "{option} says how NATS keeps messages: \
                         give --store nats://… as well, or leave it out"
                    ),
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

    /// How long messages are kept; `None`: forever.
    pub fn retain(&self) -> Option<Duration> {
        let days = u64::from(self.retain_days);
        (days > 0).then(|| Duration::from_secs(days * 24 * 60 * 60))
    }

    /// Whether anything is kept in the data folder: messages, or the demo's tokens.
    pub fn has_data_folder(&self) -> bool {
        let keeps_tokens = self.tokens.is_none() && self.redis.auth == AuthSource::Tokens;
        self.store == Backend::Embedded || keeps_tokens
    }

    /// Where messages are kept, for people.
    pub fn data_location(&self) -> String {
        match &self.store {
            Backend::Embedded => self.data.display().to_string(),
            Backend::Nats(url) => without_secrets(url),
        }
    }
}

const PORTS: &str = "Ports";

/// Leaves more ids than will ever be needed.
const MAX_AFTER: i64 = i64::MAX / 2;

const AFTER_HELP: &str = "\
Logs go to stderr; RUST_LOG chooses what is logged (default: info).
Contents of messages are never logged.

SIGHUP makes the server read the tokens, the certificate and its key again.

Exit status: 0 after SIGTERM or Ctrl-C, 1 if it cannot start or go on, or after a second SIGTERM,
which ends it at once, 2 for a wrong command line.

Examples:
  kefu-server
  kefu-server --listen 0.0.0.0:23000 --tokens tokens.toml --data /var/lib/kefu
  kefu-server --store nats://10.0.0.1:4222,nats://10.0.0.2:4222,nats://10.0.0.3:4222 --replicas 3
  kefu-server --auth redis://127.0.0.1:6379 --push redis://127.0.0.1:6379
  kefu-server --http 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem \\
    --tokens tokens.toml --admin 127.0.0.1:9000";

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
    fn a_data_folder_is_made_where_something_is_kept_in_it() {
        for (args, expected) in [
            (&[][..], true),
            (&["--tokens", "t.toml"], true),
            (&["--store", "nats://127.0.0.1:4222"], true),
            (&["--store", "nats://127.0.0.1:4222", "--tokens", "t.toml"], false),
            (&["--store", "nats://127.0.0.1:4222", "--auth", "redis://127.0.0.1"], false),
        ] {
            let options = Options::try_parse_from([&["kefu-server"], args].concat());
            assert_eq!(options.expect("valid").has_data_folder(), expected, "{args:?}");
        }
    }

    #[test]
    fn invalid_values_are_refused() {
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
