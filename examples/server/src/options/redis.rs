//! The options of Redis.

use std::str::FromStr;

use clap::Args;

/// The Redis of an existing API service. Each option may be used without the other.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Redis (of an existing API service)")]
pub struct RedisOptions {
    /// Who may log in: `tokens`, by the file of --tokens; or
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, by the hashes `access_token_TOKEN` with the
    /// fields `user_id` and `app_id`. Redis then also keeps the numbers of devices
    /// (`devices_DEVICE_PLATFORM`, counted by `devices_id`) and the sync keys (`sync_key` in
    /// `users_APPID_UID`)
    #[arg(
        long,
        env = "KEFU_AUTH",
        value_name = "AUTH",
        default_value = "tokens",
        hide_env_values = true
    )]
    pub auth: AuthSource,

    /// Where pushes for offline users go: `log`, one line each; or
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, as JSON at the end of the lists
    /// `customer_push_queue` and `customer_push_queue_v2`, at least once
    #[arg(
        long,
        env = "KEFU_PUSH",
        value_name = "PUSH",
        default_value = "log",
        hide_env_values = true
    )]
    pub push: PushSink,
}

/// Where tokens are looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuthSource {
    /// The tokens file.
    Tokens,
    /// Redis, at this URL.
    Redis(String),
}

/// Where pushes go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PushSink {
    /// Into the log.
    Log,
    /// Redis, at this URL.
    Redis(String),
}

impl FromStr for AuthSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tokens" => Ok(Self::Tokens),
            _ if is_url(text) => Ok(Self::Redis(text.into())),
            _ => Err("must be `tokens` or an address like redis://127.0.0.1:6379".into()),
        }
    }
}

impl FromStr for PushSink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "log" => Ok(Self::Log),
            _ if is_url(text) => Ok(Self::Redis(text.into())),
            _ => Err("must be `log` or an address like redis://127.0.0.1:6379".into()),
        }
    }
}

/// Whether a text may have a password: clap must not show it, so it is checked later.
fn is_url(text: &str) -> bool {
    text.contains("://") || text.contains('@')
}
