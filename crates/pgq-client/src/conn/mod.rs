//! Connections: everything libpq accepts in a connection string, plus its environment, files and TLS modes.

pub mod conninfo;
pub mod defaults;
pub mod session;
pub mod tls;

pub use conninfo::ConnInfo;
pub use session::{Notice, Session, connect};
