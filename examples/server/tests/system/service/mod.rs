//! Several servers on NATS that form one service.

mod cluster;
mod conversations;
mod delivery;
mod kills;
mod outage;
mod proxy;
mod pushes;
mod servers;
mod settings;
mod upgrade;
