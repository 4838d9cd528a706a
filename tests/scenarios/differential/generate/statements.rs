//! What applications and administrators do to tables.

use super::super::look;
use super::super::script::ident;
use super::tables::{Column, Relation, Table, World, idents};
use super::types::KEY_TYPES;

/// What the C triggers and logutriga say of a change of the key.
const KEY_CHANGE_REFUSED: &str = "primary key update not allowed";

impl World {
    /// One thing that is done to a table. Half of the rows are there from the start.
    pub(super) fn statement(&mut self) {
        let Some(at) = self.any_table() else { return };
        match self.random.below(100) {
            0..=33 => self.insert(at),
            34..=58 => self.update(at),
            59..=64 => self.delete(at),
            65..=66 => self.truncate(at),
            67..=69 => self.merge(at),
            70..=81 => self.alter(at),
            82..=89 => self.transaction(),
            90..=92 => self.session(),
            93..=94 => self.script.reconnect(),
            95 => self.drop_table(at),
            _ => self.script.plain(look::EVENTS),
        }
    }

    /// Ends what is open and looks at everything.
    pub(super) fn close(&mut self) {
        self.script.plain("rollback");
        self.script.plain("reset all");
        self.script.plain("set timezone = 'UTC'");
        self.script.plain(look::EVENTS);
        for table in self.tables.clone() {
            look::at_rows(&mut self.script, &table.path());
        }
    }

    fn values(&mut self, table: &Table, columns: &[Column]) -> String {
        let values: Vec<String> = columns
            .iter()
            .map(|column| {
                if table.is_key(column) && self.random.chance(90) {
                    column.kind.key_value(&mut self.random)
                } else {
                    column.kind.value(&mut self.random, column.nullable)
                }
            })
            .collect();
        format!("({})", values.join(", "))
    }

    fn insert(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let mut columns = table.writable();
        if columns.is_empty() {
            self.script.plain(format!("insert into {} default values", table.path()));
            return;
        }
        if self.random.chance(25) {
            columns.retain(|column| table.is_key(column) || self.random.chance(60));
            if columns.is_empty() {
                columns = table.writable();
            }
        }
        let rows = self.random.weighted(&[(6, 1), (3, 2), (1, 4)]);
        let values: Vec<String> = (0..rows).map(|_| self.values(&table, &columns)).collect();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let mut text = format!(
            "insert into {} ({}) {} {}",
            table.path(),
            idents(&names),
            self.random.weighted(&[(9, "values"), (1, "overriding user value values")]),
            values.join(", ")
        );
        // Keys are of few values, so that updates find rows: many inserts would meet one.
        if table.relation != Relation::View && !table.key.is_empty() && self.random.chance(45) {
            if self.random.chance(50) {
                text += " on conflict do nothing";
            } else {
                let column = self.random.pick(&columns);
                text += &format!(
                    " on conflict ({}) do update set {name} = excluded.{name}",
                    idents(&table.key),
                    name = ident(&column.name)
                );
            }
        }
        if self.random.chance(8) {
            text += " returning *";
        }
        self.script.plain(text);
    }

    /// Which rows: one by its key, or all.
    fn condition_on_rows(&mut self, table: &Table) -> String {
        let keys: Vec<Column> =
            table.columns.iter().filter(|column| table.is_key(column)).cloned().collect();
        if keys.is_empty() || self.random.chance(50) {
            return String::new();
        }
        let parts: Vec<String> = keys
            .iter()
            .map(|column| {
                format!("{} = {}", ident(&column.name), column.kind.key_value(&mut self.random))
            })
            .collect();
        format!(" where {}", parts.join(" and "))
    }

    fn update(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let others: Vec<Column> =
            table.writable().into_iter().filter(|column| !table.is_key(column)).collect();
        let keys: Vec<Column> =
            table.columns.iter().filter(|column| table.is_key(column)).cloned().collect();
        let rows = self.condition_on_rows(&table);
        if others.is_empty() || self.random.chance(8) {
            if !keys.is_empty() {
                self.change_key(&table, &keys);
            }
            return;
        }
        let assignments: Vec<String> = self
            .random
            .some(&others, 4)
            .iter()
            .map(|column| {
                let name = ident(&column.name);
                match self.random.below(10) {
                    0 | 1 => format!("{name} = {name}"),
                    2 => format!("{name} = null"),
                    3 => format!("{name} = default"),
                    _ => format!("{name} = {}", column.kind.value(&mut self.random, true)),
                }
            })
            .collect();
        let returning = if self.random.chance(5) { " returning *" } else { "" };
        let mut text =
            format!("update {} set {}{rows}{returning}", table.path(), assignments.join(", "));
        if self.random.chance(6) && !keys.is_empty() {
            let key = ident(&keys[0].name);
            text = format!(
                "update {} set {key} = {key}, {}{rows}",
                table.path(),
                assignments.join(", ")
            );
        }
        self.script.plain(text);
    }

    /// Refused, or a delete and an insert where the table has the trigger that `local_add_table` makes.
    fn change_key(&mut self, table: &Table, keys: &[Column]) {
        let column = self.random.pick(keys);
        let name = ident(&column.name);
        let value = column.kind.key_value(&mut self.random);
        if table.half_captured {
            return;
        }
        let mut old = self.condition_on_rows(table);
        if self.captured && old.is_empty() {
            // Rows that keep their key are not deleted and inserted.
            old = format!(" where {name} is distinct from {value}::{}", column.kind.name);
        }
        let update = format!("update {} set {name} = {value}{old}", table.path());
        if !self.captured {
            self.script.plain(update);
            return;
        }
        let (names, values): (Vec<String>, Vec<String>) = table
            .columns
            .iter()
            .filter(|c| !c.computed)
            .map(|c| {
                let quoted = ident(&c.name);
                let value = if c.name == column.name {
                    format!("{value}::{}", c.kind.name)
                } else {
                    format!("gone.{quoted}")
                };
                (quoted, value)
            })
            .unzip();
        let instead = format!(
            "with gone as (delete from {path}{old} returning *) insert into {path} ({}) overriding system value select {} from gone",
            names.join(", "),
            values.join(", "),
            path = table.path(),
        );
        let reckons_with = (table.path(), table.columns.len());
        self.script.or_else(update, KEY_CHANGE_REFUSED, instead, reckons_with);
    }

    fn delete(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let rows = self.condition_on_rows(&table);
        self.script.plain(format!("delete from {}{rows}", table.path()));
    }

    fn truncate(&mut self, at: usize) {
        let path = self.tables[at].path();
        let how = self.random.pick(&["", "", " cascade", " restart identity"]);
        self.script.plain(format!("truncate {path}{how}"));
    }

    fn merge(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let columns = table.writable();
        if columns.is_empty() || table.key.is_empty() || table.relation == Relation::View {
            return;
        }
        let typed: Vec<String> = columns
            .iter()
            .map(|column| {
                let value = if table.is_key(column) {
                    column.kind.key_value(&mut self.random)
                } else {
                    column.kind.value(&mut self.random, true)
                };
                format!("{value}::{} as {}", column.kind.name, ident(&column.name))
            })
            .collect();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let matches: Vec<String> =
            table.key.iter().map(|key| format!("t.{name} = s.{name}", name = ident(key))).collect();
        let others: Vec<&String> = names.iter().filter(|name| !table.key.contains(name)).collect();
        let matched = match others.first() {
            Some(name) if self.random.chance(70) => {
                format!("update set {name} = s.{name}", name = ident(name))
            }
            _ => "delete".to_owned(),
        };
        let new: Vec<String> = names.iter().map(|name| format!("s.{}", ident(name))).collect();
        self.script.plain(format!(
            "merge into {} as t using (select {}) as s on {} when matched then {matched} when not matched then insert ({}) values ({})",
            table.path(),
            typed.join(", "),
            matches.join(" and "),
            idents(&names),
            new.join(", "),
        ));
    }

    fn alter(&mut self, at: usize) {
        let table = self.tables[at].clone();
        if matches!(table.relation, Relation::View) {
            self.create_trigger_if_wild(at);
            return;
        }
        let path = table.path();
        match self.random.below(20) {
            0..=3 if table.columns.len() < 14 => {
                let mut column = self.column(&table, super::types::TYPES);
                let definition = self.definition(&mut column, false);
                self.script.plain(format!("alter table {path} add {definition}"));
                self.tables[at].columns.push(column);
            }
            4..=6 if table.columns.len() > 1 => {
                let column = self.random.pick(&table.columns);
                if self.keeps(&table, &column.name) {
                    return;
                }
                self.script
                    .plain(format!("alter table {path} drop column {}", ident(&column.name)));
                self.tables[at].columns.retain(|other| other.name != column.name);
                if table.key.contains(&column.name) {
                    self.tables[at].key.clear();
                }
            }
            7..=8 if !table.columns.is_empty() => {
                let old = self.random.below(table.columns.len());
                let name = self.column(&table, KEY_TYPES).name;
                let before = table.columns[old].name.clone();
                if self.keeps(&table, &before) {
                    return;
                }
                self.script.plain(format!(
                    "alter table {path} rename {} to {}",
                    ident(&before),
                    ident(&name)
                ));
                self.tables[at].columns[old].name.clone_from(&name);
                for key in self.tables[at].key.iter_mut().filter(|key| **key == before) {
                    key.clone_from(&name);
                }
            }
            9..=10 if !table.columns.is_empty() => self.retype(at),
            11 => {
                let name = format!("{}{}", self.random.pick(&["r", "R ä"]), self.number());
                self.script.plain(format!("alter table {path} rename to {}", ident(&name)));
                self.tables[at].name = name;
            }
            12 if table.relation == Relation::Ordinary && self.random.chance(50) => {
                self.script.plain(format!("alter table {path} set schema public"));
                self.tables[at].schema = "public".to_owned();
            }
            12 if self.random.chance(50) => self.rename_schema(&table.schema),
            13..=14 if self.captured => {}
            13..=14 if !table.key.is_empty() => self.drop_key(at),
            13..=14 => self.add_key(at),
            15 => {
                let how = self.random.pick(&[
                    "disable trigger all",
                    "enable trigger user",
                    "enable always trigger user",
                    "enable replica trigger user",
                    "set (fillfactor = 70)",
                ]);
                self.script.plain(format!("alter table {path} {how}"));
            }
            16 if !table.columns.is_empty() => {
                let column = self.random.pick(&table.columns);
                let value = column.kind.default(&mut self.random);
                let name = ident(&column.name);
                self.script.plain(format!("alter table {path} alter {name} set default {value}"));
            }
            17 if !table.key.is_empty() => {
                self.script
                    .plain(format!("create unique index on {path} ({})", idents(&table.key)));
            }
            _ => self.create_trigger_if_wild(at),
        }
    }

    /// A captured table keeps its key: without it ours goes on, in a way of its own, where the reference stops.
    fn keeps(&self, table: &Table, column: &str) -> bool {
        self.captured && table.key.iter().any(|key| key == column)
    }

    /// The reference goes on with the old name until something about the table changes, too.
    fn rename_schema(&mut self, schema: &str) {
        if schema == "public" {
            return;
        }
        let name = format!("s{} é", self.number());
        self.script.plain(format!("alter schema {} rename to {}", ident(schema), ident(&name)));
        for at in 0..self.tables.len() {
            if self.tables[at].schema != schema {
                continue;
            }
            self.tables[at].schema.clone_from(&name);
            let path = self.tables[at].path();
            if self.tables[at].relation == Relation::Ordinary {
                self.script.plain(format!("alter table {path} set (fillfactor = 80)"));
            }
        }
        self.schemas.retain(|known| known != schema);
        self.script.reconnect();
    }

    /// Triggers come and go, except where they are londiste's.
    fn create_trigger_if_wild(&mut self, at: usize) {
        if self.captured {
            return;
        }
        let table = self.tables[at].clone();
        match table.triggers.first() {
            Some(name) if self.random.chance(50) => {
                self.script.plain(format!("drop trigger {} on {}", ident(name), table.path()));
                self.tables[at].triggers.remove(0);
            }
            _ => self.create_trigger(at),
        }
    }

    fn retype(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let number = self.random.below(table.columns.len());
        let column = table.columns[number].clone();
        let to = match column.kind.name {
            "smallint" => "int",
            "int" => "bigint",
            "bigint" => "numeric",
            "timestamp" => "timestamptz",
            "json" => "jsonb",
            _ => "text",
        };
        let name = ident(&column.name);
        self.script.plain(format!(
            "alter table {} alter {name} type {to} using {name}::{to}",
            table.path()
        ));
        if let Some((_, kind)) = super::types::TYPES.iter().find(|(_, kind)| kind.name == to) {
            self.tables[at].columns[number].kind = kind;
        }
    }

    fn drop_key(&mut self, at: usize) {
        let table = self.tables[at].clone();
        // The name is cut where it gets too long, and nobody here cuts as the server does.
        let constraint = format!("{}_pkey", table.name);
        self.script.plain(format!(
            "alter table {} drop constraint if exists {}",
            table.path(),
            ident(&constraint)
        ));
        self.tables[at].key.clear();
    }

    fn add_key(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        let key = self.random.some(&names, 2);
        let include = if self.random.chance(10) {
            format!(" include ({})", ident(&self.random.pick(&names)))
        } else {
            String::new()
        };
        self.script.plain(format!(
            "alter table {} add primary key ({}){include}",
            table.path(),
            idents(&key)
        ));
        self.tables[at].key = key;
    }

    fn drop_table(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let what = if table.relation == Relation::View { "view" } else { "table" };
        self.script.plain(format!("drop {what} {}", table.path()));
        self.tables.remove(at);
        let relation = self.random.pick(&[Relation::Ordinary, Relation::Temporary]);
        self.create_table(relation);
        let new = self.tables.len() - 1;
        self.attach(new);
    }

    /// Whatever puts this script's tables into a queue.
    pub(super) fn attach(&mut self, at: usize) {
        if self.captured {
            self.add_to_set(at);
        } else {
            for _ in 0..=self.random.weighted(&[(6, 0), (3, 1), (1, 2)]) {
                self.create_trigger(at);
            }
        }
    }

    fn transaction(&mut self) {
        match (self.saved.len(), self.random.below(10)) {
            (0, _) => {
                self.saved.push(self.tables.clone());
                self.script.plain(
                    self.random
                        .weighted(&[(9, "begin"), (1, "begin isolation level repeatable read")]),
                );
            }
            (1..=3, 0..=3) => {
                self.saved.push(self.tables.clone());
                self.script.plain("savepoint s");
            }
            (2.., 4..=6) => {
                let saved = self.saved.pop().expect("more than one");
                if self.random.chance(60) {
                    self.tables = saved;
                    self.script.plain("rollback to s");
                } else {
                    self.script.plain("release s");
                }
            }
            (_, 7) => {
                self.tables = self.saved[0].clone();
                self.saved.clear();
                self.script.plain("rollback");
            }
            _ => {
                self.saved.clear();
                self.script.plain("commit");
            }
        }
    }

    fn session(&mut self) {
        match self.random.below(12) {
            0..=3 => {
                let role = self.random.pick(&["origin", "origin", "replica", "local"]);
                self.script.plain(format!("set session_replication_role = {role}"));
            }
            4 => {
                let zone = self.random.pick(&[
                    "Asia/Kolkata",
                    "America/St_Johns",
                    "UTC",
                    "<-01:30>+01:30",
                ]);
                self.script.plain(format!("set timezone = '{zone}'"));
            }
            5 => {
                let format = self.random.pick(&["hex", "escape"]);
                self.script.plain(format!("set bytea_output = '{format}'"));
            }
            6 => {
                let on = self.random.pick(&["on", "off"]);
                self.script.plain(format!("set quote_all_identifiers = {on}"));
            }
            7 => self.script.plain("set search_path = pgq, public"),
            8 => self.script.plain("set lc_monetary = 'C.UTF-8'"),
            9 => self.in_other_formats(),
            10 => {
                let kind = self.random.pick(&["document", "content"]);
                self.script.plain(format!("set xmloption = '{kind}'"));
            }
            _ => {
                let on = self.random.pick(&["on", "off"]);
                self.script.plain(format!("set default_transaction_deferrable = {on}"));
            }
        }
    }

    /// Ours writes dates, intervals and floats as the reference does when the session has the usual formats.
    fn in_other_formats(&mut self) {
        let (setting, value, usual) = self.random.pick(&[
            ("datestyle", "SQL, DMY", "ISO, DMY"),
            ("datestyle", "German", "ISO, DMY"),
            ("datestyle", "Postgres, MDY", "ISO, MDY"),
            ("intervalstyle", "iso_8601", "postgres"),
            ("intervalstyle", "postgres_verbose", "postgres"),
            ("extra_float_digits", "0", "1"),
            ("extra_float_digits", "-5", "1"),
        ]);
        self.script.told_otherwise(
            format!("set {setting} = '{value}'"),
            "triggers write dates, intervals and floats in the usual formats, whatever the session's are",
            format!("set {setting} = '{usual}'"),
        );
        for _ in 0..3 {
            if let Some(at) = self.any_table() {
                match self.random.below(3) {
                    0 => self.insert_quietly(at),
                    1 => self.delete(at),
                    _ => self.insert_quietly(at),
                }
            }
        }
        self.script.plain(format!("reset {setting}"));
    }

    /// An insert that prints no rows: they would be in the session's formats.
    fn insert_quietly(&mut self, at: usize) {
        let before = self.script.steps.len();
        self.insert(at);
        for step in &mut self.script.steps[before..] {
            step.sql = step.sql.replace(" returning *", "");
        }
    }
}
