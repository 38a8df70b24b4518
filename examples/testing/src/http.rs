//! HTTP requests, as an operator's tools make them.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{until, within};

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A counter or gauge of /metrics by name and labels, or by its name alone: the sum over all
    /// labels. 0 if it is missing.
    pub fn metric(&self, name: &str) -> u64 {
        let value = |line: &str| {
            let rest = line.strip_prefix(name)?;
            let rest = rest.strip_prefix('{').and_then(|labels| labels.split_once('}'));
            let value = rest.map_or(line.strip_prefix(name)?, |(_, value)| value);
            value.strip_prefix(' ')?.parse::<u64>().ok()
        };
        self.body.lines().filter_map(value).sum()
    }
}

/// HTTP/1.0: the end of the connection is the end of the body.
pub async fn get(addr: SocketAddr, path: &str) -> Answer {
    ask(TcpStream::connect(addr).await.unwrap(), path).await
}

/// As [`get`], over an open connection.
pub async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> Answer {
    let exchange = async {
        stream.write_all(request(path).as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = within(path, exchange).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer { status: status(head), head: head.to_owned(), body: body.to_owned() }
}

/// The status alone: the body may never end.
pub async fn get_status(addr: SocketAddr, path: &str) -> u16 {
    let exchange = async {
        let mut stream = open(addr, path).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        status(str::from_utf8(&head).unwrap())
    };
    within(path, exchange).await
}

/// A counter or gauge of /metrics by name and labels; 0 if it is missing.
pub async fn metric(addr: SocketAddr, name: &str) -> u64 {
    get(addr, "/metrics").await.metric(name)
}

pub async fn until_metric(addr: SocketAddr, name: &str, value: u64) {
    until(&format!("{name} is {value}"), async || metric(addr, name).await == value).await;
}

pub async fn until_health(addr: SocketAddr, status: u16, body: &str) {
    until(&format!("/healthz is {status}"), async || {
        let health = get(addr, "/healthz").await;
        (health.status, &*health.body) == (status, body)
    })
    .await;
}

/// Waits until /healthz answers 503 with this text among others.
pub async fn until_unhealthy(addr: SocketAddr, text: &str) {
    until(&format!("/healthz says {text}"), async || {
        let health = get(addr, "/healthz").await;
        health.status == 503 && health.body.contains(text)
    })
    .await;
}

/// Sends a request and leaves the answer unread.
pub async fn open(addr: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request(path).as_bytes()).await.unwrap();
    stream
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.0\r\nhost: server\r\n\r\n")
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}
