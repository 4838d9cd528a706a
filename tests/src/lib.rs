//! The testkit: real PostgreSQL clusters, real daemons, and patience.
//!
//! Reading order:
//! - [`folder`]: the one temporary folder of a test process, and the watchdog that empties it whatever happens;
//! - [`server`]: where the server programs are, and which account may run them;
//! - [`cluster`]: `initdb`, start, stop and restart of a throw-away server; one is shared by all tests;
//! - [`installation`]: a copy of the server's programs with an extension folder of our own;
//! - [`database`]: a database per test, with short ways to ask it things;
//! - [`schemas`]: databases with the SQL schemas of either side, and scripts run against them;
//! - [`answers`]: what such a script says, against what it said before;
//! - [`under_test`]: whose `londiste` and `pgqd` are run (ours or the reference's) and what one run said;
//! - [`daemon`], [`node`], [`ticker`]: a londiste node and a ticker as an operator sets them up;
//! - [`random`], [`hunt`], [`shrink`]: chance with a seed, the search with it, and the short form of what it found;
//! - [`histories`]: random tables and changes of their rows;
//! - [`table_dump`]: what tables are made of, to be compared;
//! - [`wait`]: wait for a state with a deadline; [`normalise`]: outputs made comparable.
//!
//! A test says what must be true and panics where it is not. So does this library: a function that cannot do
//! its work panics, at the caller's line, with a message that says what to do. Only what a test may want to go
//! wrong (a query while the server is down, a program's exit code) is returned.

pub mod answers;
pub mod cluster;
pub mod daemon;
pub mod database;
pub mod folder;
pub mod histories;
pub mod hunt;
pub mod installation;
pub mod node;
pub mod normalise;
pub mod random;
pub mod schemas;
pub mod server;
pub mod shrink;
pub mod table_dump;
pub mod ticker;
pub mod under_test;
pub mod wait;

pub use cluster::Cluster;
pub use database::Database;
pub use installation::Installation;
pub use node::Node;
pub use ticker::Ticker;
pub use under_test::{Impl, Outcome, Program, run};
pub use wait::{holds, wait_for};
