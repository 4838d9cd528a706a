//! A table's structure: read, dropped before a copy, recreated after it; scripts split into statements.
//!
//! Contract `worker.md` section 19. [`mod@load`] reads from the catalogs what stands between a table and a fast copy,
//! [`mod@create`] and [`mod@drop`] say it as SQL, [`mod@indexes`] finds in stored SQL what can be made side by side; [`mod@table`] and [`mod@sequence`] are for `--create`,
//! [`mod@relation`] for `--create-full`, [`mod@split`] for scripts. Departures from the original, all in favour of "as it was before":
//!
//! * Rules stay: COPY does not fire them. The inheritance parent stays too, unless the copy commits before it is
//!   complete and the parent must not show half of it ([`load::Purpose::Interrupted`]).
//! * What cannot or need not be recreated stays: constraints and indexes that belong to a parent, constraints that a
//!   view, a function or a remaining foreign key depends on, indexes that are not valid (`truncate` rebuilds them).
//! * Storage parameters, tablespaces, comments, statistics targets and the replica identity come back.

pub mod create;
pub mod differences;
pub mod drop;
pub mod indexes;
pub mod load;
pub mod relation;
pub mod sequence;
pub mod split;
pub mod table;

pub use load::{Purpose, Structure, load_structure};
pub use sequence::{SequenceDefinition, load_sequence};
pub use table::{TableDefinition, load_table};
