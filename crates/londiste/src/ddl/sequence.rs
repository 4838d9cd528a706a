//! A stand-alone sequence created like its original, for `add-seq --create` (contract `worker.md` section 19).

use std::fmt::Write as _;

use pgq_client::Error;
use pgq_client::name::TableName;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// A sequence's settings and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceDefinition {
    /// `INCREMENT BY`
    pub increment: i64,
    /// `MINVALUE`
    pub min: i64,
    /// `MAXVALUE`
    pub max: i64,
    /// `CACHE`
    pub cache: i64,
    /// `CYCLE`
    pub cycle: bool,
    /// `last_value`
    pub last: i64,
    /// Whether `last` has been given out.
    pub is_called: bool,
}

/// There is no next value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("duh, seq passed max_value")]
pub struct Exhausted;

/// Reads a sequence.
///
/// # Errors
/// When there is none of that name, or the server's: reading the position takes the right to select from it.
pub async fn load_sequence(
    client: &Client,
    sequence: &TableName,
) -> Result<SequenceDefinition, Error> {
    let sql = "select s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle from pg_sequence s \
               join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = $1 and c.relname = $2";
    let found = client
        .query_typed(sql, &[(&sequence.schema(), Type::TEXT), (&sequence.name(), Type::TEXT)])
        .await
        .map_err(|error| Error::sql(error, sql))?;
    let row = found
        .first()
        .ok_or_else(|| Error::config(format!("sequence {sequence} does not exist")))?;
    let sql = format!("select last_value, is_called from {}", sequence.quoted());
    let found = client.query_typed(&sql, &[]).await.map_err(|error| Error::sql(error, &*sql))?;
    let position = found.first().ok_or_else(|| Error::protocol(format!("no row from: {sql}")))?;
    Ok(SequenceDefinition {
        increment: row.try_get("seqincrement")?,
        min: row.try_get("seqmin")?,
        max: row.try_get("seqmax")?,
        cache: row.try_get("seqcache")?,
        cycle: row.try_get("seqcycle")?,
        last: position.try_get("last_value")?,
        is_called: position.try_get("is_called")?,
    })
}

impl SequenceDefinition {
    /// The statement that creates it under a name, to go on where the original is.
    ///
    /// # Errors
    /// The original has given out its last value.
    pub fn statement(&self, name: &TableName) -> Result<String, Exhausted> {
        let mut sql = format!("CREATE SEQUENCE {} ", name.quoted());
        let start = self.next()?;
        for (word, value, default) in [
            ("INCREMENT BY", self.increment, 1),
            ("MINVALUE", self.min, 1),
            ("MAXVALUE", self.max, i64::MAX),
            ("START", start, 1),
            ("CACHE", self.cache, 1),
        ] {
            if value != default {
                write!(sql, " {word} {value}").expect("a string grows");
            }
        }
        if self.cycle {
            sql.push_str(" CYCLE");
        }
        sql.push(';');
        Ok(sql)
    }

    /// How it counts, without where it is.
    pub fn settings(&self) -> String {
        let Self { increment, min, max, cache, .. } = self;
        let cycle = if self.cycle { "CYCLE" } else { "NO CYCLE" };
        format!("INCREMENT BY {increment} MINVALUE {min} MAXVALUE {max} CACHE {cache} {cycle}")
    }

    /// The next value.
    fn next(&self) -> Result<i64, Exhausted> {
        if !self.is_called {
            return Ok(self.last);
        }
        let next = self.last.checked_add(self.increment);
        match next.filter(|next| (self.min..=self.max).contains(next)) {
            Some(next) => Ok(next),
            None if self.cycle => Ok(if self.increment > 0 { self.min } else { self.max }),
            None => Err(Exhausted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: SequenceDefinition = SequenceDefinition {
        increment: 1,
        min: 1,
        max: i64::MAX,
        cache: 1,
        cycle: false,
        last: 1,
        is_called: false,
    };

    fn statement(sequence: SequenceDefinition) -> Result<String, String> {
        sequence.statement(&TableName::new("public.s")).map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_is_unusual_is_said() {
        assert_eq!(statement(PLAIN).unwrap(), "CREATE SEQUENCE public.s ;");
        let serial = SequenceDefinition { max: 2_147_483_647, last: 41, is_called: true, ..PLAIN };
        assert_eq!(
            statement(serial).unwrap(),
            "CREATE SEQUENCE public.s  MAXVALUE 2147483647 START 42;"
        );
        let odd = SequenceDefinition {
            increment: -5,
            min: -100,
            max: -1,
            cache: 20,
            cycle: true,
            last: -1,
            is_called: false,
        };
        assert_eq!(
            statement(odd).unwrap(),
            "CREATE SEQUENCE public.s  INCREMENT BY -5 MINVALUE -100 MAXVALUE -1 START -1 CACHE 20 CYCLE;"
        );
    }

    #[test]
    fn the_end_is_an_error_unless_it_begins_again() {
        let last = SequenceDefinition { max: 10, last: 10, is_called: true, ..PLAIN };
        assert_eq!(statement(last.clone()).unwrap_err(), "duh, seq passed max_value");
        let again = SequenceDefinition { cycle: true, ..last };
        assert_eq!(statement(again).unwrap(), "CREATE SEQUENCE public.s  MAXVALUE 10 CYCLE;");
    }
}
