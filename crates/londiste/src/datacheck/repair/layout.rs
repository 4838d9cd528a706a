//! What is compared: the key and the columns of a table on both sides.

use pgq_client::conn::Session;
use pgq_client::name::TableName;
use pgq_client::{Error, Result};

use crate::job::UsageError;

/// A column of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Name, unquoted.
    pub(super) name: String,
    /// Whether the server computes it.
    pub(super) computed: bool,
    /// `generated always as identity`
    pub(super) always_identity: bool,
    /// Name of its type if that is one of the server's own, with `_` in front for arrays; of a domain the one
    /// below. `record` for composite types. Else empty.
    pub(super) kind: String,
}

/// A table of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// Columns of the primary key in its order; without one those of a unique key that always has values.
    pub(super) key: Vec<String>,
    /// All columns in order.
    pub(super) columns: Vec<Column>,
}

/// Reads a table's shape.
///
/// # Errors
/// The server's.
pub(super) async fn read(session: &Session, table: &TableName) -> Result<Shape> {
    let sql = "\
select array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality k (attnum, nr) \
               join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum \
              where k.nr <= i.indnkeyatts order by k.nr) as key \
  from pg_catalog.pg_index i \
 where i.indrelid = londiste.find_table_oid($1) \
   and i.indisunique and (i.indimmediate or i.indisprimary) and i.indisvalid and i.indpred is null and i.indexprs is null \
   and not exists (select from pg_catalog.pg_attribute a where a.attrelid = i.indrelid and not a.attnotnull \
                      and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])) \
 order by i.indisprimary desc, i.indnkeyatts, i.indexrelid limit 1";
    let rows = session.query(sql, &[&table.as_str()]).await.map_err(|e| Error::sql(e, sql))?;
    let key = rows.first().map(|row| row.try_get("key")).transpose()?.unwrap_or_default();
    let sql = "\
select a.attname::text as name, a.attgenerated <> '' as computed, a.attidentity = 'a' as always_identity, \
       case when t.typtype = 'c' then 'record' when t.oid < 10000 then t.typname::text else '' end as kind \
  from pg_catalog.pg_attribute a \
  join pg_catalog.pg_type d on d.oid = a.atttypid \
  join pg_catalog.pg_type t on t.oid = case d.typtype when 'd' then d.typbasetype else d.oid end \
 where a.attrelid = londiste.find_table_oid($1) and a.attnum > 0 and not a.attisdropped \
 order by a.attnum";
    let rows = session.query(sql, &[&table.as_str()]).await.map_err(|e| Error::sql(e, sql))?;
    let columns = rows.iter().map(|row| {
        Ok(Column {
            name: row.try_get("name")?,
            computed: row.try_get("computed")?,
            always_identity: row.try_get("always_identity")?,
            kind: row.try_get("kind")?,
        })
    });
    Ok(Shape { key, columns: columns.collect::<Result<_>>()? })
}

/// A column of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Common {
    /// Name, unquoted.
    pub(super) name: String,
    /// A time on both sides, so that one of them may have a zone and the other none.
    pub(super) time: bool,
    /// The type has no `=`, or one that calls different values equal, so that old values are compared as text.
    pub(super) by_text: bool,
}

/// What both sides have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Columns, those of the key first.
    pub(super) columns: Vec<Common>,
    /// How many of them are the key.
    pub(super) keys: usize,
    /// Whether an insert has to say that the value of an identity column is given.
    pub(super) overriding: bool,
}

/// Types without an equality of values; the geometric ones compare areas and lengths, composite ones do not take a
/// literal for a value of theirs.
const NO_EQUALITY: [&str; 13] = [
    "box",
    "circle",
    "json",
    "jsonpath",
    "line",
    "lseg",
    "path",
    "pg_snapshot",
    "point",
    "polygon",
    "record",
    "txid_snapshot",
    "xml",
];

const TIMES: [&str; 2] = ["timestamp", "timestamptz"];

impl Layout {
    /// Matches both sides. Columns that only one side has, or that this side computes, are left out.
    ///
    /// # Errors
    /// [`UsageError`] when there is no key to find rows by, or not the same.
    pub(super) fn new(
        table: &TableName,
        src: &Shape,
        dst: &Shape,
    ) -> std::result::Result<Layout, UsageError> {
        if src.key.is_empty() && dst.key.is_empty() {
            return Err(UsageError(format!("Primary key missing on table: {table}")));
        }
        if src.key != dst.key {
            return Err(UsageError("pkeys do not match".to_owned()));
        }
        let find = |shape: &Shape, name: &str| -> Option<Column> {
            shape.columns.iter().find(|column| column.name == name).cloned()
        };
        let others = src.columns.iter().map(|column| &column.name);
        let names = src.key.iter().chain(others.filter(|name| !src.key.contains(name)));
        let mut layout = Layout { columns: Vec::new(), keys: src.key.len(), overriding: false };
        for name in names {
            let (Some(theirs), Some(ours)) = (find(src, name), find(dst, name)) else { continue };
            if ours.computed && !src.key.contains(name) {
                continue;
            }
            layout.overriding |= ours.always_identity;
            let kind = ours.kind.strip_prefix('_').unwrap_or(&ours.kind);
            layout.columns.push(Common {
                name: name.clone(),
                time: [&theirs, &ours].iter().all(|column| TIMES.contains(&column.kind.as_str())),
                by_text: NO_EQUALITY.contains(&kind),
            });
        }
        Ok(layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name:kind`, with `=` behind a computed one and `!` behind an identity.
    fn shape(key: &str, columns: &str) -> Shape {
        let columns = columns.split_whitespace().map(|text| {
            let (name, kind) = text.split_once(':').unwrap_or((text, "int4"));
            Column {
                name: name.trim_end_matches(['=', '!']).to_owned(),
                computed: name.ends_with('='),
                always_identity: name.ends_with('!'),
                kind: kind.to_owned(),
            }
        });
        let key = key.split_whitespace().map(str::to_owned).collect();
        Shape { key, columns: columns.collect() }
    }

    fn layout(src: &Shape, dst: &Shape) -> std::result::Result<Layout, String> {
        Layout::new(&TableName::new("t"), src, dst).map_err(|error| error.to_string())
    }

    fn names(layout: &Layout) -> String {
        layout.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_key_comes_first_and_only_common_columns() {
        let got = layout(&shape("c b", "a b c x"), &shape("c b", "y c b a")).unwrap();
        assert_eq!((names(&got).as_str(), got.keys), ("c b a", 2));
    }

    #[test]
    fn computed_columns_are_left_out_where_they_cannot_be_set() {
        let got = layout(&shape("a", "a b= c"), &shape("a", "a b c=")).unwrap();
        assert_eq!(names(&got), "a b");
    }

    #[test]
    fn keys_have_to_be_the_same_lists() {
        let (one, other, none) = (shape("a b", "a b"), shape("b a", "a b"), shape("", "a b"));
        assert_eq!(layout(&one, &other).unwrap_err(), "pkeys do not match");
        assert_eq!(layout(&one, &none).unwrap_err(), "pkeys do not match");
        assert_eq!(layout(&none, &none).unwrap_err(), "Primary key missing on table: public.t");
    }

    #[test]
    fn types_that_need_care() {
        let src = shape("a", "a t:timestamptz u:timestamptz j:json p:_point n:numeric");
        let dst = shape("a", "a! t:timestamp u:text j:json p:_point n:numeric");
        let got = layout(&src, &dst).unwrap();
        assert!(got.overriding);
        let times: Vec<bool> = got.columns.iter().map(|c| c.time).collect();
        assert_eq!(times, [false, true, false, false, false, false]);
        let by_text: Vec<bool> = got.columns.iter().map(|c| c.by_text).collect();
        assert_eq!(by_text, [false, false, false, true, true, false]);
    }
}
