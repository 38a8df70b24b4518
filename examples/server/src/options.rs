//! The command line.

use std::net::SocketAddr;
use std::num::{NonZeroUsize, ParseIntError};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use kefu_proto::{AppId, Config, FrameLimit};

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

    /// Folder of the messages; created where it does not exist
    #[arg(long, env = "KEFU_DATA", value_name = "DIR", default_value = "./kefu-data")]
    pub data: PathBuf,

    /// The app that all sellers belong to
    #[arg(long, env = "KEFU_APPID", value_name = "ID", default_value = "1453", value_parser = config)]
    pub kefu_appid: Config,

    /// Who may log in: a TOML file, a line a token: "tok-7-1" = { appid = 7, uid = 1 }
    /// [default: tokens.toml in the data folder, with two demo tokens on first run]
    #[arg(long, env = "KEFU_TOKENS", value_name = "FILE", verbatim_doc_comment)]
    pub tokens: Option<PathBuf>,

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
}

const AFTER_HELP: &str = "\
Logs go to stderr; RUST_LOG chooses what is logged (default: info). Contents of messages are never logged.

Exit status: 0 after SIGTERM or Ctrl-C, 1 when it cannot start or go on, 2 for a wrong command line.

Examples:
  kefu-server
  kefu-server --listen 0.0.0.0:23000 --tokens tokens.toml --data /var/lib/kefu";

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

fn frame_limit(text: &str) -> Result<FrameLimit, String> {
    text.parse().map(FrameLimit::new).map_err(|error: ParseIntError| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

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
