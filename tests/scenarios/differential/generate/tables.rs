//! Tables of an application: ordinary, temporary and partitioned ones, and views.

use super::super::script::{Script, ident, literal};
use super::names;
use super::types::{KEY_TYPES, TYPES, Type};
use system_tests::random::Random;

/// A column as the generator believes it to be.
#[derive(Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: &'static Type,
    /// Neither generated nor `generated always as identity`.
    pub(super) writable: bool,
    /// `generated always as (...) stored`.
    pub(super) computed: bool,
    pub(super) nullable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Ordinary,
    Temporary,
    Partitioned,
    View,
}

/// A table as the generator believes it to be.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) relation: Relation,
    pub(super) columns: Vec<Column>,
    pub(super) key: Vec<String>,
    pub(super) triggers: Vec<String>,
    /// Does londiste's trigger see updates, but not both inserts and deletes?
    pub(super) half_captured: bool,
}

impl Table {
    /// Quoted, with the schema.
    pub(super) fn path(&self) -> String {
        if self.relation == Relation::Temporary {
            return ident(&self.name);
        }
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// As londiste's functions are given it.
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(super) fn is_key(&self, column: &Column) -> bool {
        self.key.contains(&column.name)
    }

    pub(super) fn writable(&self) -> Vec<Column> {
        self.columns.iter().filter(|column| column.writable).cloned().collect()
    }
}

/// The tables of a script, with what a rollback gives back.
pub(super) struct World {
    pub(super) random: Random,
    pub(super) script: Script,
    pub(super) tables: Vec<Table>,
    /// Tables at `begin` and at each savepoint.
    pub(super) saved: Vec<Vec<Table>>,
    pub(super) queues: Vec<String>,
    /// Do events of a key that changes have to come from `londiste.local_add_table`'s own triggers?
    pub(super) captured: bool,
    pub(super) schemas: Vec<String>,
    made: usize,
}

impl World {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            script: Script::default(),
            tables: Vec::new(),
            saved: Vec::new(),
            queues: Vec::new(),
            captured: false,
            schemas: vec!["public".to_owned()],
            made: 0,
        }
    }

    /// One of the tables, if there is any.
    pub(super) fn any_table(&mut self) -> Option<usize> {
        (!self.tables.is_empty()).then(|| self.random.below(self.tables.len()))
    }

    /// A number nobody used yet, for names that only have to be different.
    pub(super) fn number(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    /// A new column of any type, with a name the table does not have.
    pub(super) fn column(&mut self, table: &Table, kinds: &[(usize, &'static Type)]) -> Column {
        let kind = self.random.weighted(kinds);
        let magic = self.random.chance(4);
        let mut name =
            self.random.weighted(if magic { names::MAGIC_COLUMNS } else { names::COLUMNS });
        while table.columns.len() < 12 && table.columns.iter().any(|column| column.name == name) {
            name = self.random.weighted(names::COLUMNS);
        }
        let mut name = name.to_owned();
        if table.columns.iter().any(|column| column.name == name) {
            name = format!("c{}", self.number());
        }
        Column { name, kind, writable: true, computed: false, nullable: true }
    }

    /// Creates a table for everybody, so that the name is new.
    pub(super) fn create_table(&mut self, relation: Relation) {
        let schema = self.random.weighted(names::SCHEMAS).to_owned();
        let mut name = self.random.weighted(names::TABLES).to_owned();
        while self.tables.iter().any(|table| table.name == name) {
            name = format!("t{}", self.number());
        }
        if !self.schemas.contains(&schema) {
            self.script.plain(format!("create schema {}", ident(&schema)));
            self.schemas.push(schema.clone());
        }
        let mut table = Table {
            schema,
            name,
            relation,
            columns: Vec::new(),
            key: Vec::new(),
            triggers: Vec::new(),
            half_captured: false,
        };
        let mut definitions = Vec::new();
        let width = self.random.weighted(&[(20, 1), (30, 3), (30, 5), (12, 8), (8, 12), (2, 36)]);
        let key_width = self.random.weighted(&[(8, 0), (65, 1), (20, 2), (7, 3)]).min(width);
        for number in 0..width {
            let kinds = if number < key_width { KEY_TYPES } else { TYPES };
            let mut column = self.column(&table, kinds);
            definitions.push(self.definition(&mut column, number < key_width));
            if number < key_width {
                column.nullable = false;
                table.key.push(column.name.clone());
            }
            table.columns.push(column);
        }
        // Columns in another order than those of the key.
        if self.random.chance(40) {
            table.columns.reverse();
            definitions.reverse();
        }
        if self.random.chance(40) {
            table.key.reverse();
        }
        if self.random.chance(15) {
            let place = self.random.below(definitions.len() + 1);
            definitions.insert(place, "gone int".to_owned());
        }
        let has_dropped = definitions.iter().any(|definition| definition == "gone int");
        if !table.key.is_empty() {
            definitions.push(format!("primary key ({})", idents(&table.key)));
        }
        // The hash of an enum is that of its label's oid, which is another one in each database.
        let by = table.columns.iter().find(|column| table.key.contains(&column.name));
        let (method, parts) = match by.filter(|column| column.kind.name == "mood") {
            Some(_) => ("list", ["for values in ('sad')", "default"]),
            None => (
                "hash",
                [
                    "for values with (modulus 2, remainder 0)",
                    "for values with (modulus 2, remainder 1)",
                ],
            ),
        };
        self.script.plain(format!(
            "create {}table {} ({}){}",
            if relation == Relation::Temporary { "temp " } else { "" },
            table.path(),
            definitions.join(", "),
            if relation == Relation::Partitioned {
                format!(
                    " partition by {method} ({})",
                    by.map_or_else(String::new, |by| ident(&by.name))
                )
            } else {
                String::new()
            },
        ));
        if relation == Relation::Partitioned {
            for (part, values) in parts.into_iter().enumerate() {
                self.script.plain(format!(
                    "create table {}.{} partition of {} {values}",
                    ident(&table.schema),
                    ident(&format!("{} p{part}", table.name.chars().take(10).collect::<String>())),
                    table.path(),
                ));
            }
        }
        if has_dropped {
            self.script.plain(format!("alter table {} drop column gone", table.path()));
        }
        self.tables.push(table);
    }

    /// A view of a table; triggers instead of its changes.
    pub(super) fn create_view(&mut self, of: usize) {
        let mut view = self.tables[of].clone();
        let name = format!("v{} ä", self.number());
        self.script.plain(format!(
            "create view {}.{} as select * from {}",
            ident(&view.schema),
            ident(&name),
            view.path()
        ));
        view.name = name;
        view.relation = Relation::View;
        view.triggers.clear();
        self.tables.push(view);
    }

    /// The column as `create table` and `alter table add` want it.
    pub(super) fn definition(&mut self, column: &mut Column, plain: bool) -> String {
        let mut text = format!("{} {}", ident(&column.name), column.kind.name);
        if plain {
            return text;
        }
        match self.random.below(20) {
            0 | 1 => {
                text += &format!(" default {}", column.kind.default(&mut self.random));
            }
            2 if column.kind.name == "text" => {
                column.writable = false;
                column.computed = true;
                let expression =
                    self.random.pick(&["'x' || 'y'", "null", "'it''s'", "repeat('&', 2)"]);
                text += &format!(" generated always as ({expression}) stored");
            }
            2 | 3 if column.kind.name == "int" || column.kind.name == "bigint" => {
                column.writable = self.random.chance(50);
                text += &format!(
                    " generated {} as identity",
                    if column.writable { "by default" } else { "always" }
                );
            }
            4 if column.kind.name == "text" => text += " collate \"C\"",
            _ => {}
        }
        text
    }

    /// The queues of a script, with ticks that come when asked for, whatever the time.
    pub(super) fn create_queues(&mut self, names: &[&str]) {
        for name in names {
            self.script.plain(format!("select pgq.create_queue({})", literal(name)));
            self.queues.push((*name).to_owned());
        }
    }
}

/// Names, quoted, with commas.
pub(super) fn idents(names: &[String]) -> String {
    names.iter().map(|name| ident(name)).collect::<Vec<_>>().join(", ")
}
