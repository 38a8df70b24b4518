//! A host behind a socket, `examples/threaded.rs`, with threads of its own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use kefu_proto::UnixTime;
use kefu_proto::checker::{Checker, ConnectionId, Terms};
use kefu_proto::script::{self, HostError, Knobs, script};
use proptest::test_runner::{Config, TestRunner};

use crate::CONFIG;

#[test]
fn a_host_with_threads_keeps_all_rules() {
    let program = build();
    let mut terms = Terms::new(CONFIG);
    terms.remembers_dialects = true;
    let knobs = Knobs { save_failures: 0.0, ..Knobs::default() };
    let config = Config {
        cases: 300,
        failure_persistence: None,
        max_shrink_iters: 100,
        ..Config::default()
    };
    let verdict = TestRunner::new(config).run(&script(&knobs), |script| {
        Ok(script.play(&mut Server::start(&program), &mut Checker::new(terms))?)
    });
    verdict.unwrap_or_else(|error| panic!("{error}"));
}

/// The example, built into the same folder as this test.
fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap().parent().unwrap();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "kefu-proto", "--example", "threaded"]);
    cargo.args(["--profile", profile, "--target-dir"]).arg(folder.parent().unwrap());
    assert!(cargo.status().unwrap().success());
    folder.join("examples/threaded")
}

struct Server {
    process: Child,
    addr: SocketAddr,
    connections: HashMap<ConnectionId, TcpStream>,
}

impl Server {
    fn start(program: &PathBuf) -> Self {
        let mut process = Command::new(program)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("ready: clients on ").unwrap().parse().unwrap();
        Self { process, addr, connections: HashMap::new() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl script::Host for Server {
    fn open(&mut self, connection: ConnectionId) -> Result<(), HostError> {
        let stream = TcpStream::connect(self.addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        self.connections.insert(connection, stream);
        Ok(())
    }

    fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        _: &mut Checker,
    ) -> Result<(), HostError> {
        Ok((&self.connections[&connection]).write_all(bytes)?)
    }

    fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError> {
        let Some(stream) = self.connections.get_mut(&connection) else { return Ok(Vec::new()) };
        let mut bytes = vec![0; 16 * 1024];
        let length = stream.read(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    fn close(&mut self, connection: ConnectionId) {
        self.connections.remove(&connection);
    }

    fn now(&self) -> UnixTime {
        UnixTime::saturating_from(SystemTime::now())
    }

    fn wait(&mut self) -> bool {
        std::thread::sleep(Duration::from_millis(10));
        true
    }
}
