//! mqtt-protocol-core, also a sans-I/O state machine: the server's side of a connection that
//! receives PUBLISH packets (at least once) and answers each with a PUBACK.
//!
//! It does more than the crate in that it tracks packet ids and timers, and less in that it checks
//! no sender and leaves to its user what is stored and who is notified. It copies every packet
//! once, out of the read buffer, and returns its events in a `Vec`.
//!
//! The settings are its fastest: version 3.1.1 of MQTT has no properties to read, and of the
//! features that keep short payloads inside the packet, `sso-min-64bit` is the fastest on 64 bits.

use std::hint::black_box;

use criterion::Criterion;
use kefu_bench::rig::{BATCH, Buffer, Rig};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::Event;
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Qos, v3_1_1};
use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode;
use mqtt_protocol_core::mqtt::{Connection, Version, role};

/// From this length on, the place that the allocator chooses for the copy can make it thirty times
/// slower: see `Rig::assert_fast_copies`.
const TOO_LONG: usize = 4 * 1024;

pub(crate) fn measure(criterion: &mut Criterion, size: &str, content: usize) {
    if content >= TOO_LONG {
        return;
    }
    let mut rig = Rig::of(publishes(content));
    let mut connection = connected();
    let (read, out) = rig.refill();
    receive(&mut connection, read, &mut out.ack.frame);
    let last = u8::try_from(BATCH).expect("a batch is small");
    assert_eq!(*out.ack.frame.written(), [0x40, 2, 0, last], "the last PUBACK");
    criterion.bench_function(&format!("mqtt/{size}"), |bencher| {
        bencher.iter_custom(|messages| {
            rig.time(messages, |read, out| receive(&mut connection, read, &mut out.ack.frame))
        });
    });
}

/// Receives all packets of the buffer, and writes the packets that the connection answers.
fn receive(connection: &mut Connection<role::Server>, read: &[u8], written: &mut Buffer) {
    let mut cursor = Cursor::new(read);
    for _ in 0..BATCH {
        for event in connection.recv(&mut cursor) {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    written.fresh().extend_from_slice(&packet.to_continuous_buffer());
                    black_box(&mut *written);
                }
                Event::NotifyPacketReceived(packet) => {
                    black_box(&packet);
                }
                other => panic!("not about a PUBLISH: {other:?}"),
            }
        }
    }
}

/// A connection after its handshake. It sends the PUBACKs by itself.
fn connected() -> Connection<role::Server> {
    let mut connection = Connection::new(Version::V3_1_1);
    connection.set_auto_pub_response(true);
    let connect = v3_1_1::Connect::builder().client_id("customer").expect("a short id");
    let connect = connect.build().expect("a CONNECT").to_continuous_buffer();
    let _ = connection.recv(&mut Cursor::new(&connect));
    let connack = v3_1_1::Connack::builder().session_present(false);
    let connack = connack.return_code(ConnectReturnCode::Accepted).build().expect("a CONNACK");
    let _ = connection.checked_send(connack);
    connection
}

fn publishes(content: usize) -> Vec<u8> {
    let payload: Vec<_> = (b' '..=b'~').cycle().take(content).collect();
    let publish = |packet_id| {
        let publish = v3_1_1::Publish::builder().topic_name("1453/4289442").expect("a short topic");
        let publish = publish.qos(Qos::AtLeastOnce).packet_id(packet_id).payload(payload.clone());
        publish.build().expect("a PUBLISH").to_continuous_buffer()
    };
    (1..=u16::try_from(BATCH).expect("a batch is small")).flat_map(publish).collect()
}
