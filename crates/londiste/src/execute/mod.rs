//! Scripts that run once on every node, in order with the data.
//!
//! [`run`] is the command on the root and the replay on other nodes; [`attrs`] the header by which a script says where it
//! is needed, [`need`] whether it is needed here.

pub mod attrs;
pub mod need;
pub mod run;

pub use run::{LocalObjects, Script, command, replay};
