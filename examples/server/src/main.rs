//! `kefu-server`: a customer-service chat server.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use kefu_server::options::Options;
use kefu_server::server::Server;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
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
    println!("the page is at http://{http}/, data in {}", options.data.display());
    for demo in &server.shared().demo {
        println!("demo token {} is {}", demo.token, demo.account);
    }
    println!("ready: clients on {listen}, WebSocket at ws://{http}/ws");
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    Ok(server.run(stop).await?)
}
