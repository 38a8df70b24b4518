//! Properties of every message, every stream and every session, tried on generated input.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod bodies;
mod codec;
mod handler;
mod strategies;
mod stream;
mod writer;

use kefu_proto::{Body, ChatMessage, Command, CustomerMessage, Encode, Message};

/// What is in a chat message besides its head: a `Message` shows it.
fn text(message: &ChatMessage) -> CustomerMessage {
    match Message::from(message.clone()).body {
        Body::Customer(text) | Body::CustomerSupport(text) => text,
        other => panic!("{other:?} is no chat message"),
    }
}

fn from_customer(message: &ChatMessage) -> bool {
    message.command() == Command::CUSTOMER
}

/// The same message with another text.
fn with_text(message: &ChatMessage, text: CustomerMessage) -> ChatMessage {
    let body =
        if from_customer(message) { Body::Customer(text) } else { Body::CustomerSupport(text) };
    ChatMessage::try_from(Message { body, ..Message::from(message.clone()) }).unwrap()
}
