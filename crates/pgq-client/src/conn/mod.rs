//! Connections: everything libpq accepts in a connection string, plus its environment, files and TLS modes.
//!
//! [`conninfo`] reads the string, `defaults` adds what service file and environment say, `parameters` checks all of it,
//! `attempt` tries one place after the other, [`session`] is what comes out.

mod attempt;
pub mod conninfo;
mod defaults;
mod inbox;
mod parameters;
mod passfile;
mod service;
pub mod session;
mod tls;

pub use conninfo::ConnInfo;
pub use session::{Canceller, Notice, Session, connect, connect_to};
