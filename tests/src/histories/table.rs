//! A table at the source.

use super::kinds::Kind;
use super::twist::Twist;
use crate::random::Random;

const COLUMN_NAMES: &[&str] =
    &["v", "w", "order", "Größe", "with space", "it's", "per%cent", "q\"q", "Upper"];
const KEY_NAMES: &[&str] = &["id", "k", "Key \"x\"", "größe", "user", "KEY"];

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Unquoted.
    pub(super) name: String,
    pub(super) kind: &'static Kind,
    pub(super) not_null: bool,
    pub(super) made: Made,
}

/// Where a column's values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Written,
    /// Computed by this expression.
    Generated(String),
    IdentityAlways,
    IdentityByDefault,
}

/// What makes the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyForm {
    Primary,
    Unique,
}

/// Another unique index or constraint over one column or two.
#[derive(Clone, Debug)]
pub(super) struct Unique {
    pub(super) form: UniqueForm,
    /// Places of columns.
    pub(super) columns: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UniqueForm {
    Plain,
    DeferrableImmediate,
    InitiallyDeferred,
    Partial,
    Expression,
    Exclusion,
}

/// What a row points to.
#[derive(Clone, Debug)]
pub(super) struct Parent {
    /// Which table of the world; its key has one column.
    pub(super) table: usize,
    /// Which column holds its key.
    pub(super) column: usize,
    pub(super) actions: &'static str,
}

/// A replicated table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Unquoted.
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Places of the key's columns.
    pub(super) key: Vec<usize>,
    pub(super) key_form: KeyForm,
    pub(super) unique: Option<Unique>,
    pub(super) parent: Option<Parent>,
    pub(super) twist: Twist,
    /// Letters for `tgflags=`, or nothing.
    pub(super) flags: &'static str,
    pub(super) many: bool,
}

impl Table {
    pub(super) fn new(random: &mut Random, number: usize, before: &[Table]) -> Self {
        let keys = random.weighted(&[(7, 1), (3, 2), (1, 3)]);
        let values = random.weighted(&[(1, 0), (4, 1), (4, 2), (3, 4)]);
        let mut columns: Vec<Column> = Vec::new();
        for (names, count) in [(KEY_NAMES, keys), (COLUMN_NAMES, values)] {
            let is_key = columns.is_empty();
            for name in some(random, names, count) {
                let kind = if is_key { Kind::of_key(random) } else { Kind::any(random) };
                let not_null = is_key || random.chance(15);
                columns.push(Column { name, kind, not_null, made: Made::Written });
            }
        }
        let mut key: Vec<usize> = (0..keys).collect();
        if columns[0].kind.is_integer() && random.chance(15) {
            columns[0].made = random.pick(&[Made::IdentityAlways, Made::IdentityByDefault]);
        }
        let parent = parent(random, before, &mut columns);
        let unique = unique(random, &mut columns, keys, parent.is_some());
        if columns[0].kind.cast == "int" && random.chance(20) {
            let expression = format!("{} / 2", quoted(&columns[0].name));
            columns.push(Column {
                name: "made".to_owned(),
                kind: columns[0].kind,
                not_null: false,
                made: Made::Generated(expression),
            });
        }
        // Keys need not come first.
        if parent.is_none() && unique.is_none() && random.chance(25) {
            let last = columns.len() - 1;
            columns.swap(0, last);
            key[0] = last;
            if last < keys {
                key[last] = 0;
            }
        }
        let name = random.weighted(&[
            (6, format!("t{number}")),
            (1, format!("Tab\"le {number}")),
            (1, format!("größe{number}%s")),
        ]);
        let key_form = if random.chance(85) { KeyForm::Primary } else { KeyForm::Unique };
        let flags = random.weighted(&[(16, ""), (1, "L"), (1, "J"), (1, "Q")]);
        // SQL that came with an event says every column, also those that the leaf computes.
        let written = columns.iter().all(|column| column.made == Made::Written);
        let flags = if flags == "Q" && !written { "" } else { flags };
        let mut table = Self {
            name,
            columns,
            key,
            key_form,
            unique,
            parent,
            twist: Twist::Same,
            flags,
            many: random.chance(30),
        };
        table.twist = Twist::new(random, &table);
        table
    }

    /// `@.name`
    pub(super) fn quoted(&self) -> String {
        format!("@.{}", quoted(&self.name))
    }

    /// Name of a column, quoted.
    pub(super) fn column(&self, place: usize) -> String {
        quoted(&self.columns[place].name)
    }

    pub(super) fn names(&self, places: &[usize]) -> String {
        places.iter().map(|place| self.column(*place)).collect::<Vec<_>>().join(", ")
    }

    /// Columns that an insert may give.
    pub(super) fn written(&self) -> Vec<usize> {
        let is_written = |place: &usize| !matches!(self.columns[*place].made, Made::Generated(_));
        (0..self.columns.len()).filter(is_written).collect()
    }

    /// Columns outside the key that an update may set.
    pub(super) fn values(&self) -> Vec<usize> {
        self.written().into_iter().filter(|place| !self.key.contains(place)).collect()
    }

    pub(super) fn has_identity(&self) -> bool {
        let made = |made: Made| self.columns.iter().any(|column| column.made == made);
        made(Made::IdentityAlways) || made(Made::IdentityByDefault)
    }
}

fn parent(random: &mut Random, before: &[Table], columns: &mut Vec<Column>) -> Option<Parent> {
    let fit: Vec<usize> = (0..before.len()).filter(|table| before[*table].key.len() == 1).collect();
    if fit.is_empty() || !random.chance(40) {
        return None;
    }
    let table = random.pick(&fit);
    let kind = before[table].columns[before[table].key[0]].kind;
    let made = Made::Written;
    columns.push(Column { name: "parent".to_owned(), kind, not_null: false, made });
    let actions = random.pick(&[
        "",
        "on delete cascade on update cascade",
        "on delete set null",
        "on delete cascade deferrable initially deferred",
    ]);
    Some(Parent { table, column: columns.len() - 1, actions })
}

fn unique(
    random: &mut Random,
    columns: &mut Vec<Column>,
    keys: usize,
    has_parent: bool,
) -> Option<Unique> {
    if !random.chance(45) {
        return None;
    }
    let (kind, made) = (Kind::ordered(random), Made::Written);
    columns.push(Column { name: "nick".to_owned(), kind, not_null: false, made });
    let mut unique = vec![columns.len() - 1];
    if random.chance(20) && !has_parent {
        unique.push(keys - 1);
    }
    let form = random.pick(&[
        UniqueForm::Plain,
        UniqueForm::Plain,
        UniqueForm::DeferrableImmediate,
        UniqueForm::InitiallyDeferred,
        UniqueForm::Partial,
        UniqueForm::Expression,
        UniqueForm::Exclusion,
    ]);
    Some(Unique { form, columns: unique })
}

/// Some of the names, none twice.
fn some(random: &mut Random, names: &[&str], count: usize) -> Vec<String> {
    let mut left = names.to_vec();
    (0..count).map(|_| left.swap_remove(random.below(left.len())).to_owned()).collect()
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
