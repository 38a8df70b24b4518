//! The options that bound what one account can have, so that none is served at the cost of others.

use clap::Args;

/// What one account can have. No honest client meets the defaults; what is beyond them is counted
/// in the metrics. 0 means no bound.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits of one account (0: none)")]
pub struct AccountOptions {
    /// Most connections; the oldest is closed for a further one
    #[arg(long, env = "KEFU_ACCOUNT_CONNECTIONS", value_name = "N", default_value = "32")]
    pub account_connections: u32,

    /// Requests that are read per second; whoever sends more is read more slowly
    #[arg(long, env = "KEFU_ACCOUNT_MESSAGES", value_name = "N", default_value = "10000")]
    pub account_messages: u32,

    /// Bytes that are read per second; whoever sends more is read more slowly
    #[arg(long, env = "KEFU_ACCOUNT_BYTES", value_name = "BYTES", default_value = "1048576")]
    pub account_bytes: u32,

    /// Most offline pushes that wait for one receiver; further ones are left out
    #[arg(long, env = "KEFU_ACCOUNT_PUSHES", value_name = "N", default_value = "1000")]
    pub account_pushes: u32,

    /// Most names of devices in a day that have never been seen before; a connection with a further
    /// one is closed
    #[arg(long, env = "KEFU_ACCOUNT_DEVICES", value_name = "N", default_value = "100")]
    pub account_devices: u32,

    /// Most live traces (/trace) at once
    #[arg(long, env = "KEFU_ACCOUNT_TRACES", value_name = "N", default_value = "4")]
    pub account_traces: u32,
}
