//! The library against real servers.

mod cascade;
mod connection;
mod judged_by_psql;
mod queue;
mod quoting;
mod same_session;
mod schema;
mod support;
mod tls;
mod triggers;
