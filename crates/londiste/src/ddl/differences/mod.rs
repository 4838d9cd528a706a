//! What is different between a table here and its original at the provider, and the statements that would mend it here. Pure.
//!
//! Compared is what decides whether rows fit and what happens to them: columns, keys, indexes, constraints, foreign keys,
//! triggers, and the sequences of columns. Names of keys and indexes do not count, only what they say. Owner, rights, comments,
//! storage, rules, policies and the way a table is partitioned may be different without being mentioned.

pub(crate) mod columns;
mod keys;

use pgq_client::name::TableName;
use pgq_client::text::quoting::quote_ident;

use super::relation::names::{Names, Unreadable};
use super::relation::{Firing, ForeignKey, Relation, settings};

/// Something that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `column a`, `index i`, ...
    pub object: String,
    /// What this node has.
    pub here: String,
    /// What the provider has.
    pub there: String,
    /// What would make it the same here. What may lose or change rows or takes more than itself along is a comment.
    pub mend: Vec<String>,
    /// Whether it can do nothing to what arrives: it is listed, and all is well.
    pub harmless: bool,
}

/// A statement that is not run by pasting, and why.
fn commented(why: &str, statement: &str) -> String {
    format!("-- {why}: {statement}").replace('\r', "\r-- ").replace('\n', "\n-- ")
}

/// Statements that are all carried out or none: what is dropped first is not lost when the next one is refused.
fn together(statements: Vec<String>) -> Vec<String> {
    if statements.len() < 2 {
        return statements;
    }
    let (begin, commit) = ("begin;".to_owned(), "commit;".to_owned());
    std::iter::once(begin).chain(statements).chain([commit]).collect()
}

/// Before what takes away something that a node may well have for itself.
const ONLY_HERE: &str = "exists only here, and may be wanted";

/// In place of what is not there.
pub const MISSING: &str = "missing";

/// A foreign key of the provider, as it would be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedKey {
    /// The provider's.
    pub key: ForeignKey,
    /// `FOREIGN KEY ... REFERENCES ...` with the names of this node.
    pub definition: String,
    /// Put aside by a copy, or not validated by the provider either: that it is not there is as it should be.
    pub may_be_missing: bool,
}

/// A table on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// This node's.
    pub here: &'a Relation,
    /// The provider's.
    pub there: &'a Relation,
    /// What the set calls it.
    pub table: &'a TableName,
    /// The names that the provider's objects have here, or would have.
    pub names: &'a Names,
    /// The provider's foreign keys to tables that are here.
    pub keys: &'a [ExpectedKey],
    /// A copy has put keys and indexes aside: they are not looked at.
    pub without_indexes: bool,
}

/// Compares.
///
/// # Errors
/// When a definition of the server's is not understood.
pub fn differences(pair: Pair<'_>) -> Result<Vec<Difference>, Unreadable> {
    let mut found = columns::differences(pair);
    if !pair.without_indexes {
        found.extend(keys::constraints(pair)?);
        found.extend(keys::indexes(pair)?);
    }
    found.extend(keys::foreign_keys(pair));
    found.extend(triggers(pair)?);
    Ok(found)
}

/// Triggers other than londiste's own, by name.
fn triggers(pair: Pair<'_>) -> Result<Vec<Difference>, Unreadable> {
    let table = pair.here.name().quoted();
    let own = Names::default();
    let mut found = Vec::new();
    let of_application = |relation: &'_ Relation| -> Vec<_> {
        relation.triggers.iter().filter(|trigger| !trigger.of_londiste).cloned().collect()
    };
    let (here, there) = (of_application(pair.here), of_application(pair.there));
    let drop = |name: &str| format!("DROP TRIGGER {} ON {table};", quote_ident(name));
    for wanted in &there {
        let object = format!("trigger {}", wanted.name);
        let definition = pair.names.target(pair.there, &wanted.definition, "ON")?;
        let create = settings::trigger(pair.there, wanted, pair.names)?;
        match here.iter().find(|trigger| trigger.name == wanted.name) {
            None => found.push(Difference {
                object,
                here: MISSING.to_owned(),
                there: brief(&definition),
                mend: create,
                harmless: false,
            }),
            Some(trigger) => {
                let current = own.target(pair.here, &trigger.definition, "ON")?;
                if current != definition {
                    let mend =
                        together(std::iter::once(drop(&trigger.name)).chain(create).collect());
                    let (here, there) = (brief(&current), brief(&definition));
                    found.push(Difference { object, here, there, mend, harmless: false });
                } else if ![wanted.firing, wanted.firing.on_a_node()].contains(&trigger.firing) {
                    found.push(Difference {
                        object,
                        here: trigger.firing.word().to_owned(),
                        there: wanted.firing.word().to_owned(),
                        mend: vec![fire(&table, &wanted.name, wanted.firing.on_a_node())],
                        harmless: false,
                    });
                }
            }
        }
    }
    for trigger in &here {
        if !there.iter().any(|wanted| wanted.name == trigger.name) {
            found.push(Difference {
                object: format!("trigger {}", trigger.name),
                here: brief(&trigger.definition),
                there: MISSING.to_owned(),
                mend: vec![commented(ONLY_HERE, &drop(&trigger.name))],
                // Others fire when rows are replayed.
                harmless: trigger.firing.on_a_node() == trigger.firing,
            });
        }
    }
    Ok(found)
}

/// Makes a trigger fire in other sessions than it does. `table` is quoted.
pub fn fire(table: &str, trigger: &str, firing: Firing) -> String {
    let clause = firing.clause().unwrap_or("ENABLE");
    format!("ALTER TABLE {table}\n  {clause} TRIGGER {};", quote_ident(trigger))
}

/// A trigger's definition without its name and table.
fn brief(definition: &str) -> String {
    let words = definition.split_whitespace().collect::<Vec<_>>().join(" ");
    match words
        .find(" BEFORE ")
        .or_else(|| words.find(" AFTER "))
        .or_else(|| words.find(" INSTEAD "))
    {
        Some(at) => words[at + 1..].to_owned(),
        None => words,
    }
}

#[cfg(test)]
mod tests;
