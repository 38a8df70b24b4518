//! Who gets in, and who has to go.

mod admin;
mod floods;
mod origin;
mod proxy_protocol;
mod timeouts;
