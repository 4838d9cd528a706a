//! The initial copy of a table and its hand-over to the worker.
//!
//! Contract `worker.md` section 18. The worker decides when a table is copied and owns the copies as [`CopyTasks`]; the
//! command `londiste INI copy TABLE` does the same work in a process of its own ([`run_process`]). Reading guide: `run` is
//! a task's loop and carries out what [`crate::table::sync_copy`] decides; `source` knows where rows and events come
//! from, `queue` asks it about ticks; `rows` is the copy itself, with `columns`, `pipe` and `progress` for its parts, `parallel`
//! for large tables, `renew` for those that other queues fill as well, `structure` for their indexes afterwards and `watch` to say how far it is and to give way to an operator;
//! `replay` brings the table up to date until the worker takes over, and `arrivals` knows when it comes no closer.
//!
//! Departures from the original:
//! * copies are tasks of the worker, and a copy that died is started again;
//! * a position that is already stored is never moved, except while the table's rows are still to be copied;
//! * the copy starts without waiting for a batch, and makes ticks itself where it may, so that nobody waits for idle
//!   ticks;
//! * `custom_snapshot` goes when the table becomes ok: the hand-over is past it;
//! * `threaded_copy_tables` are split by ranges of pages of one snapshot, and what was dropped is stored before;
//! * an unknown `copy_node` is an error, and the destination is always analysed.

mod arrivals;
mod columns;
mod parallel;
mod pipe;
mod process;
mod progress;
mod queue;
mod renew;
mod replay;
mod rows;
mod run;
mod source;
mod structure;
mod tasks;
mod watch;

pub use process::run_process;
pub(crate) use progress::clock;
pub(crate) use source::hold;
pub use source::{copy_consumer, is_copy_of, leftovers};
pub use tasks::CopyTasks;
pub(crate) use tasks::pidfile_suffix;
