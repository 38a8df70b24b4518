//! A client whose device vanishes without a goodbye, behind a link that is cut.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use kefu_testing::client::{answer, customer, seller};

use super::target::Target;

/// A network namespace with a link to this one, both gone when it is dropped.
struct Link {
    name: String,
    subnet: u8,
}

impl Link {
    /// `None` where this user cannot make one.
    fn new() -> Option<Self> {
        let subnet = fastrand::u8(1..250);
        let name = format!("kefu{}", fastrand::u32(..100_000));
        let link = Self { name, subnet };
        let Self { name, subnet } = &link;
        let made = ip(&["netns", "add", name])
            && ip(&["link", "add", name, "type", "veth", "peer", "name", "far", "netns", name])
            && ip(&["addr", "add", &format!("10.213.{subnet}.1/24"), "dev", name])
            && ip(&["link", "set", name, "up"])
            && ip(&["-n", name, "addr", "add", &format!("10.213.{subnet}.2/24"), "dev", "far"])
            && ip(&["-n", name, "link", "set", "far", "up"]);
        made.then_some(link)
    }

    fn near(&self) -> String {
        format!("10.213.{}.1", self.subnet)
    }

    /// No packet comes through any more, and nobody is told.
    fn cut(&self) {
        assert!(ip(&["-n", &self.name, "link", "set", "far", "down"]));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        ip(&["link", "del", &self.name]);
        ip(&["netns", "del", &self.name]);
    }
}

fn ip(args: &[&str]) -> bool {
    Command::new("ip").args(args).output().is_ok_and(|output| output.status.success())
}

/// With something on its way to it, and with nothing.
#[tokio::test]
async fn it_is_offline_in_time_and_pushed_to() {
    for is_sent_to in [true, false] {
        let Some(link) = Link::new() else {
            // In CI, too: it takes a right that not every machine gives.
            println!("skipped: this user cannot make network namespaces");
            return;
        };
        let target = Target::start_at(&link.near(), &["--unreachable-timeout", "2"]).await;
        let phone = Phone::log_in(&link, target.server.tcp);
        target.until_online(1).await;
        let mut desk = target.log_in(seller(1), "desk").await;
        link.cut();
        let since = Instant::now();
        if is_sent_to {
            let seq = desk.send(answer(seller(1), customer(1), "are you there?")).await;
            desk.receive_ack(seq).await;
        }
        target.until_online(1).await;
        let took = since.elapsed();
        println!("offline after {took:?}, sent to: {is_sent_to}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        let closed = "kefu_connections_closed_total{reason=\"unreachable\"}";
        target.until_metric(closed, 1).await;
        let seq = desk.send(answer(seller(1), customer(1), "call me")).await;
        desk.receive_ack(seq).await;
        target.until_metric("kefu_pushes_total", 1).await;
        drop(phone);
    }
}

/// A client in the namespace: a program that logs in and then does nothing.
struct Phone(std::process::Child);

impl Phone {
    fn log_in(link: &Link, addr: SocketAddr) -> Self {
        // AUTH_TOKEN of tok-7-1 on the device "p", in the shell's own way to connect.
        let script = format!(
            r"exec 3<>/dev/tcp/{}/{}; printf '\0\0\0\013\0\0\0\001\017\001\0\0\002\007tok-7-1\001p' >&3; exec sleep 1000",
            addr.ip(),
            addr.port()
        );
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &link.name, "bash", "-c", &script]);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
