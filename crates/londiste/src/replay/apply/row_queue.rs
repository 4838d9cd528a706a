//! Changes made one by one, in event order, without waiting for each answer.
//!
//! Statements are sent ahead of the answers to earlier ones (pipelining), so a far server costs its distance once per
//! queue and not once per row. Each answer belongs to its event: a refusal names the first event at fault.

use std::collections::VecDeque;

use pgq_client::Error;
use pgq_client::name::TableName;
use pgq_client::text::row::Op;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::super::replica::{self, OWN_PLANS, USUAL_PLANS};
use super::ahead::{self, Answer};
use super::statement::Form;
use super::target::{Change, Target};
use super::values::TextValue;
use super::{ApplyError, EventError, EventRef, Outlet};

/// How many statements are collected, and are on the way at the same time.
const QUEUE_ROWS: usize = 200;

/// How much event data may wait, in bytes.
const QUEUE_BYTES: usize = 1 << 20;

/// Changes waiting for their turn.
#[derive(Debug, Default)]
pub(super) struct RowQueue {
    pending: Vec<Pending>,
    bytes: usize,
    runs_code: bool,
}

#[derive(Debug)]
struct Pending {
    event: EventRef,
    does: Does,
    query: Query,
}

/// What a statement does.
#[derive(Debug)]
enum Does {
    /// Changes a row of a target.
    Change { place: usize, op: Op, expected: bool },
    /// Runs a function for an event of a table.
    Call { table: TableName },
}

#[derive(Debug)]
enum Query {
    Prepared { statement: Statement, values: Vec<Option<String>> },
    Text(String),
}

impl RowQueue {
    /// Adds a change; prepares its statement if that has not been done.
    pub(super) async fn push(
        &mut self,
        outlet: &mut Outlet<'_>,
        target: &mut Target,
        (place, expected): (usize, bool),
        event: EventRef,
        change: Change<'_>,
    ) -> Result<(), ApplyError> {
        let (op, query) = match change {
            Change::Fragment { op, sql } => {
                self.bytes += sql.len();
                (op, Query::Text(sql))
            }
            Change::Row { op, columns } => {
                let slots: Vec<_> = columns.iter().map(|(slot, _)| *slot).collect();
                let client = outlet.client().await?;
                let statement = target.statement(client, Form::Row(op), &slots).await;
                let statement = statement.map_err(|e| refused(event, &target.dest, e))?;
                let Some(statement) = statement else { return Ok(()) };
                self.bytes += columns.iter().filter_map(|(_, v)| v.map(str::len)).sum::<usize>();
                let values = columns.iter().map(|(_, value)| value.map(str::to_owned)).collect();
                (op, Query::Prepared { statement, values })
            }
        };
        self.runs_code |= target.relation.runs_code;
        self.pending.push(Pending { event, does: Does::Change { place, op, expected }, query });
        Ok(())
    }

    /// Adds the call of a function, which may do anything.
    pub(super) fn call(&mut self, table: &TableName, event: EventRef, sql: String) {
        self.runs_code = true;
        self.bytes += sql.len();
        let does = Does::Call { table: table.clone() };
        self.pending.push(Pending { event, does, query: Query::Text(sql) });
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether it is time to run.
    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= QUEUE_ROWS || self.bytes >= QUEUE_BYTES
    }

    /// Whether triggers or rules will run that may look at other tables.
    pub(super) fn runs_code(&self) -> bool {
        self.runs_code
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Makes all changes. Returns those that met no row, as target and operation.
    pub(super) async fn run(
        &mut self,
        client: &Client,
        targets: &[Target],
    ) -> Result<Vec<(usize, Op)>, ApplyError> {
        let queue = std::mem::take(self);
        if queue.runs_code {
            replica::set(client, USUAL_PLANS).await?;
        }
        let mut missed = Vec::new();
        let mut answers: VecDeque<(&Pending, Answer<'_, _>)> =
            VecDeque::with_capacity(queue.pending.len());
        for pending in &queue.pending {
            answers.push_back((pending, ahead::send(execute(client, &pending.query)).await));
        }
        while let Some((pending, answer)) = answers.pop_front() {
            let rows = answer.await.map_err(|e: tokio_postgres::Error| {
                // Not the statement: it may hold values.
                let (table, what) = match &pending.does {
                    Does::Change { place, op, .. } => {
                        let dest = &targets[*place].dest;
                        (dest, describe(*op, dest))
                    }
                    Does::Call { table } => (table, "the handler's function".to_owned()),
                };
                refused(pending.event, table, Error::sql(e, what))
            })?;
            if let Does::Change { place, op, expected: true } = pending.does
                && rows == 0
                && op != Op::Insert
            {
                missed.push((place, op));
            }
        }
        if queue.runs_code {
            replica::set(client, OWN_PLANS).await?;
        }
        Ok(missed)
    }
}

async fn execute(client: &Client, query: &Query) -> Result<u64, tokio_postgres::Error> {
    match query {
        Query::Text(sql) => client.execute_typed(sql, &[]).await,
        Query::Prepared { statement, values } => {
            let values: Vec<TextValue<'_>> =
                values.iter().map(|value| TextValue(value.as_deref())).collect();
            let params: Vec<&(dyn ToSql + Sync)> =
                values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            client.execute(statement, &params).await
        }
    }
}

fn refused(event: EventRef, table: &TableName, error: Error) -> ApplyError {
    // A lost connection is nobody's fault, and nothing the event can be blamed for.
    if error.is_closed() {
        ApplyError::Sql(error)
    } else {
        EventError::refused(event, table, error).into()
    }
}

fn describe(op: Op, table: &TableName) -> String {
    let word = match op {
        Op::Insert => "insert into",
        Op::Update => "update",
        Op::Delete => "delete from",
    };
    format!("{word} {}", table.quoted())
}
