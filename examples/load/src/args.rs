//! The command line.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::RangedI64ValueParser;
use clap::value_parser;

use crate::content::{MAX_CUSTOMERS, MAX_NUMBER, MAX_SIZE};

const EXAMPLES: &str = "\
Getting started:
  1. Write the tokens of the accounts that the load uses:
       kefu-load --write-tokens load-tokens.toml
  2. Start the server with them. For kefu-server:
       kefu-server --tokens load-tokens.toml
  3. Load it:
       kefu-load --seconds 20
Give --customers, --sellers, --appid and --kefu-appid to step 1 as well, if you give them at all.

More to try:
  kefu-load --window 1            each customer waits for one ACK at a time: the pure latency
  kefu-load --transient 100       nothing is stored: the server without its disk
  kefu-load --count 1000 --json   a fixed amount of work, and the result for a machine
  kefu-load --seconds 60          restart the server meanwhile: nothing may be lost or doubled
  kefu-load --seconds 60 --addr 127.0.0.1:23000,127.0.0.1:23001,127.0.0.1:23002
                                  three servers that form one service: kill one meanwhile; its
                                  clients go on to the next, and nothing may be lost or doubled

The pause in the result is the longest time in which no customer at all got an ACK: for how long
the whole service stood still, as when a cluster has to find itself a new leader.

What is checked at the end: every persistent message that got its ACK is in the queue of its
seller and in the queue of its customer, in both exactly once and in the order in which its
customer sent. Strange is what was not sent, not to be stored, or not with this content.

Exit status: 0 all is well; 1 something was lost, doubled, reordered or strange; 2 the command
line makes no sense, no server could be reached, or clients gave up waiting for it.";

/// Loads a customer-service IM server and checks that it loses nothing
///
/// Customers log in and write to sellers, each with up to W messages on their way to an ACK.
/// Sellers are logged in too and are notified. A client whose connection breaks logs in again
/// and repeats what got no ACK, under the same uuid. At the end, the queues of all accounts are
/// read by SYNC and compared with what was acknowledged.
///
/// Only the wire protocol is spoken, so any server of this protocol can be loaded.
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Server to load; several, with commas between them, are one service
    ///
    /// The clients are spread over the servers, so that most customers write to a seller on another one: all of them,
    /// if the number of sellers is a multiple of the number of servers. A client whose server goes away, or cannot be
    /// reached, goes on to the next one.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:23000",
        value_delimiter = ','
    )]
    pub(crate) addr: Vec<String>,

    /// App that the server knows its sellers by
    #[arg(long, value_name = "ID", default_value_t = 1453, value_parser = id())]
    pub(crate) kefu_appid: i64,

    /// App of the customers
    #[arg(long, value_name = "ID", default_value_t = 7, value_parser = id())]
    pub(crate) appid: i64,

    /// How many customers write, with uids 1 to N
    #[arg(long, value_name = "N", default_value_t = 200,
        value_parser = value_parser!(u32).range(1..=i64::from(MAX_CUSTOMERS)))]
    pub(crate) customers: u32,

    /// How many sellers are written to, with uids 1 to M; the customers take turns at them
    #[arg(long, value_name = "M", default_value_t = 10,
        value_parser = value_parser!(u32).range(1..=i64::from(MAX_CUSTOMERS)))]
    pub(crate) sellers: u32,

    /// How many messages a customer has without an ACK before waiting
    #[arg(long, value_name = "W", default_value_t = 32, value_parser = value_parser!(u16).range(1..))]
    pub(crate) window: u16,

    /// Length of a message's content
    ///
    /// The content is JSON with a uuid, as clients send it, and is padded to exactly this length.
    /// The JSON alone takes some 45 bytes; a smaller size is refused.
    #[arg(long, value_name = "BYTES", default_value_t = 100, verbatim_doc_comment,
        value_parser = value_parser!(u16).range(1..=i64::from(MAX_SIZE)))]
    pub(crate) size: u16,

    /// How many of a hundred messages are transient: delivered, but not stored
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = value_parser!(u8).range(..=100))]
    pub(crate) transient: u8,

    /// How long to send
    #[arg(long, value_name = "S", default_value_t = 10, conflicts_with = "count",
        value_parser = value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,

    /// How many messages each customer sends, however long it takes
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=i64::from(MAX_NUMBER)))]
    pub(crate) count: Option<u32>,

    /// How long all clients stay connected and silent before they send: what a connection costs can be looked at
    ///
    /// A server drops who is silent for six minutes.
    #[arg(long, value_name = "S", default_value_t = 0, verbatim_doc_comment,
        value_parser = value_parser!(u16).range(..=300))]
    pub(crate) idle: u16,

    /// How many seconds without an answer to wait before giving up: for an ACK, a login, a restarting server
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = value_parser!(u16).range(1..))]
    pub(crate) patience: u16,

    /// How many threads drive the connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u8).range(1..))]
    pub(crate) threads: u8,

    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Write the tokens file (TOML) that a server needs for this load, and exit
    ///
    /// It has one line a token: "load-7-1" = { appid = 7, uid = 1 }
    /// A file that is there already is overwritten.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub(crate) write_tokens: Option<PathBuf>,
}

/// 0 is nobody's id.
fn id() -> RangedI64ValueParser {
    value_parser!(i64).range(1..)
}
