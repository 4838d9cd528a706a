//! What a new root does not replicate, or not wholly.

use std::collections::HashMap;

use pgq_client::name::{NodeName, QueueName, TableName};

use crate::calls::TableRow;
use crate::table::state::TableState;

/// Tables that would be missed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gaps {
    /// Replicated by the others, and not by the new root: what is written to them there goes nowhere.
    pub(super) missing: Vec<TableName>,
    /// On their way into the set, with their state: not all rows are there.
    pub(super) unfinished: Vec<(TableName, String)>,
}

impl Gaps {
    /// Compares the new root's tables with those of another node.
    pub(super) fn between(new: &[TableRow], other: &[TableRow]) -> Gaps {
        let here: HashMap<_, _> = new.iter().map(|row| (&row.table, row)).collect();
        let missing = other
            .iter()
            .filter(|row| row.local && !here.get(&row.table).is_some_and(|row| row.local))
            .map(|row| row.table.clone())
            .collect();
        let unfinished = new
            .iter()
            .filter(|row| row.local && !matches!(row.state(), Ok(TableState::Ok)))
            .map(|row| (row.table.clone(), row.merge_state.clone().unwrap_or("None".to_owned())))
            .collect();
        Gaps { missing, unfinished }
    }

    /// The unfinished ones for the operator.
    pub(super) fn unfinished_text(&self) -> String {
        let all: Vec<String> =
            self.unfinished.iter().map(|(table, state)| format!("{table} ({state})")).collect();
        all.join(", ")
    }

    /// Tells what will not be replicated.
    pub(super) fn warn_of_missing(&self, node: &NodeName, queue: &QueueName) {
        for table in &self.missing {
            tracing::warn!(
                "Table {table} of queue {queue} is not replicated on {node}: as long as it is not added there, its changes on \
                 {node} go nowhere"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, local: bool, state: Option<&str>) -> TableRow {
        TableRow {
            local,
            merge_state: state.map(str::to_owned),
            ..TableRow::attached(TableName::new(name))
        }
    }

    #[test]
    fn tables_are_whole_only_when_they_are_ok() {
        let new = [row("a.ok", true, Some("ok")), row("a.copy", true, Some("in-copy"))];
        let gaps = Gaps::between(&[&new[..], &[row("a.new", true, None)]].concat(), &new);
        assert_eq!(gaps.missing, []);
        assert_eq!(gaps.unfinished_text(), "a.copy (in-copy), a.new (None)");
    }

    #[test]
    fn tables_of_others_are_missed() {
        let other = ["a.both", "a.known", "a.there"].map(|name| row(name, true, Some("ok")));
        let other = [&other[..], &[row("a.nowhere", false, None)]].concat();
        let new = [row("a.both", true, Some("ok")), row("a.known", false, None)];
        let gaps = Gaps::between(&new, &other);
        assert_eq!(gaps.missing, ["a.known", "a.there"].map(TableName::new));
        assert_eq!(gaps.unfinished, []);
    }
}
