//! The tables of a set on this node: their states, what to do next, what is known of them.

pub mod attrs;
pub(crate) mod belonging;
pub mod registry;
pub mod source;
pub mod state;
pub mod sync;
pub mod sync_copy;
