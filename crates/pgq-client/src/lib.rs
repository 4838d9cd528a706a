//! PgQ, cascaded queues and the schemas behind them, for PostgreSQL.
//!
//! No printing, no arguments, no signals: programs decide. Reading guide: [`conn`] opens connections from everything
//! libpq accepts; [`schema`] installs the server side; [`name`] and [`id`] are the words of the domain; [`event`] is what
//! travels, [`text`] how it is written; [`calls`] is one function per SQL function; [`producer`] writes events, [`consumer`]
//! walks batches of them.

pub mod calls;
pub mod conn;
pub mod consumer;
pub mod error;
pub mod event;
pub mod id;
pub mod name;
pub mod producer;
pub mod schema;
pub mod snapshot;
pub mod text;

pub use error::{Error, Result};
