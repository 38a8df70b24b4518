//! Several servers on NATS that form one service.

mod acks;
mod cluster;
mod conversations;
mod delivery;
mod kills;
mod long_queues;
mod outage;
mod proxy;
mod pushes;
pub(crate) mod servers;
mod settings;
mod streams;
mod upgrade;
