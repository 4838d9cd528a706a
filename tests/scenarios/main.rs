//! Whole-system scenarios: they read like an operator's shell session. A module per story.
//!
//! [`diary`] has the tables, the load and the cast that most stories share.

mod diary;
mod happy_path;
mod testkit;
