//! A client for tests of hosts, without I/O: it makes the frames of a real client of either version
//! and does what real clients do with those that it reads.
//!
//! It asks for what its queue holds when it is notified beyond its key, tells the server to keep
//! that key after an answer, takes the live copies that it can place, and remembers what has no ACK
//! yet, to send it again when it has logged in on its next connection.
//!
//! ```
//! use bytes::BytesMut;
//! use kefu_proto::client::{Client, Kind};
//! use kefu_proto::{Account, AppId, Body, Config, Encode, Flags, Message, MsgId, Seq, UserId};
//!
//! let customer = Account::new(AppId(7), UserId(1));
//! let seller = Account::new(AppId(1453), UserId(2));
//! let mut client = Client::new(Config::new(AppId(1453))?, customer, Kind::V1, "phone");
//!
//! let mut out = BytesMut::new(); // to be sent
//! client.log_in("tok-7-1", &mut out);
//! assert_eq!(client.say(seller, Flags::NONE, "hi", &mut out), Seq(2));
//! assert_eq!(client.in_flight(), 1);
//!
//! let mut read = BytesMut::new(); // what a server would answer
//! Message::from(Body::Ack(Seq(2).into())).encode(&mut read)?;
//! Message::from(Body::SyncNotify(MsgId(32))).encode(&mut read)?;
//! out.clear();
//! while let Some(message) = client.receive(&mut read, &mut out)? {
//!     println!("{:?}", message.body);
//! }
//! assert_eq!(client.in_flight(), 0);
//! assert_eq!(&out[..], b"\0\0\0\x08\0\0\0\x03\x1a\x01\0\0\0\0\0\0\0\0\0\0"); // SYNC 0
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod kind;
mod link;
mod reading;
mod speaking;
mod trace;

pub use kind::Kind;
pub use speaking::Client;
