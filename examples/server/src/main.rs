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
    // The server logs the events of its NATS client itself.
    let default = || EnvFilter::new("info,async_nats=off");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| default());
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
    let s = if server.has_tls() { "s" } else { "" };
    println!("the page is at http{s}://{http}/, data in {}", options.data_location());
    for demo in server.demo_tokens() {
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
