//! Proof that both sides hold the same rows, and the remedy where they do not.
//!
//! `sides` finds the tables and their source; [`freeze`] makes both sides stand at the same point of the queue for
//! the moment in which their snapshots are taken. On those snapshots [`compare`] counts and sums, and
//! [`mod@format`] prints the sums the operator's way; [`repair`] finds the rows that differ.

pub mod compare;
pub mod format;
pub mod freeze;
pub mod repair;
mod sides;
