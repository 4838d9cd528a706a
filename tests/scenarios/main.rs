//! Whole-system scenarios: they read like an operator's shell session. A module per story.

mod testkit;
