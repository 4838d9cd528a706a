//! The statements that make a row here what it is at the source (contract `compare-repair-execute.md` 4.3). Pure.

use std::borrow::Cow;
use std::fmt;

use anyhow::Context as _;
use pgq_client::name::TableName;
use pgq_client::text::quoting::{push_literal, quote_ident};

use super::layout::Layout;
use super::merge::Difference;
use super::row::{self, differ_by_zone, fields};

/// A row's values in the order of the layout.
type Row<'a> = Vec<Option<Cow<'a, str>>>;

/// What a fix does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Brings a row.
    Insert,
    /// Changes columns of a row.
    Update,
    /// Takes a row away.
    Delete,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Insert => "insert",
            Kind::Update => "update",
            Kind::Delete => "delete",
        })
    }
}

/// A statement, and how to find out whether it is still right when it is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fix {
    /// What it does.
    pub(super) kind: Kind,
    /// The statement, with its semicolon.
    pub(super) sql: String,
    /// Asks the source: a row comes when its row is still as it was (insert, update), or is there again (delete).
    pub(super) source_check: String,
    /// Asks this node: a row comes when there is one of that key.
    pub(super) here_check: String,
}

/// Writes the statements of one table.
#[derive(Debug)]
pub(super) struct Writer {
    layout: Layout,
    /// Column names, quoted.
    columns: Vec<String>,
    /// Table here, quoted.
    dst: String,
    /// `only ` in front of tables that have rows of their own.
    dst_only: &'static str,
    /// Table at the source, quoted, with `only` where that is due.
    src: String,
    /// Which rows of the source belong here: a condition on the source's side of the check, but for deletes.
    condition: Option<String>,
}

impl Writer {
    /// `partitioned`: source, here.
    pub(super) fn new(
        layout: Layout,
        (src, dst): (&TableName, &TableName),
        (src_partitioned, dst_partitioned): (bool, bool),
        condition: Option<&str>,
    ) -> Writer {
        Writer {
            columns: layout.columns.iter().map(|column| quote_ident(&column.name)).collect(),
            layout,
            dst: dst.quoted(),
            dst_only: only(dst_partitioned),
            src: format!("{}{}", only(src_partitioned), src.quoted()),
            condition: condition.map(str::to_owned),
        }
    }

    /// The fix of a difference; `None` where the values are equal in spite of it.
    ///
    /// # Errors
    /// When a line is no row of the table.
    pub(super) fn fix(&self, difference: Difference<'_>) -> anyhow::Result<Option<Fix>> {
        let (kind, sql, row) = match difference {
            Difference::Insert(line) => {
                let row = self.row(line)?;
                (Kind::Insert, self.insert(&row), row)
            }
            Difference::Delete(line) => {
                let row = self.row(line)?;
                (Kind::Delete, self.delete(&row), row)
            }
            Difference::Update(new_line, old_line) => {
                let (new, old) = (self.row(new_line)?, self.row(old_line)?);
                let pairs = fields(new_line).zip(fields(old_line)).zip(&self.layout.columns);
                let changed: Vec<usize> = pairs
                    .enumerate()
                    .filter(|(_, ((new, old), column))| {
                        new != old && !(column.time && differ_by_zone(new, old))
                    })
                    .map(|(nr, _)| nr)
                    .collect();
                if changed.is_empty() {
                    return Ok(None);
                }
                (Kind::Update, self.update(&new, &old, &changed), new)
            }
        };
        let source_check = self.source_check(kind, &row);
        let here_check =
            format!("select 1 from {}{} where {}", self.dst_only, self.dst, self.key(&row));
        Ok(Some(Fix { kind, sql, source_check, here_check }))
    }

    /// The values of a line.
    fn row<'a>(&self, line: &'a [u8]) -> anyhow::Result<Row<'a>> {
        // A database that does not know its encoding sends whatever bytes it has.
        let text = std::str::from_utf8(line)
            .with_context(|| format!("a row of {} has bytes that are not UTF-8", self.dst))?;
        let row: Result<Row<'a>, _> = text.split('\t').map(row::value).collect();
        let row = row.map_err(anyhow::Error::msg)?;
        anyhow::ensure!(
            row.len() == self.columns.len(),
            "a dumped row of {} has {} columns instead of {}",
            self.dst,
            row.len(),
            self.columns.len()
        );
        Ok(row)
    }

    fn insert(&self, row: &Row<'_>) -> String {
        let overriding = if self.layout.overriding { " overriding system value" } else { "" };
        let mut sql =
            format!("insert into {} ({}){overriding} values (", self.dst, self.columns.join(", "));
        for (nr, value) in row.iter().enumerate() {
            if nr > 0 {
                sql.push_str(", ");
            }
            push_literal(&mut sql, value.as_deref());
        }
        sql.push_str(");");
        sql
    }

    fn update(&self, new: &Row<'_>, old: &Row<'_>, changed: &[usize]) -> String {
        let mut sql = format!("update {}{} set ", self.dst_only, self.dst);
        for (place, &nr) in changed.iter().enumerate() {
            if place > 0 {
                sql.push_str(", ");
            }
            sql.push_str(&self.columns[nr]);
            sql.push_str(" = ");
            push_literal(&mut sql, new[nr].as_deref());
        }
        sql.push_str(" where ");
        sql.push_str(&self.key(old));
        for &nr in changed {
            sql.push_str(" and ");
            let cast = if self.layout.columns[nr].by_text { "::text" } else { "" };
            push_equals(&mut sql, &self.columns[nr], cast, old[nr].as_deref());
        }
        sql.push(';');
        sql
    }

    fn delete(&self, row: &Row<'_>) -> String {
        format!("delete from {}{} where {};", self.dst_only, self.dst, self.key(row))
    }

    /// `key = 'v' and ...`
    fn key(&self, row: &Row<'_>) -> String {
        let mut sql = String::new();
        for (column, value) in self.columns.iter().zip(row).take(self.layout.keys) {
            if !sql.is_empty() {
                sql.push_str(" and ");
            }
            push_equals(&mut sql, column, "", value.as_deref());
        }
        sql
    }

    fn source_check(&self, kind: Kind, row: &Row<'_>) -> String {
        let mut sql = format!("select 1 from {} where {}", self.src, self.key(row));
        if kind != Kind::Delete {
            for (column, value) in self.columns.iter().zip(row).skip(self.layout.keys) {
                // As the type writes itself, which is how it was dumped; casts to text may do otherwise. A composite
                // value with nulls in it is neither `null` nor `not null` as one would think.
                match value {
                    None => sql.push_str(&format!(" and {column} is not distinct from null")),
                    Some(value) => {
                        sql.push_str(&format!(
                            " and {column} is distinct from null and pg_catalog.format('%s', {column}) = "
                        ));
                        push_literal(&mut sql, Some(value));
                    }
                }
            }
        }
        // Changes of a row are replayed whether it meets the condition or not, so that one that does not is no less here.
        if let Some(condition) = self.condition.as_ref().filter(|_| kind != Kind::Delete) {
            sql.push_str(&format!(" and ({condition})"));
        }
        sql
    }
}

/// What keeps rows of inheriting tables out.
fn only(partitioned: bool) -> &'static str {
    if partitioned { "" } else { "only " }
}

fn push_equals(sql: &mut String, column: &str, cast: &str, value: Option<&str>) {
    sql.push_str(column);
    match value {
        None => sql.push_str(" is null"),
        Some(value) => {
            sql.push_str(cast);
            sql.push_str(" = ");
            push_literal(sql, Some(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Common;
    use super::*;

    fn layout(columns: &str, keys: usize) -> Layout {
        let columns = columns.split_whitespace().map(|text| {
            let (name, kind) = text.split_once(':').unwrap_or((text, ""));
            Common { name: name.to_owned(), time: kind == "time", by_text: kind == "json" }
        });
        Layout { columns: columns.collect(), keys, overriding: false }
    }

    fn writer(columns: &str, keys: usize) -> Writer {
        let (src, dst) = (TableName::new("mytable"), TableName::new("Other.my table"));
        Writer::new(layout(columns, keys), (&src, &dst), (false, false), Some("id < 5"))
    }

    #[track_caller]
    fn check(writer: &Writer, difference: Difference<'_>, expected: &str) -> Fix {
        let fix = writer.fix(difference).unwrap().unwrap();
        assert_eq!(fix.sql, expected);
        fix
    }

    #[test]
    fn each_kind() {
        let writer = writer("id data Extra", 1);
        let fix = check(
            &writer,
            Difference::Insert(b"1\trow '1'\t\\N"),
            r#"insert into "Other"."my table" (id, data, "Extra") values ('1', 'row ''1''', null);"#,
        );
        assert_eq!(
            fix.source_check,
            "select 1 from only public.mytable where id = '1' and data is distinct from null and \
             pg_catalog.format('%s', data) = 'row ''1''' and \"Extra\" is not distinct from null and (id < 5)"
        );
        assert_eq!(fix.here_check, r#"select 1 from only "Other"."my table" where id = '1'"#);
        let fix = check(
            &writer,
            Difference::Update(b"3\tsame\ttab\\there\\nnl \\\\ back", b"3\tsame\t\\N"),
            "update only \"Other\".\"my table\" set \"Extra\" = E'tab\there\nnl \\\\ back' where id = '3' and \"Extra\" is null;",
        );
        assert_eq!(fix.kind, Kind::Update);
        check(
            &writer,
            Difference::Update(b"4\t\\N\tb", b"4\tdiff\tc"),
            r#"update only "Other"."my table" set data = null, "Extra" = 'b' where id = '4' and data = 'diff' and "Extra" = 'c';"#,
        );
        let fix = check(
            &writer,
            Difference::Delete(b"10\tx\ty"),
            r#"delete from only "Other"."my table" where id = '10';"#,
        );
        // Whatever it is like at the source now: it is there.
        assert_eq!(fix.source_check, "select 1 from only public.mytable where id = '10'");
    }

    #[test]
    fn keys_of_all_columns_and_partitions() {
        let dst = TableName::new("t");
        let writer = Writer::new(layout("a b", 2), (&dst, &dst), (true, true), None);
        check(
            &writer,
            Difference::Delete(b"1\t\\\\"),
            r"delete from public.t where a = '1' and b = E'\\';",
        );
        let fix = check(
            &writer,
            Difference::Insert(b"1\t2"),
            "insert into public.t (a, b) values ('1', '2');",
        );
        assert_eq!(fix.source_check, "select 1 from public.t where a = '1' and b = '2'");
    }

    #[test]
    fn identities_and_types_without_equality() {
        let dst = TableName::new("t");
        let mut layout = layout("id j:json", 1);
        layout.overriding = true;
        let writer = Writer::new(layout, (&dst, &dst), (false, false), None);
        check(
            &writer,
            Difference::Insert(b"1\t{}"),
            "insert into public.t (id, j) overriding system value values ('1', '{}');",
        );
        check(
            &writer,
            Difference::Update(b"1\t{}", b"1\t[]"),
            "update only public.t set j = '{}' where id = '1' and j::text = '[]';",
        );
    }

    #[test]
    fn zones_are_tolerated_in_times_only() {
        let writer = writer("id t:time x", 1);
        let (with, without) = ("2024-01-01 00:00:00+00", "2024-01-01 00:00:00");
        let line = |t: &str, x: &str| format!("1\t{t}\t{x}").into_bytes();
        let difference = (line(with, "a"), line(without, "a"));
        assert_eq!(writer.fix(Difference::Update(&difference.0, &difference.1)).unwrap(), None);
        let difference = (line(with, with), line(without, without));
        let fix = writer.fix(Difference::Update(&difference.0, &difference.1)).unwrap().unwrap();
        assert!(fix.sql.contains(&format!("set x = '{with}' where")), "{}", fix.sql);
    }

    #[test]
    fn what_is_no_row_is_an_error() {
        let writer = writer("id x", 1);
        for line in [&b"1"[..], b"1\t2\t3", b"1\t\xff", b"1\tx\\"] {
            assert!(writer.fix(Difference::Insert(line)).is_err());
        }
    }
}
