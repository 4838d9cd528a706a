//! Triggers of pgq with all their arguments, right ones and wrong ones.

use super::super::script::{ident, literal};
use super::tables::{Relation, Table, World};

impl World {
    /// Puts a trigger on a table.
    pub(super) fn create_trigger(&mut self, on: usize) {
        let table = self.tables[on].clone();
        let function = self.random.weighted(&[(5, "logutriga"), (4, "sqltriga"), (3, "jsontriga")]);
        let truncate = self.random.chance(12);
        let timing = match table.relation {
            Relation::View if !truncate => "instead of",
            _ if self.random.chance(25) => "before",
            _ => "after",
        };
        let operations = if truncate {
            "truncate"
        } else {
            self.random.weighted(&[
                (12, "insert or update or delete"),
                (1, "insert"),
                (2, "update"),
                (1, "delete"),
                (1, "insert or update"),
            ])
        };
        // A statement trigger of rows is a mistake that shows when it fires.
        let level = if truncate || self.random.chance(3) { "statement" } else { "row" };
        let name = format!("{}{}", self.random.pick(&["trig", "Trig ä", "zz", "_"]), self.number());
        let arguments = self.arguments(&table, truncate, timing);
        self.script.plain(format!(
            "create trigger {} {timing} {operations} on {} for each {level} execute function pgq.{function}({})",
            ident(&name),
            table.path(),
            arguments.iter().map(|argument| literal(argument)).collect::<Vec<_>>().join(", "),
        ));
        self.tables[on].triggers.push(name);
    }

    fn arguments(&mut self, table: &Table, truncate: bool, timing: &str) -> Vec<String> {
        let mut arguments = Vec::new();
        match self.random.below(60) {
            0 => return arguments,
            1 => arguments.push("no such queue".to_owned()),
            _ => arguments.push(self.random.pick(&self.queues.clone())),
        }
        let plenty = if truncate { 8 } else { 55 };
        while self.random.chance(plenty) && arguments.len() < 6 {
            let argument = self.argument(table, timing);
            arguments.push(argument);
        }
        arguments
    }

    fn argument(&mut self, table: &Table, timing: &str) -> String {
        match self.random.below(24) {
            0..=4 => format!("ignore={}", self.list(table)),
            5..=8 if !table.key.is_empty() && self.random.chance(50) => {
                format!("pkey={}", table.key.join(","))
            }
            5..=8 => format!("pkey={}", self.list(table)),
            9..=11 => "backup".to_owned(),
            // These, and the wrong ones, stop every change: one is enough to see it.
            12 if self.random.chance(40) => "deny".to_owned(),
            12 => "backup".to_owned(),
            13 if timing != "after" => "SKIP".to_owned(),
            13 | 14 if self.random.chance(25) => self
                .random
                .pick(&[
                    "SKIP",
                    "skip",
                    "Backup",
                    "Deny",
                    "",
                    " ",
                    "ev_foo=1",
                    "tgflags=B",
                    "ignore",
                    "backup=",
                    "when",
                    "ev_extra5=1",
                    "IGNORE=a",
                    "backup ",
                    "pkey",
                    "ev_type",
                ])
                .to_owned(),
            13..=18 => format!("when={}", self.condition(table)),
            _ => {
                let field = self.random.pick(&[
                    "ev_type",
                    "ev_data",
                    "ev_extra1",
                    "ev_extra2",
                    "ev_extra3",
                    "ev_extra4",
                ]);
                format!("{field}={}", self.expression(table))
            }
        }
    }

    /// Columns as `ignore=` and `pkey=` have them.
    fn list(&mut self, table: &Table) -> String {
        let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        let mut names = self.random.some(&names, 3);
        if self.random.chance(10) {
            names.push(self.random.pick(&["nope", "", " ", "id", "\"a\"", "A"]).to_owned());
        }
        if self.random.chance(4) {
            return String::new();
        }
        names.join(self.random.weighted(&[(10, ","), (1, ", "), (1, " ,"), (1, " "), (1, ",,")]))
    }

    fn condition(&mut self, table: &Table) -> String {
        let column = self.word(table);
        match self.random.below(12) {
            0 => "true".to_owned(),
            1 => "false".to_owned(),
            2 if self.random.chance(40) => self
                .random
                .pick(&["null", "null::bool", "1", "", "1 = ", "'t'", "nope is null"])
                .to_owned(),
            3 => format!("{column} is null"),
            4 => format!("{column}::text <> 'a'"),
            5 => format!("length({column}::text) > 1 -- {column}"),
            6 => format!("({column} = {column}) is not false"),
            7 => format!("{column} in (select {column} from (values (1)) v(x))"),
            8 => format!("not ({column} is null) /* and {column} */"),
            _ => format!("{column} is not null"),
        }
    }

    fn expression(&mut self, table: &Table) -> String {
        let column = self.word(table);
        match self.random.below(18) {
            0 => "'it''s'".to_owned(),
            1 => "''".to_owned(),
            2 => self
                .random
                .pick(&[
                    "",
                    " ",
                    "null",
                    "null::int",
                    "1, 2",
                    "nope",
                    "1 from (values (1), (2)) v (x)",
                    "1 where false",
                    "row(1, null)",
                    "row(null, null)",
                    "$1",
                    "'a",
                    "1;",
                    "E'\\\\n\\''",
                    "$x$ a $x$",
                    "true",
                    "'2024-02-29'::date",
                    "1.50::numeric",
                    "now() is null",
                    "array[1,null]",
                ])
                .to_owned(),
            3 => format!("{column}::text || 'x'"),
            4 => format!("coalesce({column}::text, 'none')"),
            5 => format!("'{column}' || length({column}::text)"),
            6 => format!("case when {column} is null then 'n' else 'v' end"),
            7 => format!("(select count(*) from (values ({column})) v (x))"),
            8 => format!("x from (values ({column})) v (x)"),
            9 => format!("array[{column}, {column}]"),
            10 => format!("row({column}, 1)"),
            11 => format!(
                "$$ {column} $$ || E'\\'{column}' || /* {column} */ {column}::text -- {column}"
            ),
            12 => format!("to_json({column})"),
            _ => column,
        }
    }

    /// A column as expressions name it. Those that need quotes are for both sides to refuse in their own ways, so they
    /// are rare.
    fn word(&mut self, table: &Table) -> String {
        let plain: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .filter(|name| {
                name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && !["select", "user", "order", "between", "timestamp", "values", "name"]
                        .contains(&name.as_str())
            })
            .collect();
        if plain.is_empty() || self.random.chance(2) {
            return self
                .random
                .pick(&table.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>());
        }
        self.random.pick(&plain)
    }
}
