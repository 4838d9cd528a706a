//! The maintenance loop: rotation, vacuum and whatever else the database lists (contract `pgqd.md` section 10).
//!
//! Departures: a vacuum that succeeded is followed by the next operation; an operation that failed is followed by the
//! next one too, and the run, not counted, is repeated after 20 seconds.

use std::collections::VecDeque;
use std::time::Duration;

use pgq_client::text::quoting::{quote_ident, quote_literal};
use tracing::{debug, error, warn};

use crate::cycle::{Backoff, Cycle, Outcome, Row, Step};
use crate::database::Database;

/// After a run in which the server refused a statement.
const AFTER_REFUSAL: Duration = Duration::from_secs(20);

/// Longest wait after the connection was lost.
const AFTER_LOSS: Duration = Duration::from_secs(60);

/// Longest name in bytes; what is longer cannot be the name of anything.
const LONGEST_NAME: usize = 250;

const HAS_OPERATIONS: &str = "select 1 from pg_catalog.pg_proc p, pg_catalog.pg_namespace n \
                              where n.oid = p.pronamespace and n.nspname = 'pgq' and p.proname = 'maint_operations'";
const OPERATIONS: &str = "select func_name, func_arg from pgq.maint_operations()";
const OLD_QUEUES: &str = "select queue_name from pgq.get_queue_info()";
const OLD_ROTATION_END: &str = "select pgq.maint_rotate_tables_step2()";
const OLD_VACUUM_LIST: &str = "select * from pgq.maint_tables_to_vacuum()";

/// The loop and where it stands.
pub struct Maintenance<'a> {
    db: &'a Database,
    asked: Asked,
    /// What is left of this run, the running operation first.
    left: VecDeque<Operation>,
    /// Whether the database lists its operations; asked until it does.
    lists_operations: bool,
    /// Whether some operation of this run failed.
    failed: bool,
    backoff: Backoff,
}

/// The statement whose outcome comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    HasOperations,
    Operations,
    /// The first one of `left`.
    Operation,
    /// The queues of a pgq that does not list its operations.
    OldQueues,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Operation {
    statement: String,
    after: After,
}

/// What the answer to an operation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// A number that is not zero: there is more, do it again.
    Again,
    /// Nothing.
    Ignored,
    /// Each row names a table to vacuum.
    Vacuum,
}

impl<'a> Maintenance<'a> {
    /// For one database.
    pub fn new(db: &'a Database) -> Self {
        Maintenance {
            db,
            asked: Asked::HasOperations,
            left: VecDeque::new(),
            lists_operations: false,
            failed: false,
            backoff: Backoff::up_to(AFTER_LOSS),
        }
    }

    fn ask(&mut self, asked: Asked, statement: &str) -> Step {
        self.asked = asked;
        Step::Query(statement.to_owned())
    }

    fn begin(&mut self) -> Step {
        debug!("{}: starting maintenance", self.db);
        self.left.clear();
        self.failed = false;
        if self.lists_operations {
            self.ask(Asked::Operations, OPERATIONS)
        } else {
            self.ask(Asked::HasOperations, HAS_OPERATIONS)
        }
    }

    fn answered(&mut self, rows: &[Row]) -> Step {
        self.backoff.reset();
        match self.asked {
            Asked::HasOperations if rows.is_empty() => self.ask(Asked::OldQueues, OLD_QUEUES),
            Asked::HasOperations => {
                self.lists_operations = true;
                self.ask(Asked::Operations, OPERATIONS)
            }
            Asked::Operations => {
                self.left = rows.iter().filter_map(|row| listed_operation(row)).collect();
                self.operate()
            }
            Asked::OldQueues => {
                self.left = old_operations(rows);
                self.operate()
            }
            Asked::Operation => {
                match self.left.front().map(|operation| operation.after) {
                    Some(After::Again) if has_more(rows) => return self.operate(),
                    Some(After::Vacuum) => self.left.extend(rows.iter().filter_map(|row| {
                        let table = row.first()?.as_deref()?;
                        Some(operation(format!("vacuum {table}"), After::Ignored))
                    })),
                    _ => {}
                }
                self.next_operation()
            }
        }
    }

    fn next_operation(&mut self) -> Step {
        self.left.pop_front();
        self.operate()
    }

    /// Runs the first operation that is left.
    fn operate(&mut self) -> Step {
        let db = self.db;
        if let Some(operation) = self.left.front() {
            let statement = operation.statement.clone();
            debug!("{db}: [{statement}]");
            return self.ask(Asked::Operation, &statement);
        }
        if self.failed {
            return Step::Reconnect(AFTER_REFUSAL);
        }
        if self.lists_operations {
            db.stats().count_maint();
        }
        Step::Reconnect(db.settings().maint_period)
    }
}

impl Cycle for Maintenance<'_> {
    const NAME: &'static str = "maint";

    fn next_step(&mut self, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Connected => self.begin(),
            Outcome::Rows(rows) => self.answered(&rows),
            Outcome::Done if self.asked == Asked::Operation => self.next_operation(),
            Outcome::Refused if self.asked == Asked::Operation => {
                self.failed = true;
                self.next_operation()
            }
            // Without the list there is nothing to do; nothing pauses or looks here.
            Outcome::Done
            | Outcome::Refused
            | Outcome::Paused
            | Outcome::Rested
            | Outcome::Blind => Step::Reconnect(AFTER_REFUSAL),
            Outcome::Lost => {
                warn!("{}: default reconnect", self.db);
                Step::Reconnect(self.backoff.wait())
            }
        }
    }
}

fn operation(statement: String, after: After) -> Operation {
    Operation { statement, after }
}

/// A row of `pgq.maint_operations`; `None` when its name or table cannot exist.
fn listed_operation(row: &[Option<String>]) -> Option<Operation> {
    let column = |index: usize| row.get(index).and_then(Option::as_deref);
    let (function, argument) = (column(0).unwrap_or_default(), column(1));
    debug!("load_op: {function} / {}", argument.unwrap_or("NULL"));
    let command = function.to_ascii_lowercase();
    if command == "vacuum" || command == "vacuum analyze" {
        let table = argument.unwrap_or_default();
        let table = qualified(table).map_err(|length| bad_name("table", length)).ok()?;
        return Some(operation(format!("{function} {table}"), After::Ignored));
    }
    let function = qualified(function).map_err(|length| bad_name("func", length)).ok()?;
    let argument = argument.map(|text| quote_literal(Some(text))).unwrap_or_default();
    Some(operation(format!("select {function}({argument})"), After::Again))
}

fn bad_name(what: &str, length: usize) {
    error!("Bad {what} name? - {length}");
}

/// Schema and name, quoted where needed; schema `public` when there is no dot. The length when it is too long.
fn qualified(name: &str) -> Result<String, usize> {
    if name.len() > LONGEST_NAME {
        return Err(name.len());
    }
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    Ok(format!("{}.{}", quote_ident(schema), quote_ident(name)))
}

/// Whether the answer is a number other than zero, in its leading digits.
fn has_more(rows: &[Row]) -> bool {
    let text = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
    let text = text.unwrap_or_default().trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.bytes().take_while(u8::is_ascii_digit).any(|digit| digit != b'0')
}

/// What to do where the database does not list it: rotate each queue, then vacuum.
fn old_operations(queues: &[Row]) -> VecDeque<Operation> {
    let names = queues.iter().filter_map(|row| row.first()?.as_deref());
    let begin = names.map(|queue| {
        let queue = quote_literal(Some(queue));
        operation(format!("select pgq.maint_rotate_tables_step1({queue})"), After::Ignored)
    });
    let end = [
        operation(OLD_ROTATION_END.to_owned(), After::Ignored),
        operation(OLD_VACUUM_LIST.to_owned(), After::Vacuum),
    ];
    begin.chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::tests::database;

    fn rows(rows: &[&[Option<&str>]]) -> Outcome {
        let row = |row: &&[Option<&str>]| row.iter().map(|text| text.map(str::to_owned)).collect();
        Outcome::Rows(rows.iter().map(row).collect())
    }

    fn answer(text: &str) -> Outcome {
        rows(&[&[Some(text)]])
    }

    fn query(text: &str) -> Step {
        Step::Query(text.to_owned())
    }

    fn reconnect(seconds: u64) -> Step {
        Step::Reconnect(Duration::from_secs(seconds))
    }

    /// A loop that has asked for the list of operations.
    fn asked_for_operations(db: &Database) -> Maintenance<'_> {
        let mut maint = Maintenance::new(db);
        assert_eq!(maint.next_step(Outcome::Connected), query(HAS_OPERATIONS));
        assert_eq!(maint.next_step(answer("1")), query(OPERATIONS));
        maint
    }

    #[test]
    fn one_operation_after_the_other() {
        let db = database("maint_period = 9");
        let mut maint = asked_for_operations(&db);
        let list = rows(&[
            &[Some("pgq.maint_rotate_tables_step1"), Some("q'1")],
            &[Some("pgq.maint_rotate_tables_step2"), None],
            &[Some("Vacuum"), Some("pgq.Event")],
            &[Some("op"), Some("x")],
        ]);
        assert_eq!(maint.next_step(list), query("select pgq.maint_rotate_tables_step1('q''1')"));
        assert_eq!(
            maint.next_step(answer("1")),
            query("select pgq.maint_rotate_tables_step1('q''1')")
        );
        assert_eq!(maint.next_step(answer("0")), query("select pgq.maint_rotate_tables_step2()"));
        assert_eq!(maint.next_step(answer("")), query("Vacuum pgq.\"Event\""));
        assert_eq!(maint.next_step(Outcome::Done), query("select public.op('x')"));
        assert_eq!(maint.next_step(rows(&[])), reconnect(9));
        assert_eq!(db.stats().take().maint, 1);
        // The second run does not ask again whether there is a list.
        assert_eq!(maint.next_step(Outcome::Connected), query(OPERATIONS));
        assert_eq!(maint.next_step(rows(&[])), reconnect(9));
        assert_eq!(db.stats().take().maint, 1);
    }

    #[test]
    fn a_failed_operation_does_not_stop_the_others() {
        let db = database("");
        let mut maint = asked_for_operations(&db);
        assert_eq!(
            maint.next_step(rows(&[&[Some("a.f"), None], &[Some("a.g"), None]])),
            query("select a.f()")
        );
        assert_eq!(maint.next_step(Outcome::Refused), query("select a.g()"));
        assert_eq!(maint.next_step(answer("0")), reconnect(20));
        assert_eq!(db.stats().take().maint, 0);
        maint.next_step(Outcome::Connected);
        assert_eq!(maint.next_step(rows(&[])), reconnect(120));
        assert_eq!(db.stats().take().maint, 1);
    }

    #[test]
    fn failures() {
        let db = database("");
        let mut maint = asked_for_operations(&db);
        assert_eq!(maint.next_step(Outcome::Refused), reconnect(20));
        maint.next_step(Outcome::Connected);
        maint.next_step(rows(&[&[Some("a.f"), None]]));
        assert_eq!(maint.next_step(Outcome::Lost), reconnect(1));
        assert_eq!(maint.next_step(Outcome::Lost), reconnect(2));
        assert_eq!(maint.next_step(Outcome::Connected), query(OPERATIONS));
    }

    #[test]
    fn an_old_pgq_lists_nothing() {
        let db = database("maint_period = 9");
        let mut maint = Maintenance::new(&db);
        maint.next_step(Outcome::Connected);
        assert_eq!(maint.next_step(rows(&[])), query(OLD_QUEUES));
        assert_eq!(
            maint.next_step(answer("q")),
            query("select pgq.maint_rotate_tables_step1('q')")
        );
        assert_eq!(maint.next_step(answer("5")), query(OLD_ROTATION_END));
        assert_eq!(maint.next_step(answer("5")), query(OLD_VACUUM_LIST));
        assert_eq!(maint.next_step(rows(&[&[Some("a.b")], &[Some("c")]])), query("vacuum a.b"));
        assert_eq!(maint.next_step(Outcome::Done), query("vacuum c"));
        assert_eq!(maint.next_step(Outcome::Done), reconnect(9));
        assert_eq!(db.stats().take().maint, 0);
    }

    #[test]
    fn names() {
        assert_eq!(qualified("op"), Ok("public.op".to_owned()));
        assert_eq!(qualified("Foo.Bar x"), Ok("\"Foo\".\"Bar x\"".to_owned()));
        assert_eq!(qualified("a.b.c"), Ok("a.\"b.c\"".to_owned()));
        assert_eq!(qualified(&"x".repeat(251)), Err(251));
        assert_eq!(listed_operation(&[Some("x".repeat(300)), None]), None);
        assert_eq!(listed_operation(&[Some("vacuum".to_owned()), Some("x".repeat(300))]), None);
    }

    #[test]
    fn numbers_that_mean_more() {
        let more = |text: Option<&str>| has_more(&[vec![text.map(str::to_owned)]]);
        for yes in ["1", "-1", "10 rows", " 007"] {
            assert!(more(Some(yes)), "{yes}");
        }
        for no in ["0", "", "x1", "0x5", "-"] {
            assert!(!more(Some(no)), "{no}");
        }
        assert!(!more(None));
        assert!(!has_more(&[]));
    }
}
