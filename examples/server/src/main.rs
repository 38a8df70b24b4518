//! `kefu-server`: a customer-service chat server.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use kefu_server::options::Options;
use kefu_server::server::Server;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    // What the client of NATS would say of its connection the server says.
    let usual = || EnvFilter::new("info,async_nats=off");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| usual());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kefu-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let server = Server::start(options).await?;
    let (listen, http) = server.addresses()?;
    let s = if server.shared().tls.is_some() { "s" } else { "" };
    println!("the page is at http{s}://{http}/, data in {}", options.data_is_in());
    for demo in &server.shared().demo {
        println!("demo token {} is {}", demo.token, demo.account);
    }
    println!("ready: clients on {listen}, WebSocket at ws{s}://{http}/ws");
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    Ok(server.run(stop).await?)
}
