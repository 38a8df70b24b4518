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
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("vectors");
    ["handler.jsonl", "wire.jsonl"].map(|name| vectors.join(name)).to_vec()
}

pub const HELP: &str = "\
Replays recorded cases of the original server through kefu-proto and shows every difference.

Usage: conformance [FILE.jsonl]...

Without a file it replays the recorded cases of this repository, tests/vectors/handler.jsonl and
tests/vectors/wire.jsonl.

A file holds one case per line, in JSON. A case with `input` is a handler case: one frame arrives
on a session. What is decoded, which branch the handler takes and every effect must be as recorded,
in order and in every field. A case with `hex` is a wire case: what is read, how many bytes it
takes, every field and the bytes written back must be as recorded.

Marks: where the crate is stricter than the original on purpose, a case says so in `marks` and must
end differently. The numbers are rules of src/spec.md.
  zero-identity (H12)      there is no session: kefu_appid or the session's appid or uid is 0
  clock-range (H4.2)       `now` is refused, because it does not fit 32 bits
  unlisted-command (W3.4)  the host gets the frame as it came; the original says ok or error:parse
A marked case that ends as recorded fails, and so does an unmarked one that does not.

Output: the first ten failed cases with what was expected and what came. If marked cases passed,
how many cases passed as recorded, and how many differ on purpose under each mark. At the end
`N passed, N failed`. Files and lines that cannot be read are named on stderr as FILE:LINE: what.

Exit status: 0 all passed, 1 some failed, 2 the command line, a file or a line could not be read.

Example:
  cargo run --release --example conformance -- tests/vectors/wire.jsonl
";
