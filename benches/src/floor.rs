//! The floor: reads the same bytes and copies them to the same places, written by hand for this one
//! case, without any type of the crate.

use std::hint::black_box;

use bytes::BytesMut;

use crate::rig::{Buffer, CUSTOMER, Known, Outputs, Stored, UNPERSISTENT};

const CUSTOMER_SUPPORT: u8 = 25;
const SYNC_NOTIFY: u8 = 29;
const ACK: u8 = 5;

/// Processes the first `frames` messages of `read`, up to all their effects.
pub fn batch(known: &Known, mut read: &[u8], out: &mut Outputs, frames: u64) {
    for _ in 0..frames {
        read = one(known, read, out).expect("every frame is accepted");
        black_box(&mut *out);
    }
}

/// The same on frames that share the read buffer's memory, like the crate's: includes the cost of
/// taking and releasing the share.
pub fn shared_batch(known: &Known, read: &mut BytesMut, out: &mut Outputs, frames: u64) {
    for _ in 0..frames {
        let header = read.first_chunk().expect("the buffer holds whole frames");
        let length = u32::from_be_bytes(four::<12>(header, 0));
        let end = 12 + usize::try_from(length).expect("the length fits");
        let frame = read.split_to(end).freeze();
        // Calls `batch`, not `one`: so `one` has a single caller and is inlined, which makes the
        // floor a quarter faster.
        batch(known, &frame, out, 1);
    }
}

/// Processes one message; returns the bytes after it, or `None` where the crate would refuse the
/// frame or the message, or wait for more input.
fn one<'r>(known: &Known, read: &'r [u8], out: &mut Outputs) -> Option<&'r [u8]> {
    let header: &[u8; 12] = read.first_chunk()?;
    let length = u32::try_from(i32::from_be_bytes(four(header, 0))).ok()?;
    if length >= known.limit {
        return None;
    }
    let (frame, rest) = read.split_at_checked(12 + usize::try_from(length).ok()?)?;
    let (command, flags) = (header[8], header[10]);
    let message: &[u8; 48] = frame.first_chunk()?;
    let customer = (eight(message, 12), eight(message, 20));
    let seller = eight(message, 36);
    let receiver = match command {
        CUSTOMER if customer == (known.appid, known.uid) && seller != 0 => {
            (known.kefu_appid, seller)
        }
        CUSTOMER_SUPPORT if known.appid == known.kefu_appid && seller == known.uid => customer,
        _ => return None,
    };
    let sender = (known.appid, known.uid);
    if flags & UNPERSISTENT != 0 {
        out.app.to = receiver;
        put_chat_frame(known, frame, &mut out.app.frame);
    } else {
        let msgids = [out.next_msgid(), out.next_msgid()];
        let [to_receiver, to_sender] = &mut out.stored;
        store(known, receiver, frame, to_receiver);
        store(known, sender, frame, to_sender);
        out.push.to = receiver;
        put_chat_frame(known, frame, &mut out.push.frame);
        out.app.to = receiver;
        put_sync_notify(msgids[0], &mut out.app.frame);
        out.own.to = sender;
        put_sync_notify(msgids[1], &mut out.own.frame);
    }
    put_ack(four(header, 4), &mut out.ack.frame);
    Some(rest)
}

/// Copies the body at once, then overwrites the client's time with the server's.
fn store(known: &Known, queue: (i64, i64), frame: &[u8], stored: &mut Stored) {
    stored.queue = queue;
    stored.device_id = known.device_id;
    stored.command = frame[8];
    stored.body.fresh().extend_from_slice(&frame[12..]);
    stored.body.written()[32..36].copy_from_slice(&known.now.to_be_bytes());
}

/// Copies the frame at once, then writes a zero as the header's last byte, and the server's time.
fn put_chat_frame(known: &Known, frame: &[u8], dst: &mut Buffer) {
    dst.fresh().extend_from_slice(frame);
    let written = dst.written();
    written[11] = 0;
    written[44..48].copy_from_slice(&known.now.to_be_bytes());
}

fn put_sync_notify(msgid: i64, dst: &mut Buffer) {
    let mut frame = [0; 20];
    frame[3] = 8;
    frame[8] = SYNC_NOTIFY;
    frame[12..].copy_from_slice(&msgid.to_be_bytes());
    dst.fresh().extend_from_slice(&frame);
}

fn put_ack(seq: [u8; 4], dst: &mut Buffer) {
    let mut frame = [0; 16];
    frame[3] = 4;
    frame[8] = ACK;
    frame[12..].copy_from_slice(&seq);
    dst.fresh().extend_from_slice(&frame);
}

fn four<const N: usize>(bytes: &[u8; N], at: usize) -> [u8; 4] {
    [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
}

fn eight<const N: usize>(bytes: &[u8; N], at: usize) -> i64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    i64::from_be_bytes(number)
}
