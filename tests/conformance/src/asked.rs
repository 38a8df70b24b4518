//! What the crate's handler asks for, in the words of a case.

use kefu_proto::{Account, Appended, Command, Delivery, DeviceId, Encode, EncodeError};
use kefu_proto::{MsgId, Outbound, Parsed, Refusal, SaveMessage, Session, UnixTime};

use crate::case::{Effect, Format, Hex, Meta, SaveResult};
use crate::fields::keys;
use crate::reference::handler::Outcome;

pub(crate) fn outcome(
    session: &Session,
    parsed: Option<Parsed>,
    now: UnixTime,
    format: Format,
    answers: &[Option<SaveResult>],
) -> Result<Outcome, EncodeError> {
    let message = match parsed {
        Some(Parsed::Message(message)) => message,
        Some(Parsed::Unlisted(_)) => return Ok(Outcome::nothing("ignored")),
        None => return Ok(Outcome::nothing("undecodable")),
    };
    let way = match message.command() {
        Command::CUSTOMER => "customer",
        Command::CUSTOMER_SUPPORT => "support",
        _ => "v2",
    };
    match session.handle(message, now) {
        Ok(delivery) => delivered(session, way, delivery, format, answers),
        Err(refusal) => Ok(Outcome::nothing(label(refusal))),
    }
}

fn delivered(
    session: &Session,
    way: &str,
    delivery: Delivery,
    format: Format,
    answers: &[Option<SaveResult>],
) -> Result<Outcome, EncodeError> {
    let accepted = match (way, delivery.is_persistent()) {
        ("v2", true) => "ok",
        (_, true) => "persistent-ok",
        (_, false) => "unpersistent-ok",
    };
    let mut effects = Vec::new();
    let mut answers = answers.iter().copied();
    let remaining = delivery.save_with(|save| {
        effects.push(saved(&save, format));
        // More saves than answers: a failure, too, and then effects are missing.
        answers.next().flatten().map(appended).ok_or(effects.len())
    });
    let branch = match remaining {
        Ok(remaining) => {
            let own = session.identity().account();
            effects.extend(remaining.iter().map(|effect| {
                let (to, message) = (effect.to().unwrap_or(own), effect.message());
                let meta = meta(format, message);
                recorded(effect.name(), to, None, &message, meta)
            }));
            format!("{way}/{accepted}")
        }
        Err(number) => format!("{way}/save{number}-error"),
    };
    Ok(Outcome { branch, effects: effects.into_iter().collect::<Result<_, _>>()? })
}

pub(crate) fn appended(saved: SaveResult) -> Appended {
    Appended { msgid: MsgId(saved.msgid()), previous: saved.previous().map(MsgId) }
}

fn saved(save: &SaveMessage<'_>, format: Format) -> Result<Effect, EncodeError> {
    let (message, device) = (save.message(), save.device_id());
    recorded("SaveMessage", save.queue(), Some(device), message, none(format))
}

fn meta(format: Format, message: Outbound<'_>) -> Meta {
    keys(message).map_or(none(format), Meta::Keys)
}

/// A field that version 1 does not have.
fn none(format: Format) -> Meta {
    if format == Format::V1 { Meta::Unknown } else { Meta::None }
}

fn recorded(
    op: &str,
    to: Account,
    device_id: Option<DeviceId>,
    message: &impl Encode,
    meta: Meta,
) -> Result<Effect, EncodeError> {
    Ok(Effect {
        op: op.to_owned(),
        appid: to.appid.0,
        uid: to.uid.0,
        device_id: device_id.map(i64::from),
        cmd: message.command().0,
        seq: message.seq().0,
        version: message.version().0,
        flag: message.flags().0,
        body_hex: body_of(message)?,
        meta,
    })
}

pub(crate) fn body_of(message: &impl Encode) -> Result<Hex, EncodeError> {
    let mut body = Vec::new();
    message.encode_body(&mut body)?;
    Ok(Hex(body))
}

/// The recordings' label for the check that a message failed first.
fn label(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::OtherCommand { .. } => "ignored",
        Refusal::CustomerAppIdMismatch { .. } => "customer/appid-mismatch",
        Refusal::CustomerIdMismatch { .. } => "customer/customer-id-mismatch",
        Refusal::SellerIdZero => "customer/seller-zero",
        Refusal::NotKefuApp { .. } => "support/not-kefu-appid",
        Refusal::SellerIdMismatch { .. } => "support/seller-mismatch",
        Refusal::SenderMismatch { .. } => "v2/sender-mismatch",
        Refusal::NoKefuSide { .. } => "v2/no-kefu-side",
        _ => "a refusal that was never recorded",
    }
}
