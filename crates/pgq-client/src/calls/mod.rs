//! One async function per SQL function, named after it.
//!
//! Every function takes any client (`&impl GenericClient`: a connection or an open transaction) and leaves transactions
//! to the caller. Each logs its statement with literals at DEBUG as `exec_cmd: SQL`, `exec_query: SQL` or
//! `display_table: SQL`, the texts operators know from the original.

pub mod pgq;
pub mod pgq_node;
pub mod reply;
pub mod statement;

pub use reply::{Reply, Severity};
