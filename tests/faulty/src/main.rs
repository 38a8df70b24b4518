//! A host with a fault, for tools that must find it.

use std::error::Error;
use std::io::{self, Write};
use std::{env, process};

use kefu_faulty::{Chosen, FAULTS, FIRST_SAVE_FAILS, Fault, SECOND_SAVE_FAILS, run};

fn main() {
    if let Err(error) = start() {
        eprintln!("faulty-host: {error}");
        process::exit(1);
    }
}

fn start() -> Result<(), Box<dyn Error>> {
    let (mut listen, mut fault) = ("127.0.0.1:23000".to_owned(), Chosen::NONE);
    let mut args = env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value: see --help"));
        match arg.as_str() {
            "--help" => return Ok(io::stdout().write_all(help().as_bytes())?),
            "--listen" => listen = value()?,
            "--fault" => {
                let name = value()?;
                fault =
                    Chosen::named(&name).ok_or(format!("no fault is named {name}: see --help"))?;
            }
            _ => return Err(format!("unexpected {arg}: see --help").into()),
        }
    }
    run(&listen, fault, None, |addr| writeln!(io::stdout(), "ready: clients on {addr}"))
}

fn help() -> String {
    let row = |fault: &Fault| format!("  {:<35} {:<6} {}\n", fault.name, fault.rule, fault.what);
    let faults: String = FAULTS.iter().map(row).collect();
    format!(
        "\
Usage: faulty-host [--listen ADDR] [--fault NAME]

A customer-service chat host with all data in memory, which makes one mistake all the time: what
a test of hosts has to find. It is examples/threaded.rs with one wrong decision.

  --listen ADDR  where clients connect [default: 127.0.0.1:23000]; with port 0 any that is free,
                 which a line says: ready: clients on 127.0.0.1:40123
  --fault NAME   which mistake, of those below; without it, none: the host is sound

A token names its account: tok-7-1 is user 1 of app 7. Sellers are users of app 1453. Customer
8/13 is blocked. A message with \"{FIRST_SAVE_FAILS}\" in it is not stored, one with
\"{SECOND_SAVE_FAILS}\" only for its receiver; neither has an ACK.

Faults, each with the rule that it breaks:
{faults}"
    )
}
