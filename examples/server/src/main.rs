//! `kefu-server`: a customer-service chat server.

use std::io::{self, IsTerminal};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use kefu_server::log::Lines;
use kefu_server::options::Options;
use kefu_server::server::Server;
use kefu_server::signals::{Asked, Signals};
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::runtime::{Handle, Runtime};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// The system's own keeps most of what connections have had when they have gone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (out, log) = (Lines::stdout(), Lines::stderr());
    let code = match Options::read(std::env::args_os()) {
        Ok(options) => serve(&options, &out, &log),
        Err(error) if error.use_stderr() => {
            log.write(&error.render().to_string());
            ExitCode::from(2)
        }
        // Help, for a reader that may take its time.
        Err(help) => help.exit(),
    };
    Lines::flush(&[out, log]);
    code
}

fn serve(options: &Options, out: &Lines, log: &Lines) -> ExitCode {
    // What the server creates is for nobody else.
    umask(Mode::RWXG | Mode::RWXO);
    start_log(log.clone());
    let served = Runtime::new().map_err(Into::into).and_then(|runtime| {
        let served = runtime.block_on(run(options, out));
        // What is left may block, such as a store that another process has locked.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.write(&format!("kefu-server: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn start_log(log: Lines) {
    // The server logs the events of its NATS client itself.
    let default = || EnvFilter::new("info,async_nats=off");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| default());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || log.clone())
        .with_ansi(io::stderr().is_terminal())
        .init();
    // The hook of the standard library would wait for whoever reads stderr.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{}", one_line(&panic.to_string()))));
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

async fn run(options: &Options, out: &Lines) -> Result<(), Box<dyn std::error::Error>> {
    let mut signals = Signals::listen()?;
    let Some(server) = start(options, &mut signals).await? else { return Ok(()) };
    greet(&server, options, out)?;
    let (reload, stop) = (server.reload(), CancellationToken::new());
    let mut serving = pin!(server.run(stop.clone().cancelled_owned()));
    loop {
        tokio::select! {
            served = &mut serving => return Ok(served?),
            asked = signals.next() => match asked {
                Asked::Reload => {
                    let reload = reload.clone();
                    spawn_blocking(move || reload.run());
                }
                Asked::Stop if stop.is_cancelled() => {
                    return Err("stopped by a second signal, before all was finished".into());
                }
                Asked::Stop => stop.cancel(),
            }
        }
    }
}

/// Starts the server; `None` if it is asked to stop meanwhile.
async fn start(
    options: &Options,
    signals: &mut Signals,
) -> Result<Option<Server>, Box<dyn std::error::Error>> {
    let (handle, options, stop) = (Handle::current(), options.clone(), CancellationToken::new());
    let stopped = stop.clone();
    // On a thread of its own: reading a file may block, and signals are to be served meanwhile.
    let mut starting = spawn_blocking(move || {
        handle.block_on(stopped.run_until_cancelled(Server::start(&options)))
    });
    tokio::select! {
        started = &mut starting => Ok(started?.transpose()?),
        () = signals.stop() => {
            stop.cancel();
            // It ends at once, unless it blocks. Without the runtime its timers would panic.
            let _ = timeout(CANCEL_TIMEOUT, starting).await;
            Ok(None)
        }
    }
}

fn greet(server: &Server, options: &Options, out: &Lines) -> io::Result<()> {
    let (listen, http) = server.addresses()?;
    let s = if server.has_tls() { "s" } else { "" };
    out.write(&format!("the page is at http{s}://{http}/, data in {}\n", options.data_location()));
    if let Some(admin) = server.admin_address()? {
        out.write(&format!("metrics and health are at http://{admin}/\n"));
    }
    for demo in server.demo_tokens() {
        out.write(&format!("demo token {} is {}\n", demo.token, demo.account));
    }
    out.write(&format!("ready: clients on {listen}, WebSocket at ws{s}://{http}/ws\n"));
    Ok(())
}

/// How long a start that is cancelled is waited for.
const CANCEL_TIMEOUT: Duration = Duration::from_millis(500);
