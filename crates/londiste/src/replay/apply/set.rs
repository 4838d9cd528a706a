//! The pending changes of one table, applied by set.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use pgq_client::text::row::Op;
use pgq_client::{Error, Result};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::super::fold::{Fold, Group, Slot};
use super::statement::Form;
use super::target::Target;
use super::values::{TextColumn, put_copy_row};

/// From this many rows on COPY is cheaper, though it takes one more round trip.
const COPY_ROWS: usize = 200;

/// How much is put into one message of COPY, in bytes.
const COPY_CHUNK: usize = 64 * 1024;

/// Deletes, then updates, then inserts; nothing is pending afterwards.
pub(super) async fn apply(client: &Client, target: &mut Target) -> Result<()> {
    let fold = std::mem::take(&mut target.fold);
    let (updates, deletes) = fold.missed();
    target.miss(Op::Update, updates);
    target.miss(Op::Delete, deletes);
    for (op, groups) in
        [(Op::Delete, fold.deletes()), (Op::Update, fold.updates()), (Op::Insert, fold.inserts())]
    {
        for group in &groups {
            apply_group(client, target, op, group).await?;
        }
    }
    target.fold = Fold::like(fold);
    Ok(())
}

async fn apply_group(
    client: &Client,
    target: &mut Target,
    op: Op,
    group: &Group<'_>,
) -> Result<()> {
    if op == Op::Insert && group.len() >= COPY_ROWS {
        let Some(statement) = target.statement(client, Form::Copy, group.slots()).await? else {
            return Ok(());
        };
        return copy(client, &statement, group).await;
    }
    // A delete finds its rows by the key; what else the group knows is not sent.
    let slots: Vec<Slot> = match op {
        Op::Delete => target.key_slots().to_vec(),
        Op::Insert | Op::Update => group.slots().to_vec(),
    };
    let Some(statement) = target.statement(client, Form::Set(op), &slots).await? else {
        return Ok(());
    };
    let columns: Vec<TextColumn<'_>> = slots
        .iter()
        .filter_map(|slot| group.slots().iter().position(|known| known == slot))
        .map(|place| TextColumn { group, place })
        .collect();
    let params: Vec<&(dyn ToSql + Sync)> =
        columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
    let met = client
        .execute(&statement, &params)
        .await
        .map_err(|e| Error::sql(e, describe(target, op, group)))?;
    target.miss(op, group.known.saturating_sub(met));
    Ok(())
}

async fn copy(client: &Client, statement: &Statement, group: &Group<'_>) -> Result<()> {
    let sink = client.copy_in::<_, Bytes>(statement).await?;
    let mut sink = pin!(sink);
    let mut chunk = BytesMut::with_capacity(COPY_CHUNK + COPY_CHUNK / 8);
    for row in group.rows() {
        put_copy_row(&mut chunk, row);
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

/// What an error shows instead of the statement.
fn describe(target: &Target, op: Op, group: &Group<'_>) -> String {
    let word = match op {
        Op::Insert => "insert into",
        Op::Update => "update",
        Op::Delete => "delete from",
    };
    format!("{word} {} ({} rows)", target.dest.quoted(), group.len())
}
