//! Why there is no result: one line each, with what to do about it.

use std::io;
use std::path::PathBuf;

use kefu_proto::Account;
use thiserror::Error;

use crate::link::LinkError;

/// What ends the tool with exit status 2.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(
        "--appid and --kefu-appid are both {0}: customers and sellers need an app of their own"
    )]
    SameApp(i64),
    #[error("--size {size} is too small: the JSON with its uuid takes {least} bytes here")]
    Size { size: usize, least: usize },
    #[error("{}: {source}: name a file that can be written with --write-tokens", path.display())]
    Tokens { path: PathBuf, source: io::Error },
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot print the result: {0}")]
    Output(io::Error),
    #[error("--addr {addr}: {source}: give the server as HOST:PORT")]
    Address { addr: String, source: io::Error },
    #[error("{addr}: {account} cannot log in: {source}: {}", hint(source))]
    Login { addr: String, account: Account, source: LinkError },
    #[error("{addr}: the queue of {account} cannot be read: {source}: {}", hint(source))]
    Verification { addr: String, account: Account, source: LinkError },
    #[error("{0}")]
    GaveUp(String),
}

fn hint(error: &LinkError) -> &'static str {
    match error {
        LinkError::Io(error) if is_out_of_files(error) => {
            "allow more open files with `ulimit -n`, or use fewer --customers"
        }
        LinkError::Io(_) => "start the server, or name another with --addr",
        LinkError::Refused(_) => "start the server with the tokens that --write-tokens writes",
        LinkError::Closed => {
            "see the server's log; it may have a limit of connections, or want TLS"
        }
        LinkError::Silent(_) => "see whether the server is busy, or give it more --patience",
        LinkError::Undecodable(_) | LinkError::Unwritable(_) | LinkError::TooLong(_) => {
            "see whether --addr is a server of this protocol"
        }
    }
}

fn is_out_of_files(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    error.raw_os_error() == Some(EMFILE)
}
