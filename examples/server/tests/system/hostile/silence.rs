//! Silence is what a client does, not what the server does not read (S4.2).

use std::time::{Duration, Instant};

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{Client, customer, question, seller, take_frame};
use kefu_testing::flood::connect_narrowly;
use kefu_testing::websocket::raw;
use kefu_testing::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::target::Target;

const OPTIONS: [&str; 6] =
    ["--idle-timeout", "2", "--account-bytes", "0", "--account-messages", "0"];
/// Several times as long as a client may be silent.
const LONG: Duration = Duration::from_secs(7);
const PING: &[u8] = b"\0\0\0\0\0\0\0\x01\x0d\x01\0\0";
const PONG: u8 = 14;
const SYNC_END: u8 = 28;

/// At some 20 kB/s, with a PING now and then.
#[tokio::test]
async fn a_slow_reader_in_a_long_sync_who_pings_is_not_silent() {
    let target = Target::start(&OPTIONS).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    for _ in 0..15 {
        for _ in 0..20 {
            asker.send(question(customer(1), seller(1), vec![b'x'; 30_000])).await;
        }
        asker.receive_all().await;
    }
    drop(asker);
    let mut desk = Client::on(connect_narrowly(target.server.tcp).await);
    desk.authenticate(seller(1), "desk").await;
    desk.send(Body::Sync(MsgId(-1))).await;
    let mut stream = desk.into_stream();
    let (mut read, mut pings) = (bytes::BytesMut::new(), 0);
    let since = Instant::now();
    while since.elapsed() < LONG {
        stream.write_all(PING).await.unwrap();
        pings += 1;
        for _ in 0..3 {
            let mut some = [0; 2_000];
            let length = within("some of a sync", stream.read(&mut some)).await.unwrap();
            assert!(length > 0, "closed within a sync");
            read.extend_from_slice(&some[..length]);
            sleep(Duration::from_millis(100)).await;
        }
    }
    let (mut pongs, mut has_ended) = (0, false);
    while pongs < pings || !has_ended {
        while let Some(frame) = take_frame(&mut read) {
            pongs += usize::from(frame[8] == PONG);
            has_ended |= frame[8] == SYNC_END;
        }
        if pongs < pings || !has_ended {
            let length = within("the rest", stream.read_buf(&mut read)).await.unwrap();
            assert!(length > 0, "closed: {pongs} of {pings} PONGs, SYNC_END: {has_ended}");
        }
    }
}

/// While a save takes its time, nothing more is read.
#[tokio::test]
async fn who_is_not_read_from_is_not_silent() {
    let target = Target::start(&OPTIONS).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    // Twice as long as one may be silent, and not so long that the store gives up.
    let pause = Duration::from_secs(4);
    let held = target.hold_saves();
    let mut frames = Vec::new();
    for _ in 0..2_000 {
        frames.extend_from_slice(&asker.frame(Flags::NONE, question(customer(1), seller(1), "x")));
    }
    asker.write(&frames).await;
    let since = Instant::now();
    while since.elapsed() < pause {
        asker.send(Body::Ping).await;
        sleep(Duration::from_millis(300)).await;
    }
    drop(held);
    let mut acks = 0;
    while acks < 2_000 {
        acks += usize::from(matches!(asker.receive("an ACK").await.body, Body::Ack(_)));
    }
}

#[tokio::test]
async fn parts_of_a_message_are_signs_of_life() {
    let target = Target::start(&OPTIONS).await;
    let mut stream = target.log_in_web(customer(1)).await.into_stream();
    let since = Instant::now();
    // A PING of the protocol, a byte at a time, behind many parts that are empty.
    stream.write_all(&raw(2, 0, b"")).await.unwrap();
    while since.elapsed() < LONG {
        stream.write_all(&raw(0, 0, b"")).await.unwrap();
        sleep(Duration::from_millis(300)).await;
    }
    let (last, rest) = PING.split_last().unwrap();
    for byte in rest {
        stream.write_all(&raw(0, 1, &[*byte])).await.unwrap();
    }
    stream.write_all(&raw(0x80, 1, &[*last])).await.unwrap();
    let mut answer = [0; 14];
    within("a PONG", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer[10], PONG);
}

#[tokio::test]
async fn bytes_of_a_frame_are_signs_of_life() {
    let target = Target::start(&OPTIONS).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    let frame = asker.frame(Flags::NONE, question(customer(1), seller(1), "slowly does it"));
    let pause = LONG / u32::try_from(frame.len()).unwrap();
    for byte in &frame {
        asker.write(&[*byte]).await;
        sleep(pause).await;
    }
    let seq = asker.last();
    asker.receive_ack(seq).await;
}

#[tokio::test]
async fn pongs_that_nobody_asked_for_are_signs_of_life() {
    let target = Target::start(&OPTIONS).await;
    let mut stream = target.log_in_web(customer(1)).await.into_stream();
    let since = Instant::now();
    while since.elapsed() < LONG {
        stream.write_all(&raw(0x8a, 0, b"")).await.unwrap();
        sleep(Duration::from_millis(300)).await;
    }
    stream.write_all(&raw(0x82, 12, PING)).await.unwrap();
    let mut answer = [0; 14];
    within("a PONG", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer[10], PONG);
}

/// What is not a byte is no sign: an open connection alone.
#[tokio::test]
async fn who_is_silent_is_closed_though_it_is_sent_to() {
    let target = Target::start(&OPTIONS).await;
    let mut desk = target.log_in(seller(1), "desk").await;
    let mut asker = target.log_in(customer(1), "phone").await;
    let end = async { while desk.next_message().await.is_some() {} };
    let chatter = async {
        loop {
            asker.send(question(customer(1), seller(1), "are you there?")).await;
            asker.receive_all().await;
            sleep(Duration::from_millis(200)).await;
        }
    };
    let both = async {
        tokio::select! {
            () = end => {}
            () = chatter => {}
        }
    };
    timeout(Duration::from_secs(60), both).await.expect("the silent desk is closed");
    target.until_closed("idle", 1).await;
}
