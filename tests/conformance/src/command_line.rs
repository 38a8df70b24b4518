//! What the command line asks for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[derive(Debug, Eq, PartialEq)]
pub enum Command {
    Help,
    Replay(Vec<PathBuf>),
}

impl Command {
    /// Reads the arguments behind the program's name. The error is one line.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut files = Vec::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("-h" | "--help") => return Ok(Self::Help),
                Some("--") => files.extend(arguments.by_ref().map(PathBuf::from)),
                Some(option) if option.starts_with('-') => {
                    return Err(format!("unknown option {option:?}; see --help"));
                }
                _ => files.push(PathBuf::from(argument)),
            }
        }
        Ok(Self::Replay(if files.is_empty() { own_files() } else { files }))
    }
}

/// The recorded cases of this repository.
fn own_files() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("");
    OWN_FILES.map(|name| tests.join(name)).to_vec()
}

const OWN_FILES: [&str; 5] = [
    "vectors/handler.jsonl",
    "vectors/wire.jsonl",
    "vectors-v2/handler.jsonl",
    "vectors-v2/wire.jsonl",
    "vectors-v2/writer.jsonl",
];

pub const HELP: &str = "\
Replays recorded cases of the original server through kefu-proto and shows every difference.

Usage: conformance [FILE.jsonl]...

Without a file it replays the recorded cases of this repository: tests/vectors, of the server of
2018 (version 1 of the protocol), and tests/vectors-v2, of that of 2025 (version 2).

A file holds one case per line, in JSON. Its fields tell what kind of case it is and of which
version, and everything that is recorded is compared:
  input           handler: one frame arrives on a session; what is decoded, which way the handler
                  goes, and every effect, in version 2 with `meta`
  hex             wire: what is read, how many bytes it takes, every field, the bytes written back
  kind: queue     writer: messages for one connection, frame by frame with their numbers
  kind: login     the answers to frames on a fresh connection
  kind: deliver   a whole server: what the router and the store are asked, and what each connection
                  is written
  kind: sync      the answer to one SYNC, and what the store is asked

Marks: a mark is a fact about the inputs of a case, and a wrong one fails. Where the crate differs
from the original on purpose, a case must end as the rules of src/spec.md say, whose numbers stand
here, and what is recorded must be what the original does by its own.
  zero-identity (H12)           there is no session: kefu_appid or the session's appid or uid is 0
  clock-range (H4.2)            `now` is refused, because it does not fit 32 bits
  unlisted-command (W3.4)       the host gets the frame as it came, whatever the original says
  error:cmd (S5.2)              no mark: what a client may not say is read, and ignored
  ack-status (W3.5)             an ACK of version 2 or more has a status behind the seq
  later-command (W9, W10)       CUSTOMER_V2 and METADATA are read; the server of 2018 did not know
  deprecated-command (H2, H3)   24 and 25 are handled as in version 1; that of 2025 ignores them
  server-flag (H13.4)           flags that only a server sets are taken away from a client's message
  auth-status-v0 (W3.3)         an AUTH_STATUS of version 0 has 8 bytes
  same-device (H7.5)            only the sending connection is left out, not its whole device
  to-self (H7.4)                the sending connection gets the receiver's copy and notify, too
  unreadable-body (D4.8)        a stored body that is too short is left out, and the host is told
  translated (D2)               a stored 24 or 25 arrives as a 64
  zero-receiver, min-receiver, msgid-range, seq-range change nothing.

Output: the first ten failed cases with what was expected and what came. If some cases differ on
purpose, how many passed as recorded, and how many for each reason differ. At the end
`N passed, N failed`. Files and lines that cannot be read are named on stderr as FILE:LINE: what.

Exit status: 0 all passed, 1 some failed, 2 the command line, a file or a line could not be read.

Example:
  cargo run --release --example conformance -- tests/vectors-v2/writer.jsonl
";
