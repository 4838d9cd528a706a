//! Random tables with random histories, for tests that apply the same changes in two ways.
//!
//! A [`World`] is a few tables that belong together, with what is particular about them at the source and how they differ
//! on a leaf; a history is a list of [`Step`]s that change their rows. Both come out of a seed. Every step makes sense
//! whatever was left out before it, so a history can be made shorter by leaving steps out; what the server refuses just
//! does not happen. Names of tables are written `@.t`, where `@` is the schema that a run gives the world.
//!
//! [`kinds`] are the types, `table` and `twist` what is made of them, `statements` the changes; `play` sends a history to the source.

mod history;
pub mod kinds;
mod play;
mod statements;
mod table;
mod twist;
mod world;

pub use history::{Step, from_seed};
pub use play::{Player, Transactions};
pub use world::{PRINTING, Side, World, in_schema};
