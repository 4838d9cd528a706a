//! A history sent to the source.

use super::history::Step;
use super::world::{Side, World, in_schema};

/// How transactions come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transactions {
    /// As they are.
    Real,
    /// All within one that is open already, as savepoints.
    Nested,
}

/// Sends steps to a session of the source, in the world's schema.
#[derive(Debug)]
pub struct Player<'a> {
    transactions: Transactions,
    schema: &'a str,
    defer_again: String,
    open: bool,
    savepoints: usize,
    /// Changes not sent yet. Where nobody else works at the same time they go together, which saves most of the time.
    waiting: Vec<String>,
}

impl<'a> Player<'a> {
    /// For one history, at its beginning.
    pub fn new(world: &World, schema: &'a str, transactions: Transactions) -> Self {
        let defer_again = in_schema(&world.defer_again(Side::Source), schema);
        Self { transactions, schema, defer_again, open: false, savepoints: 0, waiting: Vec::new() }
    }

    /// Carries a step out as far as it happens at the source. `ask` sends statements and says whether the server took
    /// them.
    pub fn play(&mut self, step: &Step, ask: &mut dyn FnMut(&str) -> bool) {
        let nested = self.transactions == Transactions::Nested;
        if !matches!(step, Step::Change(_)) && !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting).concat();
            must(ask, &format!("do $changes$ begin {waiting} end $changes$"));
        }
        match step {
            Step::Change(sql) if nested => {
                self.begin(ask);
                let sql = in_schema(sql, self.schema);
                self.waiting.push(format!("begin {sql}; exception when others then end; "));
            }
            Step::Change(sql) => {
                self.begin(ask);
                let sql = in_schema(sql, self.schema);
                if !ask(&format!("savepoint change; {sql}; release change")) {
                    must(ask, "rollback to change; release change");
                }
            }
            Step::Savepoint => {
                self.begin(ask);
                self.savepoints += 1;
                must(ask, &format!("savepoint s{}", self.savepoints));
            }
            Step::RollbackTo if self.savepoints > 0 => {
                must(ask, &format!("rollback to s{0}; release s{0}", self.savepoints));
                self.savepoints -= 1;
            }
            Step::RollbackTo => {}
            Step::Commit | Step::Tick | Step::OnLeaves(_) if self.open => {
                if nested {
                    // What a commit would check.
                    let end = if ask("set constraints all immediate") {
                        format!("{}; release history", self.defer_again)
                    } else {
                        "rollback to history; release history".to_owned()
                    };
                    must(ask, &end);
                } else {
                    // A refusal is a rollback.
                    ask("commit");
                }
                self.end();
            }
            Step::Rollback if self.open => {
                must(ask, if nested { "rollback to history; release history" } else { "rollback" });
                self.end();
            }
            Step::Commit | Step::Tick | Step::OnLeaves(_) | Step::Rollback => {}
        }
    }

    fn begin(&mut self, ask: &mut dyn FnMut(&str) -> bool) {
        if !self.open {
            let nested = self.transactions == Transactions::Nested;
            must(ask, if nested { "savepoint history" } else { "begin" });
            self.open = true;
        }
    }

    fn end(&mut self) {
        (self.open, self.savepoints) = (false, 0);
    }
}

fn must(ask: &mut dyn FnMut(&str) -> bool, sql: &str) {
    assert!(ask(sql), "the server refuses: {sql}");
}
