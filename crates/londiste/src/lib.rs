//! The replication tool and its worker: what `londiste INI COMMAND` does.
//!
//! Reading guide: [`cli`] turns the command line into a command and settings, [`command`] holds a file per command,
//! [`job`] is what every command works with (settings and connections), [`calls`] the SQL functions of schema
//! `londiste`. The worker is [`replay`] with [`copy`] for tables that are new; both decide by [`table`].
//! [`ddl`], [`fkeys`] and [`handler`] serve them; [`quiet`] knows which failures are only warnings, [`hint`]
//! what helps against refusals; [`datacheck`] proves that both sides are equal; [`execute`] runs
//! scripts on every node.

pub mod calls;
pub mod cli;
pub mod command;
pub mod config;
pub mod copy;
pub mod crash_point;
pub mod datacheck;
pub mod ddl;
pub mod execute;
pub mod fkeys;
pub mod handler;
pub mod hint;
pub mod job;
pub mod quiet;
pub mod replay;
pub mod table;

#[cfg(test)]
mod sets_and_rows;
