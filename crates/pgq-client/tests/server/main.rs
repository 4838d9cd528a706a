//! The library against real servers.

mod connection;
mod judged_by_psql;
mod schema;
mod support;
mod tls;
