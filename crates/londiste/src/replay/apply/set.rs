//! The pending changes of tables, applied by set.

use std::collections::VecDeque;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use futures_util::future::try_join_all;
use pgq_client::Error;
use pgq_client::name::TableName;
use pgq_client::text::copy;
use pgq_client::text::row::Op;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::super::fold::{Fold, Group, Plan, Slot};
use super::ApplyError;
use super::ahead::{self, Answer};
use super::statement::Form;
use super::target::{Found, Target};
use super::values::TextColumn;

/// From this many rows on COPY is cheaper, though it takes one more round trip.
const COPY_ROWS: usize = 200;

/// How much is put into one message of COPY, in bytes.
const COPY_CHUNK: usize = 64 * 1024;

/// Everything that was pending for one table, with the statements for it.
#[derive(Debug)]
pub(super) struct TableSets {
    /// Which target.
    place: usize,
    dest: TableName,
    plan: Plan,
    /// One for each group of the plan; none where nothing would change.
    ways: Vec<Option<Way>>,
}

/// How a group is applied.
#[derive(Debug)]
struct Way {
    statement: Statement,
    /// Columns to send as arrays; none for COPY, which sends all.
    slots: Option<Vec<Slot>>,
}

/// Rows that a set should have met.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) place: usize,
    pub(super) op: Op,
    pub(super) rows: u64,
}

/// Takes what is pending for some targets, and prepares the statements.
///
/// # Errors
/// A statement that is refused.
pub(super) async fn take(
    client: &Client,
    targets: &mut [Target],
    touched: Vec<usize>,
) -> Result<Vec<TableSets>, ApplyError> {
    let mut plans = Vec::with_capacity(touched.len());
    let mut found = Vec::with_capacity(touched.len());
    for place in touched {
        let target = &mut targets[place];
        let empty = Fold::like(&target.fold);
        let fold = std::mem::replace(&mut target.fold, empty);
        let (updates, deletes) = fold.missed();
        target.miss(Op::Update, updates);
        target.miss(Op::Delete, deletes);
        let plan = fold.plan();
        for group in plan.groups() {
            let (form, slots) = form(target, &group);
            let statement = target.find(form, slots.as_deref().unwrap_or(group.slots()));
            found.push((place, statement, slots));
        }
        plans.push((place, plan));
    }
    // Sent together: with many tables the time would be in waiting.
    let statements = try_join_all(found.iter().map(async |(place, statement, _)| {
        let statement = statement.prepare(client).await;
        statement.map_err(|e| refused(&targets[*place].dest, e))
    }));
    let statements = statements.await?;
    let mut ways = Vec::with_capacity(found.len());
    for ((place, found, slots), statement) in found.into_iter().zip(statements) {
        if let (Found::Unprepared(from), Some(statement)) = (found, &statement) {
            targets[place].keep(from, statement.clone());
        }
        ways.push(statement.map(|statement| Way { statement, slots }));
    }
    let mut ways = ways.into_iter();
    let sets = plans.into_iter().map(|(place, plan)| {
        let ways = ways.by_ref().take(plan.groups().count()).collect();
        TableSets { place, dest: targets[place].dest.clone(), plan, ways }
    });
    Ok(sets.collect())
}

/// How a group is applied, and the columns that are sent as arrays; none for COPY, which sends all.
fn form(target: &Target, group: &Group<'_>) -> (Form, Option<Vec<Slot>>) {
    let op = group.op();
    match op {
        Op::Insert if group.len() >= COPY_ROWS => (Form::Copy, None),
        Op::Insert | Op::Update => (Form::Set(op), Some(group.slots().to_vec())),
        // A delete finds its rows by the key; what else the group knows is not sent.
        Op::Delete => (Form::Set(op), Some(target.key_slots().to_vec())),
    }
}

/// Applies sets in their order: of each table deletes, then updates, then inserts. Statements are sent without waiting for the
/// answers to earlier ones.
///
/// # Errors
/// The first set that is refused.
pub(super) async fn apply(client: &Client, all: Vec<TableSets>) -> Result<Vec<Missed>, ApplyError> {
    let mut missed = Vec::new();
    let mut answers: VecDeque<Answer<'_, Result<Missed, ApplyError>>> = VecDeque::new();
    for table in &all {
        for (group, way) in table.plan.groups().zip(&table.ways) {
            // Nothing would change.
            let Some(Way { statement, slots }) = way else { continue };
            let refused = move |e: tokio_postgres::Error| {
                refused(&table.dest, Error::sql(e, describe(&table.dest, &group)))
            };
            let Some(slots) = slots else {
                collect(&mut answers, &mut missed).await?;
                copy(client, statement, &group).await.map_err(refused)?;
                continue;
            };
            let columns: Vec<TextColumn<'_>> = slots
                .iter()
                .filter_map(|slot| group.slots().iter().position(|known| known == slot))
                .map(|place| TextColumn { group, place })
                .collect();
            let answer = ahead::send(async move {
                let params: Vec<&(dyn ToSql + Sync)> =
                    columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
                let met = client.execute(statement, &params).await.map_err(refused)?;
                let rows = group.known().saturating_sub(met);
                Ok(Missed { place: table.place, op: group.op(), rows })
            });
            answers.push_back(answer.await);
        }
    }
    collect(&mut answers, &mut missed).await?;
    Ok(missed)
}

async fn collect(
    answers: &mut VecDeque<Answer<'_, Result<Missed, ApplyError>>>,
    missed: &mut Vec<Missed>,
) -> Result<(), ApplyError> {
    while let Some(answer) = answers.pop_front() {
        missed.push(answer.await?);
    }
    Ok(())
}

async fn copy(
    client: &Client,
    statement: &Statement,
    group: &Group<'_>,
) -> Result<(), tokio_postgres::Error> {
    let sink = client.copy_in::<_, Bytes>(statement).await?;
    let mut sink = pin!(sink);
    let mut chunk = BytesMut::with_capacity(COPY_CHUNK + COPY_CHUNK / 8);
    for row in group.rows() {
        copy::put_row(&mut chunk, row);
        if chunk.len() >= COPY_CHUNK {
            sink.send(chunk.split().freeze()).await?;
            chunk.reserve(COPY_CHUNK);
        }
    }
    if !chunk.is_empty() {
        sink.send(chunk.freeze()).await?;
    }
    sink.finish().await?;
    Ok(())
}

/// A set may be refused where row by row it works, or where the error then names the event; a lost connection or a deadlock
/// may not.
pub(super) fn refused(table: &TableName, source: Error) -> ApplyError {
    if source.is_transient() {
        ApplyError::Sql(source)
    } else {
        ApplyError::Set { table: table.clone(), source: Some(source) }
    }
}

/// What an error shows instead of the statement.
fn describe(dest: &TableName, group: &Group<'_>) -> String {
    let word = match group.op() {
        Op::Insert => "insert into",
        Op::Update => "update",
        Op::Delete => "delete from",
    };
    format!("{word} {} ({} rows)", dest.quoted(), group.len())
}
