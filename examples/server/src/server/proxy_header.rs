//! The header of the PROXY protocol, in which a proxy names the client of a connection.
//!
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, versions 1 and 2. Exactly the
//! header is read: what follows belongs to the connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::connection::End;

/// Reads a header. `None` if it names nobody: the connection is the proxy's own.
///
/// # Errors
///
/// [`End::Proxy`], if there is no valid header; otherwise why the connection has ended.
pub(super) async fn read(socket: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, End> {
    let mut start = [0; SIGNATURE.len()];
    match socket.read(&mut start[..1]).await {
        // Whoever looks whether the port is open sends nothing.
        Ok(0) => return Err(End::Left),
        Ok(_) => {}
        Err(_) => return Err(End::Io),
    }
    socket.read_exact(&mut start[1..]).await.map_err(|error| unread(&error))?;
    if start == *SIGNATURE {
        read_version_2(socket).await
    } else if start.starts_with(b"PROXY ") {
        read_version_1(socket, &start).await
    } else {
        Err(End::Proxy)
    }
}

/// A line such as `PROXY TCP4 192.0.2.7 198.51.100.1 51820 443`.
async fn read_version_1(
    socket: &mut (impl AsyncRead + Unpin),
    start: &[u8],
) -> Result<Option<SocketAddr>, End> {
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_LINE {
            return Err(End::Proxy);
        }
        line.push(socket.read_u8().await.map_err(|error| unread(&error))?);
    }
    let line = str::from_utf8(&line).ok().and_then(|line| line.strip_suffix("\r\n"));
    let line = line.ok_or(End::Proxy)?;
    let mut words = line.split(' ').skip(1);
    let is_version_4 = match words.next() {
        Some("TCP4") => true,
        Some("TCP6") => false,
        // Whatever else the line has is to be ignored.
        Some("UNKNOWN") => return Ok(None),
        _ => return Err(End::Proxy),
    };
    let words: Vec<&str> = words.collect();
    let [client, server, client_port, server_port] = words[..] else { return Err(End::Proxy) };
    let addresses = [(client, client_port), (server, server_port)].map(|(address, port)| {
        let address = address.parse::<IpAddr>().ok()?;
        (address.is_ipv4() == is_version_4).then_some(SocketAddr::new(address, port.parse().ok()?))
    });
    let [Some(client), Some(_)] = addresses else { return Err(End::Proxy) };
    Ok(Some(client))
}

async fn read_version_2(socket: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, End> {
    let mut kind = [0; 2];
    socket.read_exact(&mut kind).await.map_err(|error| unread(&error))?;
    let length = usize::from(socket.read_u16().await.map_err(|error| unread(&error))?);
    if length > LONGEST_REST {
        return Err(End::Proxy);
    }
    let [command, family] = kind;
    let (client, used) = match (command, family) {
        // The proxy's own connection, as for a health check; UNSPEC, and sockets of UNIX.
        (LOCAL, _) | (PROXY, 0x00 | 0x31) => (None, 0),
        (PROXY, 0x11) if length >= 12 => {
            let mut addresses = [0; 12];
            socket.read_exact(&mut addresses).await.map_err(|error| unread(&error))?;
            let [a, b, c, d, _, _, _, _, high, low, ..] = addresses;
            (Some((Ipv4Addr::new(a, b, c, d).into(), [high, low])), 12)
        }
        (PROXY, 0x21) if length >= 36 => {
            let address =
                Ipv6Addr::from_bits(socket.read_u128().await.map_err(|error| unread(&error))?);
            let mut rest = [0; 20];
            socket.read_exact(&mut rest).await.map_err(|error| unread(&error))?;
            (Some((address.into(), [rest[16], rest[17]])), 36)
        }
        _ => return Err(End::Proxy),
    };
    skip(socket, length - used).await?;
    Ok(client
        .map(|(address, port): (IpAddr, _)| SocketAddr::new(address, u16::from_be_bytes(port))))
}

/// Skips further facts about the connection.
async fn skip(socket: &mut (impl AsyncRead + Unpin), mut length: usize) -> Result<(), End> {
    let mut skipped = [0; 64];
    while length > 0 {
        let part = length.min(skipped.len());
        socket.read_exact(&mut skipped[..part]).await.map_err(|error| unread(&error))?;
        length -= part;
    }
    Ok(())
}

/// A header that ends in the middle is invalid.
fn unread(error: &io::Error) -> End {
    if error.kind() == io::ErrorKind::UnexpectedEof { End::Proxy } else { End::Io }
}

/// With what a header of version 2 begins.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2 and its two commands.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// The longest line of version 1, `\r\n` included.
const LONGEST_LINE: usize = 107;
/// The longest that may follow the length in version 2. Proxies write some hundred bytes.
const LONGEST_REST: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a header says, and that what follows it is left.
    async fn said(header: &[u8]) -> Result<Option<SocketAddr>, End> {
        let bytes = [header, b"GET /"].concat();
        let mut rest = &bytes[..];
        let said = read(&mut rest).await;
        if said.is_ok() {
            assert_eq!(rest, b"GET /");
        }
        said
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family][..], &length, rest].concat()
    }

    fn ipv4() -> Vec<u8> {
        [&[192, 0, 2, 7, 198, 51, 100, 1][..], &51820_u16.to_be_bytes(), &443_u16.to_be_bytes()]
            .concat()
    }

    fn ipv6() -> Vec<u8> {
        let client: Ipv6Addr = "2001:db8::7".parse().unwrap();
        [&client.octets()[..], &[0; 16], &51820_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat()
    }

    #[tokio::test]
    async fn both_versions_name_the_client() {
        let four = "192.0.2.7:51820".parse().ok();
        let six = "[2001:db8::7]:51820".parse().ok();
        for (header, client) in [
            (&b"PROXY TCP4 192.0.2.7 198.51.100.1 51820 443\r\n"[..], four),
            (b"PROXY TCP6 2001:db8::7 ::1 51820 443\r\n", six),
            (b"PROXY UNKNOWN\r\n", None),
            (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
            (&version_2(PROXY, 0x11, &ipv4()), four),
            (&version_2(PROXY, 0x21, &ipv6()), six),
            // Further facts are skipped.
            (&version_2(PROXY, 0x11, &[ipv4(), vec![4; 2000]].concat()), four),
            (&version_2(PROXY, 0x00, &[]), None),
            (&version_2(PROXY, 0x31, &[0; 216]), None),
            (&version_2(LOCAL, 0x11, &ipv4()), None),
            (&version_2(LOCAL, 0x00, &[]), None),
        ] {
            assert_eq!(said(header).await, Ok(client), "{}", header.escape_ascii());
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE));
        for header in [
            &b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.7 198.51.100.1 51820\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 51820 443 1\r\n",
            b"PROXY TCP4  192.0.2.7 198.51.100.1 51820 443\r\n",
            b"PROXY TCP4 2001:db8::7 ::1 51820 443\r\n",
            b"PROXY TCP6 192.0.2.7 198.51.100.1 51820 443\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
            b"PROXY TCP5 192.0.2.7 198.51.100.1 51820 443\r\n",
            b"PROXY \xff\xff\xff\xff\xff\xff\xff\xff\r\n",
            b"PROXY TCP4\r\n\r\n\r\n\r\n",
            long.as_bytes(),
            &version_2(PROXY, 0x11, &ipv4()[..11]),
            &version_2(PROXY, 0x21, &ipv4()),
            &version_2(PROXY, 0x12, &ipv4()),
            &version_2(0x11, 0x11, &ipv4()),
            &version_2(0x22, 0x11, &ipv4()),
            &version_2(PROXY, 0x11, &vec![0; LONGEST_REST + 1]),
        ] {
            assert_eq!(said(header).await, Err(End::Proxy), "{}", header.escape_ascii());
        }
    }

    #[tokio::test]
    async fn a_header_that_is_cut_anywhere_is_refused() {
        for header in [
            b"PROXY TCP4 192.0.2.7 198.51.100.1 51820 443\r\n".to_vec(),
            version_2(PROXY, 0x21, &[ipv6(), vec![4; 100]].concat()),
        ] {
            for length in 1..header.len() {
                assert_eq!(read(&mut &header[..length]).await, Err(End::Proxy), "{length}");
            }
        }
        assert_eq!(read(&mut &b""[..]).await, Err(End::Left));
    }

    #[tokio::test]
    async fn random_bytes_are_refused_without_a_panic() {
        let mut random = fastrand::Rng::with_seed(13);
        let starts =
            [&b""[..], b"PROXY ", b"PROXY TCP4 ", SIGNATURE, &version_2(PROXY, 0x21, &ipv6())];
        for _ in 0..20_000 {
            let mut bytes = random.choice(starts).unwrap().to_vec();
            bytes.extend((0..random.usize(0..80)).map(|_| random.u8(..)));
            if !bytes.is_empty() && random.bool() {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            let _ = read(&mut &bytes[..]).await;
        }
    }
}
