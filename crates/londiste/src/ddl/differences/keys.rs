//! Keys, constraints, indexes and foreign keys: what they say counts, not what they are called.

use pgq_client::text::quoting::quote_ident;

use super::super::create;
use super::super::load::{Constraint, Index};
use super::super::relation::Relation;
use super::super::relation::names::{Names, Unreadable};
use super::super::relation::retarget::replace_name;
use super::{Difference, MISSING, ONLY_HERE, Pair, commented, together};

/// Something with a name and a meaning.
struct Thing {
    kind: &'static str,
    /// Its name as it is, for the list.
    name: String,
    /// Its name here: what a thing of the other side would be called.
    local_name: String,
    meaning: String,
    /// What makes it here.
    create: Vec<String>,
    /// What takes it away here.
    drop: String,
}

pub(super) fn constraints(pair: Pair<'_>) -> Result<Vec<Difference>, Unreadable> {
    let table = pair.here.name();
    let things = |relation: &Relation, names: &Names| -> Result<Vec<Thing>, Unreadable> {
        relation
            .constraints
            .iter()
            .map(|constraint| {
                let local = names.constraint_of(relation, constraint)?;
                Ok(Thing {
                    kind: kind(constraint),
                    name: constraint.name.clone(),
                    drop: format!(
                        "ALTER TABLE {}\n  DROP CONSTRAINT {};",
                        table.quoted(),
                        quote_ident(&constraint.name)
                    ),
                    create: create::constraint(table, &local, "").statements,
                    local_name: local.name,
                    meaning: local.definition,
                })
            })
            .collect()
    };
    let there = things(pair.there, pair.names)?;
    Ok(matched(things(pair.here, &Names::default())?, there))
}

fn kind(constraint: &Constraint) -> &'static str {
    match constraint.definition.split(' ').next() {
        Some("PRIMARY") => "primary key",
        Some("UNIQUE") => "unique key",
        Some("EXCLUDE") => "exclusion",
        _ => "check",
    }
}

pub(super) fn indexes(pair: Pair<'_>) -> Result<Vec<Difference>, Unreadable> {
    let table = pair.here.name();
    let things = |relation: &Relation, names: &Names| -> Result<Vec<Thing>, Unreadable> {
        relation
            .indexes
            .iter()
            .map(|index| {
                let mut local = names.index_of(relation, index)?;
                // Of a partitioned table it goes to all partitions here.
                local.definition = local.definition.replacen(" ON ONLY ", " ON ", 1);
                Ok(Thing {
                    kind: "index",
                    name: index.name.clone(),
                    meaning: meaning(&local),
                    drop: format!(
                        "DROP INDEX {}.{};",
                        quote_ident(table.schema()),
                        quote_ident(&index.name)
                    ),
                    create: create::stand_alone_index(table, &local).statements,
                    local_name: local.name,
                })
            })
            .collect()
    };
    let there = things(pair.there, pair.names)?;
    Ok(matched(things(pair.here, &Names::default())?, there))
}

/// `UNIQUE btree (a)`
fn meaning(index: &Index) -> String {
    let definition =
        replace_name(&index.definition, "INDEX", "-").unwrap_or_else(|| index.definition.clone());
    let unique = if definition.starts_with("CREATE UNIQUE ") { "UNIQUE " } else { "" };
    let rest = definition.split_once(" USING ").map_or(&*definition, |(_, rest)| rest);
    format!("{unique}{rest}")
}

pub(super) fn foreign_keys(pair: Pair<'_>) -> Vec<Difference> {
    let table = pair.here.name().quoted();
    let create = |key: &str, definition: &str| {
        format!("ALTER TABLE {table}\n  ADD CONSTRAINT {} {definition};", quote_ident(key))
    };
    let drop = |key: &str| format!("ALTER TABLE {table}\n  DROP CONSTRAINT {};", quote_ident(key));
    // Between two steps of its return it has not been checked yet.
    let plain = |definition: &str| definition.trim_end_matches(" NOT VALID").to_owned();
    let here = pair.here.foreign_keys.iter().map(|key| Thing {
        kind: "foreign key",
        name: key.name.clone(),
        local_name: key.name.clone(),
        meaning: plain(&key.definition),
        create: Vec::new(),
        drop: drop(&key.name),
    });
    let there = pair.keys.iter().map(|expected| Thing {
        kind: "foreign key",
        name: expected.key.name.clone(),
        local_name: expected.key.name.clone(),
        meaning: plain(&expected.definition),
        create: vec![create(&expected.key.name, &expected.definition)],
        drop: drop(&expected.key.name),
    });
    let may_be_missing = |name: &str| {
        pair.keys.iter().any(|expected| expected.may_be_missing && expected.key.name == name)
    };
    let mut found = matched(here.collect(), there.collect());
    found.retain(|difference| {
        let name = difference.object.trim_start_matches("foreign key ");
        difference.here != MISSING || !may_be_missing(name)
    });
    found
}

/// Pairs what means the same, then what is called the same; the rest is on one side only.
fn matched(mut here: Vec<Thing>, mut there: Vec<Thing>) -> Vec<Difference> {
    there.retain(|wanted| {
        let same = here
            .iter()
            .position(|thing| thing.kind == wanted.kind && thing.meaning == wanted.meaning);
        same.map(|at| here.remove(at)).is_none()
    });
    let mut found = Vec::new();
    for wanted in there {
        let object = format!("{} {}", wanted.kind, wanted.name);
        let namesake = here.iter().position(|thing| {
            thing.kind == wanted.kind
                && (thing.local_name == wanted.local_name || thing.kind == "primary key")
        });
        match namesake.map(|at| here.remove(at)) {
            Some(thing) => found.push(Difference {
                object,
                here: thing.meaning,
                there: wanted.meaning,
                mend: together(std::iter::once(thing.drop).chain(wanted.create).collect()),
                harmless: false,
            }),
            None => found.push(Difference {
                object,
                here: MISSING.to_owned(),
                there: wanted.meaning,
                mend: wanted.create,
                harmless: false,
            }),
        }
    }
    found.extend(here.into_iter().map(|thing| Difference {
        object: format!("{} {}", thing.kind, thing.name),
        // A unique one refuses rows, as constraints do.
        harmless: thing.kind == "index" && !thing.meaning.starts_with("UNIQUE "),
        here: thing.meaning,
        there: MISSING.to_owned(),
        mend: vec![commented(ONLY_HERE, &thing.drop)],
    }));
    found
}
