//! The library against real servers.

mod connection;
mod support;
mod tls;
