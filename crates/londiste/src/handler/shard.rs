//! `shard` and `part`: only the rows whose key hashes to this database's part (contract `handlers.md` section 7).
//!
//! Departures: settings of the destination are read for every batch, so that a change of them needs no restart, and an event
//! without a hash is named with its table. `hash_expr` works; the original knew it and refused it.

use pgq_client::Error;
use pgq_client::event::Event;
use pgq_client::text::quoting::quote_ident;
use pgq_client::text::urlenc;
use tokio_postgres::Client;

use super::HandlerError;
use super::args::{self, Args};

/// How this installation hashes and where a database says which part it is: `shard_hash_func`, `shard_info_sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// `shard_hash_func`: a function's name, with or without schema.
    pub hash_function: String,
    /// `shard_info_sql`: a query for number, mask and count of the parts.
    pub info_sql: String,
}

impl Default for Scheme {
    fn default() -> Self {
        Self {
            hash_function: "partconf.get_hash_raw".to_owned(),
            info_sql: "select shard_nr, shard_mask, shard_count from partconf.conf".to_owned(),
        }
    }
}

/// The hash function as it stands in SQL.
fn quoted_function(name: &str) -> String {
    name.split('.').map(quote_ident).collect::<Vec<_>>().join(".")
}

/// Arguments of the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// What is hashed, as SQL: a function's call.
    pub hash: String,
    /// `disable_replay`: events are filtered for those who follow, but nothing is stored here.
    pub disable_replay: bool,
    /// `ignore_truncate`
    pub ignore_truncate: bool,
    info_sql: String,
}

impl Shard {
    /// The arguments that say what is hashed.
    pub(super) const KEYS: [&'static str; 5] =
        ["key", "hash_key", "hash_expr", "hashexpr", "hashfunc"];

    pub(super) fn new(args: &Args, scheme: &Scheme) -> Result<Shard, HandlerError> {
        let others = ["encoding", "ignore_truncate", "disable_replay"];
        let known: Vec<&str> = Self::KEYS.into_iter().chain(others).collect();
        args::only(args, &known)?;
        args::no_encoding(args)?;
        let hash = hash(args, scheme).ok_or(HandlerError::NoHashKey)?;
        Ok(Shard {
            hash,
            disable_replay: matches!(
                args.get("disable_replay").map(String::as_str),
                Some("true" | "1")
            ),
            ignore_truncate: args::flag(args, "ignore_truncate")?,
            info_sql: scheme.info_sql.clone(),
        })
    }

    /// For a handler that filters besides what it does: with an argument that says what is hashed.
    pub(super) fn filter(args: &Args, scheme: &Scheme) -> Option<Shard> {
        let info_sql = scheme.info_sql.clone();
        hash(args, scheme).map(|hash| Shard {
            hash,
            disable_replay: false,
            ignore_truncate: false,
            info_sql,
        })
    }

    /// A trigger argument: every event says what its row hashes to.
    pub fn trigger_arg(&self) -> String {
        format!("ev_extra3='hash='||{}", self.hash)
    }

    /// Which part a database is.
    ///
    /// # Errors
    /// The server's, or an answer that makes no sense.
    pub async fn part(&self, destination: &Client) -> Result<Part, ShardError> {
        Part::load(destination, &self.info_sql).await
    }
}

/// What the arguments say is hashed; `None` when they say nothing.
fn hash(args: &Args, scheme: &Scheme) -> Option<String> {
    let given = |name: &str| args.get(name).filter(|value| !value.is_empty());
    if let Some(expression) = given("hash_expr").or_else(|| given("hashexpr")) {
        return Some(expression.clone());
    }
    let column = given("hash_key").or_else(|| given("key"))?;
    let function = given("hashfunc").unwrap_or(&scheme.hash_function);
    Some(format!("{}({})", quoted_function(function), quote_ident(column)))
}

/// Which part of all rows a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    nr: i64,
    mask: i64,
}

/// Part and row do not fit the handler.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The database refused.
    #[error(transparent)]
    Sql(#[from] Error),
    /// `shard_info_sql` has no answer.
    #[error("Error loading shard info: shard_info_sql gives {0}: {1}")]
    Info(&'static str, String),
    /// Mask and count do not belong together.
    #[error(
        "Invalid shard info: mask {mask} and count {count}, the count has to be a power of two and the mask one less"
    )]
    Mask {
        /// `shard_mask`
        mask: i64,
        /// `shard_count`
        count: i64,
    },
    /// There is no such part.
    #[error("Invalid shard nr: {nr} of {count}")]
    Number {
        /// `shard_nr`
        nr: i64,
        /// `shard_count`
        count: i64,
    },
    /// The event lacks a hash.
    #[error(
        "handlers.shard: extra3 {problem} on {table}; the table's trigger on the root has to fill it: use the same handler there"
    )]
    Event {
        /// Which table.
        table: String,
        /// What is wrong with the field.
        problem: &'static str,
    },
}

impl Part {
    /// Number, mask and count as `shard_info_sql` has them.
    ///
    /// # Errors
    /// [`ShardError::Mask`] or [`ShardError::Number`].
    pub fn new(nr: i64, mask: i64, count: i64) -> Result<Part, ShardError> {
        if count & mask != 0 || mask + 1 != count {
            return Err(ShardError::Mask { mask, count });
        }
        if !(0..count).contains(&nr) {
            return Err(ShardError::Number { nr, count });
        }
        Ok(Part { nr, mask })
    }

    async fn load(client: &Client, sql: &str) -> Result<Part, ShardError> {
        let info = |problem| ShardError::Info(problem, sql.to_owned());
        let query = format!("select a::int8, b::int8, c::int8 from ({sql}\n) as info (a, b, c)");
        let rows = client.query_typed(&query, &[]).await.map_err(|e| Error::sql(e, query))?;
        let [row] = &rows[..] else {
            return Err(info(if rows.is_empty() { "no row" } else { "more than one row" }));
        };
        let number = |place| row.get::<_, Option<i64>>(place).ok_or_else(|| info("NULL"));
        Part::new(number(0)?, number(1)?, number(2)?)
    }

    /// Whether a row with this hash is one of ours.
    pub fn has(self, hash: i64) -> bool {
        hash & self.mask == self.nr
    }

    /// Whether the event's row is one of ours.
    ///
    /// # Errors
    /// [`ShardError::Event`] when nobody hashed it.
    pub fn has_event(self, event: &Event) -> Result<bool, ShardError> {
        let bad = |problem| ShardError::Event {
            table: event.extra1.clone().unwrap_or_default(),
            problem,
        };
        let extra = event.extra3.as_deref().ok_or_else(|| bad("not filled"))?;
        let mut hash = None;
        for pair in urlenc::pairs(extra) {
            let (key, value) = pair.map_err(|_| bad("is not url-encoded"))?;
            if key == "hash" {
                hash = Some(value);
            }
        }
        let hash = hash.ok_or_else(|| bad("does not have 'hash' key"))?;
        let hash = hash.and_then(|hash| hash.trim().parse().ok());
        Ok(self.has(hash.ok_or_else(|| bad("has a hash that is no whole number"))?))
    }

    /// The condition on rows of a table.
    pub fn condition(self, hash: &str) -> String {
        format!("({hash} & {}) = {}", self.mask, self.nr)
    }
}

#[cfg(test)]
mod tests {
    use pgq_client::id::{EventId, Txid};

    use super::*;

    fn shard(pairs: &[(&str, &str)]) -> Result<Shard, String> {
        let args = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Shard::new(&args.collect(), &Scheme::default()).map_err(|e| e.to_string())
    }

    fn event(extra3: Option<&str>) -> Event {
        Event {
            id: EventId(1),
            time: String::new(),
            txid: Txid(1),
            retry: None,
            kind: Some("I:id".to_owned()),
            data: Some("id=1".to_owned()),
            extra1: Some("public.t".to_owned()),
            extra2: None,
            extra3: extra3.map(str::to_owned),
            extra4: None,
        }
    }

    #[test]
    fn the_trigger_hashes() {
        let arg = |pairs| shard(pairs).unwrap().trigger_arg();
        assert_eq!(arg(&[("key", "id")]), "ev_extra3='hash='||partconf.get_hash_raw(id)");
        assert_eq!(
            arg(&[("key", "id"), ("hash_key", "User")]),
            "ev_extra3='hash='||partconf.get_hash_raw(\"User\")"
        );
        assert_eq!(arg(&[("hash_expr", "foo(a, b)")]), "ev_extra3='hash='||foo(a, b)");
        assert_eq!(arg(&[("key", "a"), ("hashfunc", "h")]), "ev_extra3='hash='||h(a)");
    }

    #[test]
    fn arguments_are_checked() {
        let missing = "Specify hash key field as hash_key argument";
        assert_eq!(shard(&[]).unwrap_err(), missing);
        assert_eq!(shard(&[("key", "")]).unwrap_err(), missing);
        assert_eq!(shard(&[("k", "id")]).unwrap_err(), "Invalid handler argument: ['k']");
        for (value, off) in [("true", true), ("1", true), ("yes", false), ("True", false)] {
            let shard = shard(&[("key", "id"), ("disable_replay", value)]).unwrap();
            assert_eq!(shard.disable_replay, off, "{value}");
        }
    }

    #[test]
    fn parts_are_powers_of_two() {
        let part = |nr, mask, count| Part::new(nr, mask, count).map_err(|e| e.to_string());
        assert!(part(0, 0, 1).unwrap().has(-7), "the only part has everything");
        assert!(part(1, 3, 4).unwrap().has(-3));
        assert!(part(3, 3, 4).unwrap().has(-1));
        assert!(!part(0, 1, 2).unwrap().has(7));
        assert!(part(0, 2, 3).unwrap_err().starts_with("Invalid shard info"));
        assert!(part(0, 1, 4).unwrap_err().starts_with("Invalid shard info"));
        assert_eq!(part(2, 1, 2).unwrap_err(), "Invalid shard nr: 2 of 2");
        assert_eq!(part(-1, 1, 2).unwrap_err(), "Invalid shard nr: -1 of 2");
    }

    #[test]
    fn events_carry_their_hash() {
        let part = Part::new(1, 1, 2).unwrap();
        let has = |extra| part.has_event(&event(extra)).map_err(|e| e.to_string());
        assert!(has(Some("hash=7")).unwrap());
        assert!(!has(Some("a=7&hash=8")).unwrap());
        for (extra, problem) in [
            (None, "not filled"),
            (Some("a=1"), "does not have 'hash' key"),
            (Some("hash=x"), "has a hash that is no whole number"),
            (Some("hash"), "has a hash that is no whole number"),
            (Some("hash=%x"), "is not url-encoded"),
        ] {
            let error = has(extra).unwrap_err();
            assert!(
                error.starts_with(&format!("handlers.shard: extra3 {problem} on public.t")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_condition_is_that_of_the_events() {
        let part = Part::new(0, 1, 2).unwrap();
        let shard = shard(&[("key", "id")]).unwrap();
        assert_eq!(part.condition(&shard.hash), "(partconf.get_hash_raw(id) & 1) = 0");
    }
}
