//! How a partition comes to be there: the SQL for the first time a batch meets its name (contract `handlers.md` 9.8).
//!
//! Names of tables are literals as they are, and quoted where they are part of a statement. The list of key columns is always
//! quoted: who uses it makes a statement of it.

use std::borrow::Cow;

use pgq_client::name::TableName;
use pgq_client::text::quoting::{quote_ident, quote_literal};

use super::period::{Partition, Partitioning, Period};
use super::template::Template;
use crate::handler::HandlerError;

/// The function that makes a partition unless `part_func` names another one.
const FUNCTION: &str = "londiste.create_partition";

/// Where older schemas have it.
const OLDER_FUNCTION: &str = "public.create_partition";

/// What `pre_part`, `part_template` and `post_part` may use. The first one only with a `part_field`.
const VARIABLES: [&str; 9] = [
    "part_field",
    "dest",
    "part",
    "parent",
    "pkeys",
    "pkey",
    "schema_table",
    "part_time",
    "period",
];

/// Reads one of the SQL templates.
pub(super) fn template(
    argument: &'static str,
    text: &str,
    part_field: Option<&str>,
) -> Result<Template, HandlerError> {
    let variables = if part_field.is_some() { &VARIABLES[..] } else { &VARIABLES[1..] };
    Template::parse(argument, text, variables)
}

/// What to do about a partition that the batch has not met yet, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// With `ignore_old_events`: a query for one boolean. True: this and all later events of the partition are left out of the
    /// batch, and nothing else is done. False and NULL: go on.
    pub obsolete: Option<String>,
    /// A query for one boolean: true when there is such a table, and nothing else is to do.
    pub exists: String,
    /// `pre_part`, to be run before.
    pub before: Option<String>,
    /// How to make it: the first of these that can be had. The original copied the parent when there was none, also when the
    /// name of `part_func` was misspelt.
    pub ways: Vec<Way>,
    /// `post_part`, to be run behind.
    pub after: Option<String>,
    /// With `retention_period`: what has become too old and goes.
    pub expired: Option<Expired>,
}

/// A way to make a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// `part_template`: run this.
    Template(String),
    /// Call a function, if the server has it.
    Function {
        /// A query for one boolean.
        exists: String,
        /// The call. Its result says nothing of importance.
        call: String,
    },
}

/// The partitions of a table whose time is over.
///
/// The function `londiste.drop_obsolete_partitions` drops all of them, those too that the batch has rows for: an event of
/// an old period would make its partition, see it dropped and find no table, again and again. So they are listed, those of the batch left out,
/// and the rest is dropped. What is left goes when a later batch makes a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    parent: TableName,
    retention: String,
    period: Period,
}

impl Partition<'_> {
    /// What it takes for the partition to be there. `key` is that of the change, behind the field filter.
    pub fn creation(&self, key: &[Cow<'_, str>]) -> Creation {
        let how = self.how;
        let key: Vec<String> = key.iter().map(|column| quote_ident(column)).collect();
        let values = Values::new(self, key.join(","));
        let fill = |template: &Option<Template>| Some(values.fill(template.as_ref()?));
        let expired = how.retention.as_ref().map(|retention| Expired {
            parent: self.parent.clone(),
            retention: retention.clone(),
            period: how.period,
        });
        let obsolete = expired.as_ref().filter(|_| how.ignore_old).map(|expired| {
            format!(
                "select londiste.is_obsolete_partition({}, {})",
                literal(&self.name),
                expired.limits()
            )
        });
        let ways = match fill(&how.template) {
            Some(sql) => vec![Way::Template(sql)],
            None => how.functions().iter().map(|name| values.call(name)).collect(),
        };
        Creation {
            obsolete,
            exists: format!(
                "select exists (select 1 from pg_catalog.pg_class c join pg_catalog.pg_namespace n \
                 on n.oid = c.relnamespace where n.nspname = {} and c.relname = {} and c.relkind = 'r')",
                quote_literal(Some(self.name.schema())),
                quote_literal(Some(self.name.name())),
            ),
            before: fill(&how.before),
            ways,
            after: fill(&how.after),
            expired,
        }
    }
}

impl Partitioning {
    /// The functions to look for.
    fn functions(&self) -> Vec<TableName> {
        match &self.func {
            Some(name) if name.as_str() != FUNCTION => vec![name.clone()],
            _ => vec![TableName::new(FUNCTION), TableName::new(OLDER_FUNCTION)],
        }
    }
}

impl Expired {
    /// A query for the names that may be dropped, one a row, quoted. `used` are the partitions the batch has met, the new one among
    /// them.
    pub fn list<'t>(&self, used: impl IntoIterator<Item = &'t TableName>) -> String {
        // The server quotes the names it compares, because it decides which words are keywords.
        let used: Vec<String> = used
            .into_iter()
            .map(|name| {
                let parts = [name.schema(), name.name()].map(|part| quote_literal(Some(part)));
                format!("format('%I.%I', {})", parts.join(", "))
            })
            .collect();
        format!(
            "select part from londiste.list_obsolete_partitions({}, {}) part \
             where part <> all (array[{}]::text[])",
            literal(&self.parent),
            self.limits(),
            used.join(", ")
        )
    }

    /// The statement that drops what [`Expired::list`] has answered; `None` for nothing.
    pub fn drop(&self, listed: &[String]) -> Option<String> {
        (!listed.is_empty()).then(|| format!("drop table {}", listed.join(", ")))
    }

    /// Retention and period as arguments.
    fn limits(&self) -> String {
        format!("{}, '{}'", quote_literal(Some(&self.retention)), self.period.as_str())
    }
}

/// What the variables and arguments stand for.
struct Values<'p> {
    partition: &'p Partition<'p>,
    part: String,
    parent: String,
    keys: String,
    schema_table: String,
    time: String,
}

impl<'p> Values<'p> {
    fn new(partition: &'p Partition<'p>, keys: String) -> Values<'p> {
        let word = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '_' };
        Values {
            partition,
            part: partition.name.quoted(),
            parent: partition.parent.quoted(),
            keys,
            // Names of constraints are made of it: quotes in the middle of a word would be no name.
            schema_table: partition.name.as_str().replace('.', "__").chars().map(word).collect(),
            time: partition.time.plain(),
        }
    }

    fn fill(&self, template: &Template) -> String {
        template.fill(|name| match name {
            "parent" => &self.parent,
            "pkeys" | "pkey" => &self.keys,
            "schema_table" => &self.schema_table,
            "part_field" => self.partition.how.field.as_deref().unwrap_or_default(),
            "part_time" => &self.time,
            "period" => self.partition.how.period.as_str(),
            _ => &self.part,
        })
    }

    fn call(&self, function: &TableName) -> Way {
        let how = self.partition.how;
        Way::Function {
            exists: format!(
                "select exists (select 1 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n \
                 on n.oid = p.pronamespace where n.nspname = {} and p.proname = {} and p.pronargs = 6)",
                quote_literal(Some(function.schema())),
                quote_literal(Some(function.name())),
            ),
            call: format!(
                "select {}({}, {}, {}, {}, {}, '{}')",
                function.quoted(),
                literal(self.partition.parent),
                literal(&self.partition.name),
                quote_literal(Some(&self.keys)),
                quote_literal(how.field.as_deref()),
                self.partition.time.literal(),
                how.period.as_str(),
            ),
        }
    }
}

fn literal(name: &TableName) -> String {
    quote_literal(Some(name.as_str()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::datetime;
    use pgq_client::text::urlenc;

    use super::super::Times;
    use super::super::tests::dispatch;
    use super::*;

    /// The creation of the partition of a row with ts=2024-01-31 23:59:59.5 in a batch of 2024-02-29.
    fn creation(handler: &str, args: &[(&str, &str)], table: &str, key: &[&str]) -> Creation {
        let args = urlenc::encode_pairs(args.iter().map(|(k, v)| (*k, Some(*v))));
        let handler = dispatch(&format!("{handler}({args})"));
        let times = Times {
            batch_end: "2024-02-29 13:45:07.123456+00",
            event: "2024-02-29 13:45:06+00",
            now: datetime(2024, 3, 1, 8, 5, 9, 0),
        };
        let columns = vec![("ts".into(), Some("2024-01-31 23:59:59.5".into()))];
        let key: Vec<Cow<'_, str>> = key.iter().map(|name| Cow::Borrowed(*name)).collect();
        let parent = TableName::new(table);
        let partition = handler.partition(&parent, &times, &columns).unwrap().unwrap();
        partition.creation(&key)
    }

    fn calls(creation: &Creation) -> Vec<&str> {
        creation
            .ways
            .iter()
            .map(|way| match way {
                Way::Template(sql) => sql.as_str(),
                Way::Function { call, .. } => call,
            })
            .collect()
    }

    #[test]
    fn the_functions_are_called() {
        let field = creation("monthly_field", &[("part_field", "ts")], "lg", &["id"]);
        assert_eq!(
            calls(&field),
            [
                "select londiste.create_partition('public.lg', 'public.lg_2024_01', 'id', 'ts', '2024-01-31T23:59:59'::timestamp, 'month')",
                "select public.create_partition('public.lg', 'public.lg_2024_01', 'id', 'ts', '2024-01-31T23:59:59'::timestamp, 'month')",
            ]
        );
        assert_eq!(
            (&field.obsolete, &field.before, &field.after, &field.expired),
            (&None, &None, &None, &None)
        );
        let Way::Function { exists, .. } = &field.ways[0] else { panic!("a function comes first") };
        assert_eq!(
            exists,
            "select exists (select 1 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
             where n.nspname = 'londiste' and p.proname = 'create_partition' and p.pronargs = 6)"
        );
        assert_eq!(
            field.exists,
            "select exists (select 1 from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = 'public' and c.relname = 'lg_2024_01' and c.relkind = 'r')"
        );

        let batch = creation("daily_batch", &[], "lg", &["a", "b"]);
        assert_eq!(
            calls(&batch)[0],
            "select londiste.create_partition('public.lg', 'public.lg_2024_02_29', 'a,b', null, '2024-02-29T13:45:07.123456+00:00'::timestamptz, 'day')"
        );
        assert_eq!(
            calls(&creation(
                "daily_batch",
                &[("part_func", "londiste.create_partition")],
                "lg",
                &[]
            )),
            calls(&creation("daily_batch", &[], "lg", &[])),
        );
        for func in ["mk", "Own.mk_part"] {
            let own = creation("daily_batch", &[("part_func", func)], "lg", &["id"]);
            let quoted = TableName::new(func).quoted();
            assert_eq!(
                calls(&own),
                [&*format!(
                    "select {quoted}('public.lg', 'public.lg_2024_02_29', 'id', null, '2024-02-29T13:45:07.123456+00:00'::timestamptz, 'day')"
                )]
            );
        }
    }

    #[test]
    fn names_are_literals_as_they_are() {
        let args = [
            ("part_field", "Ts"),
            ("fields", "ts:Ts"),
            ("retention_period", "3 days"),
            ("ignore_old_events", "1"),
        ];
        let mixed = creation("daily_field", &args, "S x.It's", &["Id", "order"]);
        assert_eq!(
            calls(&mixed)[0],
            r#"select londiste.create_partition('S x.It''s', 'S x.It''s_2024_01_31', '"Id","order"', 'Ts', '2024-01-31T23:59:59'::timestamp, 'day')"#
        );
        assert_eq!(
            mixed.obsolete.as_deref(),
            Some("select londiste.is_obsolete_partition('S x.It''s_2024_01_31', '3 days', 'day')")
        );
        assert!(mixed.exists.contains("nspname = 'S x' and c.relname = 'It''s_2024_01_31'"));
    }

    #[test]
    fn templates_are_filled() {
        let args = [
            (
                "part_template",
                "create table %(dest)s (like %(parent)s);alter table %(part)s add constraint %(schema_table)s_pk primary key (%(pkeys)s)",
            ),
            ("pre_part", "select '%(part_time)s', '%(period)s', '%(pkey)s', '100%%'"),
            ("post_part", "select %(part_field)s from %(part)s"),
            ("part_field", "ts"),
        ];
        let plain = creation("daily_time", &args, "lg", &["id"]);
        assert_eq!(
            calls(&plain),
            [
                "create table public.lg_2024_03_01 (like public.lg);alter table public.lg_2024_03_01 add constraint public__lg_2024_03_01_pk primary key (id)"
            ]
        );
        assert_eq!(
            plain.before.as_deref(),
            Some("select '2024-03-01 08:05:09', 'day', 'id', '100%'")
        );
        assert_eq!(plain.after.as_deref(), Some("select ts from public.lg_2024_03_01"));

        let mixed = creation("daily_time", &args, "S x.Lg", &["a", "Id"]);
        assert_eq!(
            calls(&mixed),
            [
                r#"create table "S x"."Lg_2024_03_01" (like "S x"."Lg");alter table "S x"."Lg_2024_03_01" add constraint S_x__Lg_2024_03_01_pk primary key (a,"Id")"#
            ]
        );
    }

    #[test]
    fn old_partitions_go_but_those_of_the_batch() {
        let args = [("retention_period", "3 days")];
        let lasting = creation("daily_batch", &args, "lg", &["id"]);
        assert_eq!(lasting.obsolete, None);
        let expired = lasting.expired.unwrap();
        let used = ["lg_2024_01_01", "S.o'x"].map(TableName::new);
        assert_eq!(
            expired.list(&used),
            "select part from londiste.list_obsolete_partitions('public.lg', '3 days', 'day') part \
             where part <> all (array[format('%I.%I', 'public', 'lg_2024_01_01'), format('%I.%I', 'S', 'o''x')]::text[])"
        );
        assert_eq!(
            expired.list([]),
            "select part from londiste.list_obsolete_partitions('public.lg', '3 days', 'day') part \
             where part <> all (array[]::text[])"
        );
        let listed = ["public.lg_2023_01_01", "public.lg_2023_01_02"].map(str::to_owned);
        assert_eq!(
            expired.drop(&listed).as_deref(),
            Some("drop table public.lg_2023_01_01, public.lg_2023_01_02")
        );
        assert_eq!(expired.drop(&[]), None);

        let args = [("retention_period", "3 days"), ("ignore_old_events", "1")];
        let ignoring = creation("daily_batch", &args, "lg", &["id"]);
        assert_eq!(
            ignoring.obsolete.as_deref(),
            Some("select londiste.is_obsolete_partition('public.lg_2024_02_29', '3 days', 'day')")
        );
        // Without a limit nothing is old.
        let endless = creation("daily_batch", &[("ignore_old_events", "1")], "lg", &["id"]);
        assert_eq!((endless.obsolete, endless.expired), (None, None));
    }
}
