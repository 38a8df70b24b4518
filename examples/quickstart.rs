//! A customer's message and a seller's reply, from bytes to applied effects.
//!
//! `cargo run --example quickstart`

use std::error::Error;
use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, AppId, Body, Config, CustomerMessage, DeviceId, Effect, Encode, Flags, FrameDecoder,
    FrameLimit, Identity, Message, MsgId, Outbound, Parsed, SaveMessage, Seq, Session, StoreId,
    UnixTime, UserId, Version,
};

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::new(AppId(1453))?;
    let customer = Account::new(AppId(7), UserId(1));
    let seller = Account::new(config.kefu_appid(), UserId(2));
    let mut host = Host { store: Vec::new(), network: io::stdout().lock() };

    let question = Body::Customer(text(customer, seller, r#"{"text":"is it in stock?"}"#));
    let session = Session::new(config, Identity::new(customer, DeviceId(11))?);
    host.receive(&session, &mut from_the_wire(question)?)?;

    let answer = Body::CustomerSupport(text(customer, seller, r#"{"text":"yes"}"#));
    let session = Session::new(config, Identity::new(seller, DeviceId(12))?);
    host.receive(&session, &mut from_the_wire(answer)?)?;
    Ok(())
}

/// A host keeps messages and sends them. This one keeps them in a list and prints everything else.
struct Host<W> {
    store: Vec<(Account, Bytes)>,
    network: W,
}

impl<W: Write> Host<W> {
    fn receive(&mut self, session: &Session, read: &mut BytesMut) -> Result<(), Box<dyn Error>> {
        let now = UnixTime::from_secs(1_500_000_000)?; // a real host asks its clock
        while let Some(frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(read)? {
            let Parsed::Message(message) = frame.parse()? else { continue };
            let from = session.identity().account();
            writeln!(self.network, "{} from {from}", message.command())?;
            let effects = session.handle(message, now)?.save_with(|save| self.append(save))?;
            for effect in &effects {
                self.apply(effect)?;
            }
        }
        Ok(())
    }

    /// A store answers with the id of the copy: here, its place in the list.
    fn append(&mut self, save: SaveMessage<'_>) -> Result<MsgId, Box<dyn Error>> {
        let mut body = BytesMut::new();
        save.message().encode_body(&mut body)?;
        self.store.push((save.queue(), body.freeze()));
        let msgid = MsgId(i64::try_from(self.store.len())?);
        self.print("SaveMessage", &save.queue(), &Outbound::Chat(save.message()), Some(msgid))?;
        Ok(msgid)
    }

    fn apply(&mut self, effect: Effect<'_>) -> Result<(), Box<dyn Error>> {
        let message = effect.message();
        let msgid = match message {
            Outbound::SyncNotify(msgid) => Some(msgid),
            _ => None,
        };
        match effect.to() {
            Some(to) => self.print(effect.name(), &to, &message, msgid),
            None => self.print(effect.name(), &"this connection", &message, msgid),
        }
    }

    fn print(
        &mut self,
        effect: &str,
        to: &dyn ToString,
        message: &Outbound<'_>,
        msgid: Option<MsgId>,
    ) -> Result<(), Box<dyn Error>> {
        let mut frame = BytesMut::new();
        message.encode(&mut frame)?;
        let (to, command) = (to.to_string(), message.command());
        let msgid = msgid.map_or(String::new(), |msgid| format!("msgid {msgid}"));
        writeln!(self.network, "  {effect:<14}  {to:<15}  {command:<16}  {msgid:<7}  {frame:x}")?;
        Ok(())
    }
}

/// What the two say to each other: both name the same customer and the same seller.
fn text(customer: Account, seller: Account, content: &'static str) -> CustomerMessage {
    CustomerMessage {
        customer_appid: customer.appid,
        customer_id: customer.uid,
        store_id: StoreId(1),
        seller_id: seller.uid,
        timestamp: UnixTime::from(0), // the server's time is put there
        content: Bytes::from_static(content.as_bytes()),
    }
}

/// The bytes that a client would send.
fn from_the_wire(body: Body) -> Result<BytesMut, Box<dyn Error>> {
    let mut bytes = BytesMut::new();
    Message { seq: Seq(3), version: Version(1), flags: Flags::NONE, body }.encode(&mut bytes)?;
    Ok(bytes)
}
