//! The destination table as the catalog describes it, and what follows for applying changes to it.

use std::borrow::Cow;
use std::collections::HashMap;

use pgq_client::name::TableName;
use pgq_client::{Error, Result};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, Statement};

use super::super::fold::Slot;

/// A table, view or foreign table that changes are applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// `pg_class.relkind`
    kind: RelationKind,
    /// In order; a [`Slot`] is a place here.
    columns: Vec<Column>,
    /// Columns of unique indexes that hold for all rows.
    unique: Vec<Vec<Slot>>,
    /// Triggers or rules run while we apply, and may look at other tables.
    pub(crate) runs_code: bool,
    /// Exclusion constraints, or rows hidden from us.
    special: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RelationKind {
    Table,
    Partitioned,
    Other,
}

/// A column of the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Name, unquoted.
    pub(crate) name: String,
    /// Computed by the server from other columns.
    pub(crate) generated: bool,
    /// `generated always as identity`
    pub(crate) always_identity: bool,
    /// The type without modifier; of a domain, what it is based on.
    pub(crate) cast_to: String,
    /// Somebody made a cast from text that need not do what the type's input does.
    own_cast: bool,
    key: KeyText,
    attnum: i16,
}

/// Whether two values of a column are equal exactly when their texts are, after which change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyText {
    Exact,
    Integer,
    Numeric,
    Bool,
    Date,
    Timestamp,
    Uuid,
    /// `char(n)`: blanks at the end do not count.
    Padded,
    /// Unknown, so rows are found by the server only.
    Opaque,
}

/// A column that an event names does not exist here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "column \"{column}\" of table {table} does not exist on this node (it is in the event; add it here, \
         or send the ALTER TABLE by `execute`)"
)]
pub(crate) struct NoSuchColumn {
    pub(crate) table: TableName,
    pub(crate) column: String,
}

/// Reads descriptions; prepared once per connection.
#[derive(Debug)]
pub(crate) struct Catalog {
    relations: Statement,
    columns: Statement,
    fingerprints: Statement,
}

/// Stands for all that a description was read from; `None` when there was nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint(Option<String>);

const RELATION: &str = include_str!("relation.sql");
const COLUMNS: &str = include_str!("columns.sql");

/// For each of some tables, in their order, what the first statement says of it, or nulls.
fn relations_sql() -> String {
    let relation = RELATION.replace("$1", "wanted.schema").replace("$2", "wanted.name");
    format!("select r.* from {WANTED} left join lateral ({relation}) r on true order by wanted.nr")
}

/// What the second says of each of some tables.
fn columns_sql() -> String {
    let columns = COLUMNS.replace("$1", "wanted.id");
    format!(
        "select wanted.id, k.* from unnest($1::int8[]) wanted (id), lateral ({columns}) k order by wanted.id, k.attnum"
    )
}

/// What the two say of each of some tables, as one short text. Nothing can change in a description without changing it,
/// because it is made of the very same answers.
fn fingerprints_sql() -> String {
    let relation = RELATION.replace("$1", "wanted.schema").replace("$2", "wanted.name");
    let columns = COLUMNS.replace("$1", "r.id");
    format!(
        "select (select pg_catalog.md5(concat(r::text, \
                    (select pg_catalog.string_agg(k::text, '' order by k.attnum) from ({columns}) k))) \
                   from ({relation}) r) as fingerprint \
           from {WANTED} order by wanted.nr"
    )
}

const WANTED: &str = "unnest($1::text[], $2::text[]) with ordinality wanted (schema, name, nr)";

impl Catalog {
    /// For this connection.
    pub(crate) async fn prepare(client: &Client) -> Result<Catalog> {
        let prepare = async |sql: &str, types: &'static [Type]| {
            client.prepare_typed(sql, types).await.map_err(|e| Error::sql(e, sql))
        };
        const NAMES: &[Type] = &[Type::TEXT_ARRAY, Type::TEXT_ARRAY];
        Ok(Catalog {
            relations: prepare(&relations_sql(), NAMES).await?,
            columns: prepare(&columns_sql(), &[Type::INT8_ARRAY]).await?,
            fingerprints: prepare(&fingerprints_sql(), NAMES).await?,
        })
    }

    /// Reads the descriptions of some tables, in their order; `None` where there is no such relation.
    pub(crate) async fn load(
        &self,
        client: &Client,
        tables: &[&TableName],
    ) -> Result<Vec<Option<(Relation, Fingerprint)>>> {
        // Before the descriptions: if one is newer, the next comparison shows it.
        let fingerprints = self.fingerprints(client, tables.iter().copied()).await?;
        let relations = self.by_name(client, &self.relations, tables.iter().copied()).await?;
        let ids = relations.iter().map(|row| row.try_get::<_, Option<i64>>("id"));
        let ids: Vec<Option<i64>> = ids.collect::<std::result::Result<_, _>>()?;
        let known: Vec<i64> = ids.iter().flatten().copied().collect();
        let columns = client.query(&self.columns, &[&known]).await;
        let columns = columns.map_err(|e| Error::sql(e, DESCRIPTIONS))?;
        let mut columns_of: HashMap<i64, Vec<Row>> = HashMap::new();
        for row in columns {
            columns_of.entry(row.try_get("id")?).or_default().push(row);
        }
        let mut described = Vec::with_capacity(tables.len());
        for ((row, id), fingerprint) in relations.iter().zip(ids).zip(fingerprints) {
            described.push(match id {
                None => None,
                Some(id) => {
                    let columns = columns_of.get(&id).map_or(&[][..], Vec::as_slice);
                    Some((describe(row, columns)?, fingerprint))
                }
            });
        }
        Ok(described)
    }

    /// The fingerprints of some tables, in their order.
    pub(crate) async fn fingerprints(
        &self,
        client: &Client,
        tables: impl IntoIterator<Item = &TableName>,
    ) -> Result<Vec<Fingerprint>> {
        let rows = self.by_name(client, &self.fingerprints, tables).await?;
        rows.iter().map(|row| Ok(Fingerprint(row.try_get(0)?))).collect()
    }

    async fn by_name(
        &self,
        client: &Client,
        statement: &Statement,
        tables: impl IntoIterator<Item = &TableName>,
    ) -> Result<Vec<Row>> {
        let (schemas, names): (Vec<&str>, Vec<&str>) =
            tables.into_iter().map(|table| (table.schema(), table.name())).unzip();
        let rows = client.query(statement, &[&schemas, &names]).await;
        rows.map_err(|e| Error::sql(e, DESCRIPTIONS))
    }
}

/// What errors show instead of the statements.
const DESCRIPTIONS: &str = "the descriptions of tables";

fn describe(row: &Row, column_rows: &[Row]) -> Result<Relation> {
    let columns = column_rows
        .iter()
        .map(|row| {
            let identity: &str = row.try_get("identity")?;
            let type_kind: &str = row.try_get("type_kind")?;
            let deterministic: bool = row.try_get("deterministic")?;
            Ok(Column {
                name: row.try_get("name")?,
                generated: row.try_get("generated")?,
                always_identity: identity == "a",
                cast_to: row.try_get("cast_to")?,
                own_cast: row.try_get("own_cast")?,
                key: key_text(row.try_get("type")?, type_kind, deterministic),
                attnum: row.try_get("attnum")?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let kind = match row.try_get("kind")? {
        "r" => RelationKind::Table,
        "p" => RelationKind::Partitioned,
        _ => RelationKind::Other,
    };
    let unique: Vec<String> = row.try_get("unique_keys")?;
    let unique = unique.iter().filter_map(|key| slots_of(key, &columns)).collect();
    let (row_security, excludes): (bool, bool) =
        (row.try_get("row_security")?, row.try_get("excludes")?);
    Ok(Relation {
        kind,
        columns,
        unique,
        runs_code: row.try_get("runs_code")?,
        special: row_security || excludes,
    })
}

/// An `int2vector` text (`1 3`) as columns.
fn slots_of(attnums: &str, columns: &[Column]) -> Option<Vec<Slot>> {
    attnums
        .split_ascii_whitespace()
        .map(|text| {
            let attnum: i16 = text.parse().ok()?;
            let place = columns.iter().position(|column| column.attnum == attnum)?;
            Slot::try_from(place).ok()
        })
        .collect()
}

fn key_text(oid: u32, type_kind: &str, deterministic: bool) -> KeyText {
    if type_kind == "e" {
        return KeyText::Exact;
    }
    match Type::from_oid(oid) {
        Some(Type::TEXT | Type::VARCHAR) if deterministic => KeyText::Exact,
        Some(Type::BPCHAR) if deterministic => KeyText::Padded,
        Some(Type::INT2 | Type::INT4 | Type::INT8 | Type::OID) => KeyText::Integer,
        Some(Type::NUMERIC) => KeyText::Numeric,
        Some(Type::BOOL) => KeyText::Bool,
        Some(Type::DATE) => KeyText::Date,
        Some(Type::TIMESTAMP) => KeyText::Timestamp,
        Some(Type::UUID) => KeyText::Uuid,
        _ => KeyText::Opaque,
    }
}

impl Relation {
    /// The column with this slot.
    pub(crate) fn column(&self, slot: Slot) -> &Column {
        &self.columns[slot as usize]
    }

    /// Finds a column by name; `hint` is where it probably is.
    pub(crate) fn slot(&self, name: &str, hint: usize) -> Option<Slot> {
        let is = |column: &Column| column.name == name;
        let place = if self.columns.get(hint).is_some_and(is) {
            hint
        } else {
            self.columns.iter().position(is)?
        };
        Slot::try_from(place).ok()
    }

    /// Whether changes may be applied to it by set at all.
    pub(crate) fn takes_sets(&self) -> bool {
        let table = matches!(self.kind, RelationKind::Table | RelationKind::Partitioned);
        table && !self.runs_code && !self.special && !self.columns.iter().any(|c| c.own_cast)
    }

    /// Whether these key columns find at most one row, and texts tell whether two keys are the same.
    pub(crate) fn folds_by(&self, key: &[Slot]) -> bool {
        let unique = self.unique.iter().any(|unique| unique.iter().all(|slot| key.contains(slot)));
        unique && key.iter().all(|slot| self.column(*slot).key != KeyText::Opaque)
    }

    /// `only `, or nothing for what keeps its rows in other tables.
    pub(crate) fn only(&self) -> &'static str {
        if self.kind == RelationKind::Partitioned { "" } else { "only " }
    }
}

impl Column {
    /// The key value as a text that is equal for equal values; `None` when that is not certain.
    pub(crate) fn key_text<'v>(&self, value: &'v str) -> Option<Cow<'v, str>> {
        let as_is = |fine: bool| fine.then_some(Cow::Borrowed(value));
        match self.key {
            KeyText::Exact => Some(Cow::Borrowed(value)),
            KeyText::Integer => as_is(is_integer(value)),
            KeyText::Numeric => numeric(value).map(Cow::Borrowed),
            KeyText::Bool => match value {
                "t" | "true" => Some(Cow::Borrowed("t")),
                "f" | "false" => Some(Cow::Borrowed("f")),
                _ => None,
            },
            KeyText::Date => as_is(is_iso_date(value)),
            KeyText::Timestamp => timestamp(value),
            KeyText::Uuid => as_is(is_uuid(value)),
            KeyText::Padded => Some(Cow::Borrowed(value.trim_end_matches(' '))),
            KeyText::Opaque => None,
        }
    }
}

/// As the server writes it: no sign but minus, no leading zeros.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text == "0"
        || (digits.bytes().all(|b| b.is_ascii_digit())
            && matches!(digits.as_bytes().first(), Some(b'1'..=b'9')))
}

/// Without the zeros that only show the scale.
fn numeric(text: &str) -> Option<&str> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = is_integer(whole) || whole == "-0";
    if !plain || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let short =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    (short != "-0").then_some(short)
}

/// `2024-02-29`, years with four digits or more.
fn is_iso_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let digits = |part: Option<&str>, len: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|p| len.contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    digits(parts.next(), 4..=7)
        && digits(parts.next(), 2..=2)
        && digits(parts.next(), 2..=2)
        && parts.next().is_none()
}

/// `2024-02-29 13:45:07.123`; JSON events have a `T` in the middle.
fn timestamp(text: &str) -> Option<Cow<'_, str>> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let clock_fine = clock.len() == 8
        && clock.bytes().enumerate().all(|(nr, b)| match nr {
            2 | 5 => b == b':',
            _ => b.is_ascii_digit(),
        });
    let fine = is_iso_date(date) && clock_fine && fraction.bytes().all(|b| b.is_ascii_digit());
    fine.then(|| {
        if text.contains('T') { Cow::Owned(text.replace('T', " ")) } else { Cow::Borrowed(text) }
    })
}

/// As the server writes it, lower case and with dashes.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(nr, b)| match nr {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A plain table with an integer key `id` and text columns.
    pub(crate) fn table(columns: &[&str]) -> Relation {
        let columns = (1..).zip(columns).map(|(attnum, name)| Column {
            name: (*name).to_owned(),
            generated: false,
            always_identity: false,
            cast_to: if *name == "id" { "integer" } else { "text" }.to_owned(),
            own_cast: false,
            key: if *name == "id" { KeyText::Integer } else { KeyText::Exact },
            attnum,
        });
        Relation {
            kind: RelationKind::Table,
            columns: columns.collect(),
            unique: vec![vec![0]],
            runs_code: false,
            special: false,
        }
    }

    impl Relation {
        /// Makes a column `generated always as identity`.
        pub(crate) fn set_always_identity(&mut self, slot: Slot) {
            self.columns[slot as usize].always_identity = true;
        }
    }

    #[track_caller]
    fn key(kind: KeyText, value: &str, expected: Option<&str>) {
        let mut column = table(&["id"]).columns.remove(0);
        column.key = kind;
        assert_eq!(column.key_text(value).as_deref(), expected, "{kind:?} {value:?}");
    }

    #[test]
    fn equal_keys_have_equal_texts() {
        key(KeyText::Exact, " A", Some(" A"));
        key(KeyText::Padded, "ab  ", Some("ab"));
        key(KeyText::Numeric, "10.500", Some("10.5"));
        key(KeyText::Numeric, "10.000", Some("10"));
        key(KeyText::Numeric, "100", Some("100"));
        key(KeyText::Numeric, "-0.50", Some("-0.5"));
        key(KeyText::Bool, "true", Some("t"));
        key(KeyText::Bool, "f", Some("f"));
        key(KeyText::Timestamp, "2024-02-29T13:45:07.5", Some("2024-02-29 13:45:07.5"));
    }

    #[test]
    fn texts_that_the_server_would_not_write_are_not_trusted() {
        for value in ["", "+1", "01", "1 ", "-", "1e3", "--1"] {
            key(KeyText::Integer, value, None);
        }
        for value in ["", "NaN", "1e3", "01.5", ".5", "-0.0"] {
            key(KeyText::Numeric, value, None);
        }
        key(KeyText::Bool, "yes", None);
        for value in ["29/02/2024", "2024-02-29 BC", "infinity", "2024-2-9"] {
            key(KeyText::Date, value, None);
        }
        for value in ["Thu Feb 29 13:45:07 2024", "2024-02-29 13:45", "2024-02-29 13:45:07+00"] {
            key(KeyText::Timestamp, value, None);
        }
        key(KeyText::Uuid, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", None);
        key(KeyText::Opaque, "x", None);
    }

    #[test]
    fn only_unique_keys_fold() {
        let table = table(&["id", "a"]);
        assert!(table.folds_by(&[0]));
        assert!(table.folds_by(&[1, 0]), "more columns than needed");
        assert!(!table.folds_by(&[1]));
        assert!(!table.folds_by(&[]));
    }

    #[test]
    fn columns_are_found_with_and_without_a_good_hint() {
        let table = table(&["id", "a", "b"]);
        assert_eq!(table.slot("b", 2), Some(2));
        assert_eq!(table.slot("b", 0), Some(2));
        assert_eq!(table.slot("c", 7), None);
    }
}
