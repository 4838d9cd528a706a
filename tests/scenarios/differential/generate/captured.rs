//! Tables that a root of a cascade replicates: their triggers are those of `londiste.local_add_table`.

use super::super::look;
use super::super::script::literal;
use super::tables::{Relation, World};

/// The queue of the root, with a name triggers have to quote.
const QUEUE: &str = "root's queue";

impl World {
    /// A root.
    pub(super) fn create_root(&mut self) {
        let queue = literal(QUEUE);
        self.captured = true;
        self.script.plain(format!(
            "select * from pgq_node.register_location({queue}, 'top', 'dbname=top', false)"
        ));
        self.script.plain(format!(
            "select * from pgq_node.create_node({queue}, 'root', 'top', 'top_worker', null, null, null)"
        ));
    }

    /// Adds a table with the triggers that an operator asks for: mostly the default ones.
    pub(super) fn add_to_set(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let mut arguments: Vec<String> = Vec::new();
        if self.random.chance(35) {
            let names: Vec<String> =
                table.columns.iter().map(|column| column.name.clone()).collect();
            let list = self.random.some(&names, 2).join(",");
            arguments.push(match self.random.below(9) {
                0 | 1 => "backup".to_owned(),
                2 => format!("ignore={list}"),
                3 => format!("pkey={}", table.key.join(",")),
                4 => "ev_extra3='it''s'".to_owned(),
                5 => "when=true".to_owned(),
                6 => {
                    let flags = self.random.pick(&["I", "UD", "B", "Q", "J", "BQ", "iu"]);
                    self.tables[at].half_captured = ["UD", "iu"].contains(&flags);
                    format!("tgflags={flags}")
                }
                7 => "no_triggers".to_owned(),
                _ => "skip_truncate".to_owned(),
            });
        }
        let arguments: Vec<String> = arguments.iter().map(|argument| literal(argument)).collect();
        self.script.client(format!(
            "select * from londiste.local_add_table({}, {}, array[{}]::text[])",
            literal(QUEUE),
            literal(&table.full_name()),
            arguments.join(", ")
        ));
    }

    /// Looks at the set, too.
    pub(super) fn close_root(&mut self) {
        look::at_triggers(&mut self.script);
        look::at_londiste(&mut self.script);
    }

    /// Ordinary tables mostly; londiste refuses the others.
    pub(super) fn create_captured_table(&mut self) {
        let relation =
            self.random.weighted(&[(20, Relation::Ordinary), (1, Relation::Partitioned)]);
        self.create_table(relation);
        let at = self.tables.len() - 1;
        self.add_to_set(at);
    }
}
