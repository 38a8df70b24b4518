//! The options that bound what clients can make the server hold.

use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use clap::Args;
use kefu_proto::FrameLimit;

use crate::options::values::{frame_limit, ipv6_prefix, seconds};

const TIMEOUTS: &str = "Timeouts";

/// Bounds of connections, of what waits for them, and of the disk.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
pub struct LimitOptions {
    /// Seconds within which a connection must log in, with all that comes before: a proxy's header
    /// and the TLS handshake
    #[arg(long, env = "KEFU_LOGIN_TIMEOUT", help_heading = TIMEOUTS, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub login_timeout: Duration,

    /// Seconds of silence after which a client is dropped
    #[arg(long, env = "KEFU_IDLE_TIMEOUT", help_heading = TIMEOUTS, value_name = "SECONDS", default_value = "360", value_parser = seconds)]
    pub idle_timeout: Duration,

    /// Seconds within which a client is dropped whose device has vanished from the network;
    /// messages for it are pushed from then on. Who takes nothing of what is sent to it is dropped
    /// within as many, and not before half of them
    #[arg(long, env = "KEFU_UNREACHABLE_TIMEOUT", help_heading = TIMEOUTS, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub unreachable_timeout: Duration,

    /// Seconds that a stopping server gives its connections to finish what is in flight
    #[arg(long, env = "KEFU_STOP_TIMEOUT", help_heading = TIMEOUTS, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub stop_timeout: Duration,

    /// Exclusive upper bound of a frame's body, in bytes
    #[arg(long, env = "KEFU_FRAME_LIMIT", value_name = "BYTES", default_value = "32768", value_parser = frame_limit)]
    pub frame_limit: FrameLimit,

    /// Most connections, of both ports together; further ones are closed at once. Fewer if the hard
    /// limit of file handles allows fewer: it keeps 128 for other uses, or half if it is below 256
    #[arg(long, env = "KEFU_MAX_CONNECTIONS", value_name = "N", default_value = "10000")]
    pub max_connections: NonZeroUsize,

    /// Most connections of both ports that have not logged in, HTTP included; where there are more,
    /// the oldest of the address with the most is closed [default: half of
    /// --max-connections]
    #[arg(long, env = "KEFU_MAX_WAITING", value_name = "N")]
    pub max_waiting: Option<NonZeroUsize>,

    /// Most connections of one address that have not logged in; where there are more, its oldest is
    /// closed [default: half of --max-waiting]
    #[arg(long, env = "KEFU_MAX_WAITING_PER_ADDRESS", value_name = "N")]
    pub max_waiting_per_address: Option<NonZeroUsize>,

    /// Bits of an IPv6 address that count as one address
    #[arg(long, env = "KEFU_IPV6_PREFIX", value_name = "BITS", default_value = "64", value_parser = ipv6_prefix)]
    pub ipv6_prefix: u8,

    /// Refused logins after which a connection is closed
    #[arg(long, env = "KEFU_LOGIN_ATTEMPTS", value_name = "N", default_value = "3")]
    pub login_attempts: NonZeroU8,

    /// Most messages of others that wait for one connection; what does not fit is left out, and
    /// what is stored the client then finds by a sync
    #[arg(long, env = "KEFU_OUTBOX", value_name = "N", default_value = "4096")]
    pub outbox: NonZeroUsize,

    /// Most bytes of messages of others that wait for one connection
    #[arg(long, env = "KEFU_OUTBOX_BYTES", value_name = "BYTES", default_value = "262144")]
    pub outbox_bytes: NonZeroUsize,

    /// Most offline pushes that wait, of all accounts; further ones are left out
    #[arg(long, env = "KEFU_MAX_PUSHES", value_name = "N", default_value = "1000000")]
    pub max_pushes: NonZeroUsize,

    /// Free bytes of the disk below which the embedded store accepts no new message; 0: no bound
    #[arg(long, env = "KEFU_MIN_FREE", value_name = "BYTES", default_value = "67108864")]
    pub min_free: u64,
}
