//! The command line.

use std::path::{Path, PathBuf};

use clap::Parser;

/// Replays recorded cases of the original server through kefu-proto and shows every difference.
///
/// A file holds one case a line, in JSON. A case with `input` is a handler case: one frame arrives on a session. What is
/// decoded, which way the handler goes and every effect must be as recorded, in order and in every field. A case with
/// `hex` is a wire case: what is read, how many bytes it takes, every field and the bytes written back must be as
/// recorded.
#[derive(Debug, Parser)]
#[command(name = "conformance", after_long_help = MORE, verbatim_doc_comment)]
pub(crate) struct Cli {
    /// Files of recorded cases; without any, the crate's own tests/vectors/handler.jsonl and wire.jsonl.
    #[arg(value_name = "FILE.jsonl")]
    files: Vec<PathBuf>,
}

const MORE: &str = "\
Marks: where the crate is stricter than the original on purpose, a case says so in `marks` and must end otherwise:
  zero-identity     the session cannot be made, because kefu_appid or the account's appid or uid is 0
  clock-range       `now` is refused, because it does not fit 32 bits
  unlisted-command  the frame is handed to the host as it came, where the original answers ok or error:parse
A marked case that behaves as recorded fails, and so does an unmarked one that does not.

Output: the first ten failed cases with what was expected and what came, how many cases carried a mark, and at the end
the line `N passed, N failed`. Files and lines that cannot be read are named on stderr as FILE:LINE: what.

Exit status: 0 all passed, 1 some failed, 2 something could not be read (whatever else).

Example:
  cargo run --release --example conformance -- tests/vectors/wire.jsonl";

impl Cli {
    pub(crate) fn files(self) -> Vec<PathBuf> {
        if self.files.is_empty() { own() } else { self.files }
    }
}

fn own() -> Vec<PathBuf> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    ["handler.jsonl", "wire.jsonl"].map(|name| vectors.join(name)).to_vec()
}
