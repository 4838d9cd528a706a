//! Whether a script is needed on this node (contract `compare-repair-execute.md` 6.2 and 6.3).
//!
//! Departures from the original: schema names are looked up as written.

use pgq_client::name::TableName;
use pgq_client::{Error, Result};
use tokio_postgres::GenericClient;

use super::attrs::{Attrs, Key};
use super::run::LocalObjects;
use crate::calls;

/// What a script's header asks, answered for this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Everything asked for is here, or nothing was asked.
    Run,
    /// Nothing asked for is here.
    Skip,
    /// Some of it: nobody can say what is right.
    Partial {
        /// Values that are here.
        matches: Vec<String>,
        /// Values that are not.
        misses: Vec<String>,
    },
}

/// Judges a header by the answers to its questions.
pub fn judge(answers: &[(&str, bool)]) -> Need {
    let pick = |wanted: bool| -> Vec<String> {
        answers
            .iter()
            .filter(|(_, here)| *here == wanted)
            .map(|(value, _)| (*value).to_owned())
            .collect()
    };
    let (matches, misses) = (pick(true), pick(false));
    match (matches.is_empty(), misses.is_empty()) {
        (_, true) => Need::Run,
        (true, false) => Need::Skip,
        (false, false) => Need::Partial { matches, misses },
    }
}

/// Looks up everything a header asks about.
pub async fn check(
    client: &impl GenericClient,
    attrs: &Attrs,
    objects: &LocalObjects,
) -> Result<Need> {
    let mut answers = Vec::new();
    for (key, value) in attrs.iter() {
        answers.push((value, is_here(client, key, value, objects).await?));
    }
    Ok(judge(&answers))
}

async fn is_here(
    client: &impl GenericClient,
    key: Key,
    value: &str,
    objects: &LocalObjects,
) -> Result<bool> {
    let name = TableName::new(value);
    match key {
        Key::LocalTable => Ok(objects.tables.contains_key(&name)),
        Key::LocalSequence => Ok(objects.sequences.contains(&name)),
        Key::LocalDestination => match objects.tables.get(&name) {
            None => Ok(false),
            Some(destination) => relation_exists(client, destination, "r").await,
        },
        Key::NeedTable => relation_exists(client, &name, "r").await,
        Key::NeedSequence => relation_exists(client, &name, "S").await,
        Key::NeedView => relation_exists(client, &name, "v").await,
        Key::NeedFunction => function_exists(client, value).await,
        Key::NeedSchema => {
            let sql = "select exists (select 1 from pg_catalog.pg_namespace where nspname = $1)";
            exists(client, sql, &[&value]).await
        }
    }
}

async fn relation_exists(
    client: &impl GenericClient,
    name: &TableName,
    kind: &str,
) -> Result<bool> {
    Ok(calls::find_rel_oid(client, name, kind).await?.is_some())
}

/// `name` or `name(N)`: a function with N arguments, none by default.
async fn function_exists(client: &impl GenericClient, value: &str) -> Result<bool> {
    let (name, arguments) = match value.strip_suffix(')').and_then(|text| text.split_once('(')) {
        None => (value, 0),
        Some((name, count)) => {
            let count = count.trim().parse::<i16>();
            (
                name.trim(),
                count.map_err(|_| {
                    Error::config(format!("Need-Function: {value}: expected name(NUMBER)"))
                })?,
            )
        }
    };
    let name = TableName::new(name);
    let sql = "select exists (select 1 from pg_catalog.pg_proc p \
               join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
               where n.nspname = $1 and p.proname = $2 and p.pronargs = $3)";
    exists(client, sql, &[&name.schema(), &name.name(), &arguments]).await
}

async fn exists(
    client: &impl GenericClient,
    sql: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<bool> {
    let row = client.query_one(sql, parameters).await.map_err(|error| Error::sql(error, sql))?;
    Ok(row.try_get(0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_none_or_some() {
        assert_eq!(judge(&[]), Need::Run);
        assert_eq!(judge(&[("a", true), ("b", true)]), Need::Run);
        assert_eq!(judge(&[("a", false), ("b", false)]), Need::Skip);
        assert_eq!(
            judge(&[("a", true), ("b", false), ("c", false)]),
            Need::Partial {
                matches: vec!["a".to_owned()],
                misses: vec!["b".to_owned(), "c".to_owned()]
            }
        );
    }
}
