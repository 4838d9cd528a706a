//! Whole-system scenarios: they read like an operator's shell session. A module per story.
//!
//! [`diary`] has the tables, the load and the cast that most stories share.

mod bad_input;
mod capture;
mod capture_cases;
mod compare;
mod copies;
mod copy_crashes;
mod cross_version;
mod defects;
mod diary;
mod differential;
mod dump;
mod encodings;
mod execute_failure;
mod faults;
mod fkeys;
mod grants;
mod handover;
mod happy_path;
mod install;
mod interface;
mod keys;
mod merge;
mod mistakes;
mod odd_names;
mod outputs;
mod packages;
mod partial;
mod partitions;
mod replay;
mod replay_differential;
mod resync;
mod rights;
mod sample_files;
mod secrets;
mod session_settings;
mod sql_install;
mod sql_node;
mod sql_pgq;
mod testkit;
mod two_nodes;
mod two_workers;
mod values;
