//! The command line.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::{Parser, ValueEnum, value_parser};
use serde::Serialize;

use crate::content::{MAX_CUSTOMERS, MAX_NUMBER, MAX_SIZE};

const EXAMPLES: &str = "\
Getting started:
  1. Write the tokens of the accounts that the load uses:
       kefu-load --write-tokens load-tokens.toml
  2. Start the server with them. For kefu-server:
       kefu-server --tokens load-tokens.toml
  3. Run the load:
       kefu-load --seconds 20
If you give --customers, --sellers, --appid or --kefu-appid, give them in step 1 as well.

More examples:
  kefu-load --window 1            one message in flight per customer: latency without queueing
  kefu-load --transient 100       nothing is stored: the server without its disk
  kefu-load --dialect mixed       clients of both versions write to each other
  kefu-load --count 1000 --json   a fixed amount of work, and the result for a program
  kefu-load --tls --ca ca.pem --addr chat.example.com:23000
                                  over TLS; the certificate names the host in --addr
  kefu-load --ws --addr 127.0.0.1:8080
                                  over WebSocket; with --tls over wss
  kefu-load --seconds 60          restart the server meanwhile: nothing may be lost or duplicated
  kefu-load --seconds 60 --addr 127.0.0.1:23000,127.0.0.1:23001,127.0.0.1:23002
                                  three servers that form one service: kill one meanwhile; its
                                  clients fail over, and nothing may be lost or duplicated

  kefu-load --churn 10 --repeat 10 --slow 5 --hostile 5
                                  clients that make trouble; the verdict stays the same
  kefu-load --churn 20 --allow-repeats
                                  for a server that stores repeats again
  kefu-load --check all           judge the frames of all clients
  kefu-load --customers 1 --sellers 1 --window 1 --flood 20
                                  what one polite customer waits beside 20 that flood the server
  kefu-load --seconds 3600 --rate 500 --churn 5 --repeat 10 --slow 2 --hostile 2 \
    --record soak.csv --watch PID
                                  an hour of all kinds of trouble, and the server's memory meanwhile

The pause in the result is the longest time in which no customer got an ACK: how long the whole
service was unavailable, for example while a cluster elected a new leader.

While the run goes on, frames are checked against the rules of the protocol (--check): each client
gets what it must get, nobody gets anything else, and each frame is right. The result names the rule
that is broken and the connection.

What is checked at the end: every persistent message that got its ACK is in the queue of its
seller and in the queue of its customer, in each exactly once and in the order in which its
customer sent. A message is unexpected if it was not sent, not to be stored, or is altered, or if
its sender or its receiver is wrong. It counts in whichever form the server tells it.

Trouble (--churn, --repeat, --slow, --hostile) is off by default. Each option takes the percentage
of clients that make it; the result counts what was made. A repeat with a uuid must be stored once.
One without is a message of its own: the queues must have a copy for each ACK, and at most one for
each time that it was sent. What hostile connections send must be refused or ignored: an answer to
it fails the run. A server that stores repeats again needs --allow-repeats for --churn and --repeat.

A seller of version 2 follows its queue as such clients do: by live copies, and by SYNC where one
does not continue what it has. In the end it must have every message exactly once and in order.

Exit status: 0 everything is correct; 1 something was lost, duplicated, reordered or unexpected, or
answered though it must be refused, or another rule was broken; 2 the command line is wrong, no server could be reached, or
clients gave up waiting.";

/// Loads a customer-service chat server and checks that it loses nothing
///
/// Customers log in and write to sellers, each with up to W messages in flight. Sellers log in
/// too and are notified. A client that loses its connection logs in again and repeats what got
/// no ACK, under the same uuid. At the end, the queues of all accounts are read by SYNC and
/// compared with what was acknowledged.
///
/// Only the wire protocol is used, so this works with any server of this protocol.
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment, after_long_help = EXAMPLES)]
pub struct Args {
    /// Server to load; several, separated by commas, form one service
    ///
    /// The clients are spread over the servers so that most customers write to a seller on
    /// another one: all of them, if the number of sellers is a multiple of the number of
    /// servers. A client that cannot reach its server fails over to the next one.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:23000",
        value_delimiter = ',',
        verbatim_doc_comment
    )]
    pub addr: Vec<String>,

    /// Connect over TLS
    ///
    /// The server's certificate must name the host that --addr gives.
    #[arg(long, verbatim_doc_comment)]
    pub tls: bool,

    /// Trust the certificates in this PEM file [default: those that the system trusts]
    ///
    /// The certificate that has signed the server's, or the server's own if it is self-signed.
    #[arg(long, value_name = "FILE", requires = "tls", verbatim_doc_comment)]
    pub ca: Option<PathBuf>,

    /// Connect over WebSocket, at this path [default: /ws]; with --tls over wss
    ///
    /// --addr is then the server's HTTP port. Every frame is one binary message.
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "/ws",
        value_parser = path, verbatim_doc_comment)]
    pub ws: Option<String>,

    /// App of the sellers, as the server is configured
    #[arg(long, value_name = "ID", default_value_t = 1453, value_parser = id())]
    pub kefu_appid: i64,

    /// App of the customers
    #[arg(long, value_name = "ID", default_value_t = 7, value_parser = id())]
    pub appid: i64,

    /// Number of customers; their uids are 1 to N
    #[arg(long, value_name = "N", default_value_t = 200,
        value_parser = value_parser!(u32).range(1..=i64::from(MAX_CUSTOMERS)))]
    pub customers: u32,

    /// Number of sellers; their uids are 1 to M, and the customers are spread evenly over them
    #[arg(long, value_name = "M", default_value_t = 10,
        value_parser = value_parser!(u32).range(1..=i64::from(MAX_CUSTOMERS)))]
    pub sellers: u32,

    /// Messages in flight per customer: sent and not yet acknowledged
    #[arg(long, value_name = "W", default_value_t = 32, value_parser = value_parser!(u16).range(1..))]
    pub window: u16,

    /// Messages a second of all customers together, at most [default: as fast as ACKs come]
    ///
    /// For runs that take hours, and for latency below saturation. What a customer could not send
    /// in time it sends as soon as its window allows.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..), verbatim_doc_comment)]
    pub rate: Option<u32>,

    /// Length of a message's content
    ///
    /// The content is JSON with a uuid, as clients send it, padded to exactly this length.
    /// The JSON alone takes about 45 bytes; a smaller size is refused.
    #[arg(long, value_name = "BYTES", default_value_t = 100, verbatim_doc_comment,
        value_parser = value_parser!(u16).range(1..=i64::from(MAX_SIZE)))]
    pub size: u16,

    /// Percentage of transient messages: delivered, but not stored
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = value_parser!(u8).range(..=100))]
    pub transient: u8,

    /// Percentage of the clients that come and go, and of extra visitors
    ///
    /// Customers leave with messages in flight, and repeat them when they are back. They and
    /// sellers leave in turns: with a goodbye (they close their sending side and read to the end),
    /// and without: the socket is closed, reset, or closed in the middle of a frame. So do
    /// visitors, who log in to the same accounts from another device, sync, and leave.
    /// Needs a server that stores repeats once, or --allow-repeats.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, verbatim_doc_comment,
        value_parser = value_parser!(u8).range(..=100))]
    pub churn: u8,

    /// Percentage of the customers that repeat messages without need
    ///
    /// They send every fourth message twice: while it is in flight, or after its ACK. Half of
    /// these have a uuid: then the queues must have one copy. The others have none: then each is
    /// a message of its own, and the queues must have a copy for each ACK.
    /// Needs a server that stores repeats once, or --allow-repeats.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, verbatim_doc_comment,
        value_parser = value_parser!(u8).range(..=100))]
    pub repeat: u8,

    /// Slow readers, as a percentage of the clients
    ///
    /// Extra connections of the same accounts. Half of them stop reading for a second or two,
    /// again and again, the others for good, while they ask for their queue all the time.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, verbatim_doc_comment,
        value_parser = value_parser!(u8).range(..=100))]
    pub slow: u8,

    /// Hostile connections, as a percentage of the clients
    ///
    /// Extra connections that send what must be refused or ignored: frames with wrong lengths,
    /// messages in another's name, what only a server says, and floods before any login. An
    /// answer to them fails the run, and so does any of their messages in a queue.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, verbatim_doc_comment,
        value_parser = value_parser!(u8).range(..=100))]
    pub hostile: u8,

    /// Accounts that flood the server beside the others
    ///
    /// Extra customers, each with 1,000 messages of 32 KB in flight, all to an extra seller who is
    /// not there. Their messages are not judged: what counts is the latency of the others.
    /// Give --flood to --write-tokens as well.
    #[arg(long, value_name = "N", default_value_t = 0, verbatim_doc_comment)]
    pub flood: u16,

    /// Accept that the server stores repeats again, as it may
    ///
    /// A message may then be in a queue as often as it was sent; the first copies must be in
    /// order. It must still be there, and nothing else may be.
    #[arg(long, verbatim_doc_comment)]
    pub allow_repeats: bool,

    /// Whose frames are judged: of no client, of a sample, or of all clients
    ///
    /// Every frame that a judged client sends or receives is checked against the rules of the
    /// protocol while the run goes on: who is notified and who is not, live copies, answers. A
    /// broken rule fails the run. A sample is every tenth seller with all of its customers, one at
    /// least; with --dialect mixed of each version. All take more of this program's time: give it
    /// --threads 2 if it becomes the bottleneck.
    #[arg(long, value_enum, value_name = "WHOSE", default_value_t = Check::Sample, verbatim_doc_comment)]
    pub check: Check,

    /// Expect every live copy and every transient message
    ///
    /// A server may leave them out for a client that it cannot send them to fast enough; stored
    /// messages the client finds by SYNC. Give this for a server that leaves out nothing.
    #[arg(long, verbatim_doc_comment)]
    pub expect_all: bool,

    /// Version of the protocol that the clients speak
    ///
    /// In version 2 there are no transient messages: --transient is for v1, and in mixed for the
    /// customers of version 1.
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = Dialect::V1, verbatim_doc_comment)]
    pub dialect: Dialect,

    /// How long to send
    #[arg(long, value_name = "S", default_value_t = 10, conflicts_with = "count",
        value_parser = value_parser!(u32).range(1..))]
    pub seconds: u32,

    /// Messages per customer, however long they take
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=i64::from(MAX_NUMBER)))]
    pub count: Option<u32>,

    /// How long all clients stay connected and silent before they send
    ///
    /// To measure what idle connections cost. Servers close connections that are silent for
    /// six minutes.
    #[arg(long, value_name = "S", default_value_t = 0, verbatim_doc_comment,
        value_parser = value_parser!(u16).range(..=300))]
    pub idle: u16,

    /// How long to wait for an ACK, a login or a restarting server before giving up
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = value_parser!(u16).range(1..))]
    pub timeout: u16,

    /// Number of threads that drive the connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u8).range(1..))]
    pub threads: u8,

    /// Write what happens into this file: a CSV with a row every ten seconds
    ///
    /// Seconds since the start, messages a second that got their ACK, connections that broke, and
    /// the memory (RSS, in KiB) of this program and of the process that --watch names.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub record: Option<PathBuf>,

    /// The server's process, on this machine, whose memory --record shows
    #[arg(long, value_name = "PID", requires = "record")]
    pub watch: Option<u32>,

    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,

    /// Write the tokens file (TOML) that a server needs for this load, and exit
    ///
    /// It has one line per token: "load-7-1" = { appid = 7, uid = 1 }
    /// An existing file is overwritten.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub write_tokens: Option<PathBuf>,
}

/// Which version of the protocol the clients speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Version 1: CUSTOMER, and a SYNC_NOTIFY for each message
    V1,
    /// Version 2: CUSTOMER_V2, with live copies
    V2,
    /// Half of the customers and half of the sellers each, all writing across
    Mixed,
}

/// Whose frames are judged while the run goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// Nobody's: only the queues are read at the end
    None,
    /// Those of every tenth seller and its customers
    Sample,
    /// Everybody's
    All,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Mixed => "mixed",
        })
    }
}

impl Args {
    /// A command line with these options, for tests.
    pub fn from_options<O: Into<OsString> + Clone>(
        options: impl IntoIterator<Item = O>,
    ) -> Result<Self, clap::Error> {
        let options = options.into_iter().map(Into::into);
        Self::try_parse_from([OsString::from("kefu-load")].into_iter().chain(options))
    }
}

/// A path of a URL.
fn path(path: &str) -> Result<String, &'static str> {
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path { Ok(path.to_owned()) } else { Err("a path begins with /, as in /ws") }
}

/// Ids are positive.
fn id() -> RangedI64ValueParser {
    value_parser!(i64).range(1..)
}
