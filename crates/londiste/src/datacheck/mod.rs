//! Proof that both sides hold the same rows.
//!
//! [`mod@sides`] finds the tables and their source; [`freeze`] makes both sides stand at the same point of the queue for the
//! moment in which their snapshots are taken; [`compare`] counts and sums on those snapshots and [`mod@format`] prints the sums the
//! operator's way.

pub mod compare;
pub mod format;
pub mod freeze;
mod sides;
