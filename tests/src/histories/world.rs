//! Some tables that belong together, on each side.

use std::fmt::Write as _;

use super::kinds::Kind;
use super::table::{Parent, Table, UniqueForm, quoted};
use super::twist::Twist;
use crate::random::Random;

/// Whose tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where changes are made.
    Source,
    /// A leaf of ours.
    Ours,
    /// A leaf of the reference: without what the reference cannot write to.
    Reference,
}

/// Some tables, replicated together.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) tables: Vec<Table>,
}

/// A statement with names `@.t`, for a world in this schema.
pub fn in_schema(sql: &str, schema: &str) -> String {
    sql.replace("@.", &format!("{schema}."))
}

impl World {
    /// Another world for each seed.
    pub(super) fn new(random: &mut Random) -> Self {
        let mut tables = Vec::new();
        for number in 0..random.weighted(&[(3, 1), (3, 2), (1, 3)]) {
            let table = Table::new(random, number, &tables);
            tables.push(table);
        }
        Self { tables }
    }

    /// Makes all tables in a schema that is there.
    pub fn ddl(&self, side: Side) -> String {
        let mut ddl = String::new();
        if side != Side::Source {
            ddl.push_str(
                "create table @.audit (nr bigint, what text, before text, after text, others numeric);",
            );
        }
        for table in &self.tables {
            ddl.push_str(&table.ddl(side));
            if let Some(parent) = &table.parent {
                let parent_table = &self.tables[parent.table];
                if !self.has_foreign_key(table, side) {
                    continue;
                }
                write!(
                    ddl,
                    "alter table {} add constraint {} foreign key ({}) references {} {};",
                    table.quoted(),
                    quoted(&table.parent_name()),
                    table.column(parent.column),
                    parent_table.quoted(),
                    with_key(parent_table, parent.actions),
                )
                .expect("a string grows");
            }
        }
        if side != Side::Source {
            let counts: Vec<String> = self
                .tables
                .iter()
                .map(|table| format!("select count(*) as n from {}", table.quoted()))
                .collect();
            write!(ddl, "create view @.counts as {};", counts.join(" union all "))
                .expect("a string grows");
        }
        ddl
    }

    /// Names of the tables without their schema, unquoted, and the arguments that `local_add_table` gets beyond the usual.
    pub fn tables(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        self.tables.iter().map(|table| {
            let flags = (!table.flags.is_empty()).then(|| format!("tgflags={}", table.flags));
            (table.name.as_str(), flags)
        })
    }

    /// Puts constraints that wait for the end of a transaction back into that state, after they were checked.
    pub fn defer_again(&self, side: Side) -> String {
        let mut names = Vec::new();
        for table in &self.tables {
            if table
                .unique
                .as_ref()
                .is_some_and(|unique| unique.form == UniqueForm::InitiallyDeferred)
            {
                names.push(format!("@.{}", quoted(&table.unique_name())));
            }
            let waits = |parent: &Parent| parent.actions.contains("deferred");
            if table.parent.as_ref().is_some_and(waits) && self.has_foreign_key(table, side) {
                names.push(format!("@.{}", quoted(&table.parent_name())));
            }
        }
        if names.is_empty() {
            return String::new();
        }
        format!("set constraints {} deferred", names.join(", "))
    }

    /// Whether its column for the parent has the parent's type here.
    fn has_foreign_key(&self, table: &Table, side: Side) -> bool {
        let Some(parent) = &table.parent else { return false };
        let parent = &self.tables[parent.table];
        let changes = |twist: &Twist| matches!(twist, Twist::Wider | Twist::Narrower);
        match side {
            Side::Source => true,
            Side::Reference if parent.columns[parent.key[0]].kind.for_reference.is_some() => false,
            _ => !changes(&table.twist) && !changes(&parent.twist),
        }
    }

    /// Whether the leaves have the source's rows in every table. Where they do not, what the source could do may be refused
    /// there.
    pub fn keeps_rows(&self) -> bool {
        self.tables.iter().all(|table| table.twist.keeps_rows())
    }

    /// Whether a unique constraint is checked at the end of a statement: what one statement can do at the source, its events
    /// cannot do one after the other.
    pub fn checks_statements(&self) -> bool {
        let form = UniqueForm::DeferrableImmediate;
        self.tables
            .iter()
            .any(|table| table.unique.as_ref().is_some_and(|unique| unique.form == form))
    }

    /// What both leaves must agree on: a label and a query of one column each.
    pub fn leaf_queries(&self) -> Vec<(String, String)> {
        let mut queries: Vec<(String, String)> = self
            .tables
            .iter()
            .map(|table| {
                let mut columns = table.shown(|place, kind| {
                    // Folding takes the latest spelling of a key, an update by itself leaves the first.
                    table.key.contains(&place) && kind.is_loose() && kind.folds()
                });
                if table.twist == Twist::ExtraColumn {
                    columns.push_str(", extra, \"Extra 2\"");
                }
                (table.name.clone(), rows(&columns, &table.only()))
            })
            .collect();
        queries.push((
            "audit".to_owned(),
            "select row(what, before, after, others)::text from @.audit order by nr".to_owned(),
        ));
        queries
    }

    /// Tables that have the source's rows on a leaf, with a query for all sides, as [`World::leaf_queries`].
    pub fn source_queries(&self) -> Vec<(String, String)> {
        self.tables
            .iter()
            .filter(|table| table.twist.keeps_rows())
            .map(|table| {
                // A change to an equal value is none to triggers when it is of the key, or when nothing else changes, and
                // the leaf keeps the old spelling: 1.0 where the source has 1.00 now.
                let columns = table.shown(|_, kind| kind.is_loose());
                (table.name.clone(), rows(&columns, &table.only()))
            })
            .collect()
    }
}

impl Table {
    pub(super) fn parent_name(&self) -> String {
        format!("parent of {}", self.name)
    }

    /// For `from`: a child's rows are its own, a partitioned table has none itself.
    fn only(&self) -> String {
        let only = if self.twist == Twist::Partitioned { "" } else { "only " };
        format!("{only}{}", self.quoted())
    }

    /// All columns; where `loosely`, equal values are shown as the first of their kind.
    fn shown(&self, loosely: impl Fn(usize, &Kind) -> bool) -> String {
        let columns: Vec<String> = (0..self.columns.len())
            .map(|place| {
                let (name, kind) = (self.column(place), self.columns[place].kind);
                if !loosely(place, kind) {
                    return name;
                }
                let known: Vec<String> =
                    (0..kind.values.len()).map(|number| kind.nth(number)).collect();
                format!(
                    "coalesce((select a.v::text from unnest(array[{}]) with ordinality a(v, n)
                        where a.v = {name} order by a.n limit 1), {name}::text)",
                    known.join(", ")
                )
            })
            .collect();
        columns.join(", ")
    }

    /// Finds one row of the key's values.
    pub(super) fn with_values(&self, values: &[String]) -> String {
        let terms: Vec<String> = self
            .key
            .iter()
            .zip(values)
            .map(|(place, value)| format!("{} = {value}", self.column(*place)))
            .collect();
        terms.join(" and ")
    }
}

fn with_key(parent: &Table, actions: &str) -> String {
    format!("({}) {actions}", parent.names(&parent.key))
}

fn rows(columns: &str, from: &str) -> String {
    format!(
        "select line from (select row({columns})::text as line from {from}) t order by line collate \"C\""
    )
}

/// How all sides print values.
pub const PRINTING: &str =
    "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres';
    set extra_float_digits = 1; set bytea_output = 'hex'; set lc_monetary = 'C'";
