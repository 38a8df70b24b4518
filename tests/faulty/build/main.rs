//! Makes the faulty host from `examples/threaded.rs`: `OUT_DIR/threaded.rs`, and a list of the
//! faults: `OUT_DIR/faults.rs`.

mod change;
mod faults;
mod view;

use std::io::{self, Write};
use std::path::Path;
use std::{env, fs};

use change::Change;
use faults::{FAULTS, Fault};
use view::VIEW;

const EXAMPLE: &str = "../../examples/threaded.rs";

fn main() -> Result<(), String> {
    writeln!(io::stdout(), "cargo::rerun-if-changed={EXAMPLE}")
        .map_err(|error| error.to_string())?;
    let example = fs::read_to_string(EXAMPLE).map_err(|error| format!("{EXAMPLE}: {error}"))?;
    // A file that is included may not have documentation of its own.
    let mut host = example.replace("//!", "//");
    for change in VIEW {
        host = replaced(&host, "the view from inside", change)?;
    }
    for Fault { name, change, .. } in FAULTS {
        if !change.replace.contains(&format!("fault.is({name:?})")) {
            return Err(format!("{name}: the change does not ask whether this fault was chosen"));
        }
        host = replaced(&host, name, change)?;
    }
    let row = |Fault { name, rule, what, .. }: &Fault| {
        format!("Fault {{ name: {name:?}, rule: {rule:?}, what: {what:?} }},\n")
    };
    let rows: String = FAULTS.iter().map(row).collect();
    write("threaded.rs", &host)?;
    write("faults.rs", &format!("&[{rows}]"))
}

/// With the change, which must fit one place.
fn replaced(host: &str, what: &str, change: &Change) -> Result<String, String> {
    let Change { find, replace } = change;
    match host.matches(find).count() {
        1 => Ok(host.replacen(find, replace, 1)),
        0 => Err(format!("{what}: {EXAMPLE} has changed, and no longer has this text: {find}")),
        n => Err(format!("{what}: {EXAMPLE} has this text {n} times, so say more of it: {find}")),
    }
}

fn write(name: &str, text: &str) -> Result<(), String> {
    let out = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    let path = Path::new(&out).join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
