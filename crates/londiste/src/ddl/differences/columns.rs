//! Columns and the sequences behind them.

use pgq_client::text::quoting::quote_ident;

use super::super::relation::columns::{clause, create_sequence, identity};
use super::super::relation::{Column, Relation, Sequence, Use, Value};
use super::{Difference, MISSING, Pair, commented, together};

pub(super) fn differences(pair: Pair<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for wanted in &pair.there.columns {
        match pair.here.columns.iter().find(|column| column.name == wanted.name) {
            None => found.push(Difference {
                object: format!("column {}", wanted.name),
                here: MISSING.to_owned(),
                there: add_clause(pair, wanted),
                mend: with_sequence(pair, wanted, add(pair, wanted)),
                harmless: false,
            }),
            Some(column) => {
                found.extend(kind(pair, column, wanted));
                found.extend(nullability(pair, column, wanted));
                found.extend(value(pair, column, wanted));
                found.extend(sequence(pair, column, wanted));
            }
        }
    }
    for column in &pair.here.columns {
        if !pair.there.columns.iter().any(|wanted| wanted.name == column.name) {
            found.push(Difference {
                object: format!("column {}", column.name),
                here: kind_of(column),
                there: MISSING.to_owned(),
                // A column of this node's own may be wanted: what loses values is not run by pasting.
                mend: vec![commented(
                    "with its values",
                    &format!(
                        "ALTER TABLE {} DROP COLUMN {};",
                        pair.here.name().quoted(),
                        quote_ident(&column.name)
                    ),
                )],
                harmless: false,
            });
        }
    }
    found
}

/// Rows that are here already do not get the provider's values by this.
fn add(pair: Pair<'_>, wanted: &Column) -> Vec<String> {
    let name = quote_ident(&wanted.name);
    let statement = alter_table(pair, &format!("ADD COLUMN {name} {}", add_clause(pair, wanted)));
    if matches!(wanted.value, Value::Generated(..)) {
        return vec![statement];
    }
    let mut mend = Vec::new();
    if wanted.not_null && wanted.value == Value::None {
        mend.push("-- refused while the table has rows, they have no value for it".to_owned());
    }
    mend.extend([statement, copy_again(pair)]);
    mend
}

fn copy_again(pair: Pair<'_>) -> String {
    let name = pair.table.as_str();
    let plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let word = if name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    };
    commented("then copy the table again", &format!("londiste INI resync {word}"))
}

fn add_clause(pair: Pair<'_>, column: &Column) -> String {
    let mut text = clause(pair.there, column, pair.names);
    if let Value::Default(expression) = &column.value {
        text.push_str(&format!(" DEFAULT {}", pair.names.default_of(pair.there, expression)));
    }
    text
}

fn kind_of(column: &Column) -> String {
    match &column.collation {
        Some(collation) => format!("{} COLLATE {collation}", column.kind),
        None => column.kind.clone(),
    }
}

fn kind(pair: Pair<'_>, column: &Column, wanted: &Column) -> Option<Difference> {
    let (here, there) = (kind_of(column), kind_of(wanted));
    let name = quote_ident(&column.name);
    if here == there {
        return None;
    }
    // Without USING the server refuses what does not fit, an explicit cast would cut it off.
    let mut mend = vec![alter_table(pair, &format!("ALTER COLUMN {name} TYPE {there}"))];
    // A default is not converted with the column.
    if matches!(column.value, Value::Default(_)) {
        mend.insert(0, alter_column(pair, column, "DROP DEFAULT"));
        if value(pair, column, wanted).is_none()
            && let Value::Default(expression) = &column.value
        {
            mend.push(alter_column(pair, column, &format!("SET DEFAULT {expression}")));
        }
    }
    mend = together(mend);
    if !keeps_values(&column.kind, &wanted.kind) {
        let why = "may be refused or change values";
        mend = mend.iter().map(|statement| commented(why, statement)).collect();
    }
    if column.kind != wanted.kind {
        mend.push(copy_again(pair));
    }
    Some(Difference {
        object: format!("column {}", column.name),
        here,
        there,
        mend,
        harmless: false,
    })
}

/// Whether a change of type keeps each value or is refused. Other casts round, pad, or depend on the session.
fn keeps_values(from: &str, to: &str) -> bool {
    let integer = |kind: &str| ["smallint", "integer", "bigint"].contains(&kind);
    let characters = |kind: &str| {
        kind == "text"
            || kind == "character varying"
            || kind.starts_with("character varying(") && !kind.ends_with("[]")
    };
    from == to
        || (integer(from) && (integer(to) || to == "numeric" || to == "text"))
        || (characters(from) && characters(to))
        || (scale(from).is_some() && to == "numeric")
        || matches!((scale(from), scale(to)), (Some(from), Some(to)) if from <= to)
        || (from == "real" && to == "double precision")
}

/// Of `numeric(precision,scale)`.
fn scale(kind: &str) -> Option<i32> {
    let (_, scale) = kind.strip_prefix("numeric(")?.strip_suffix(')')?.split_once(',')?;
    scale.parse().ok()
}

fn nullability(pair: Pair<'_>, column: &Column, wanted: &Column) -> Option<Difference> {
    // An identity column has it by itself.
    let by_itself = |column: &Column| matches!(column.value, Value::Identity(_));
    if column.not_null == wanted.not_null || by_itself(wanted) {
        return None;
    }
    let word = |not_null| if not_null { "not null" } else { "null" };
    let action = if wanted.not_null { "SET" } else { "DROP" };
    Some(Difference {
        object: format!("column {}", column.name),
        here: word(column.not_null).to_owned(),
        there: word(wanted.not_null).to_owned(),
        mend: vec![alter_column(pair, column, &format!("{action} NOT NULL"))],
        harmless: false,
    })
}

fn value(pair: Pair<'_>, column: &Column, wanted: &Column) -> Option<Difference> {
    let here = value_text(pair.here, column, &column.value);
    let there = match &wanted.value {
        Value::Default(expression) => {
            format!("default {}", pair.names.default_of(pair.there, expression))
        }
        other => value_text(pair.there, wanted, other),
    };
    if here == there {
        return None;
    }
    let mut mend = Vec::new();
    let name = quote_ident(&column.name);
    if matches!(wanted.value, Value::Generated(..)) || matches!(column.value, Value::Generated(..))
    {
        // A column cannot become a computed one; one that was keeps its values.
        if matches!(wanted.value, Value::Generated(..)) {
            let drop = alter_table(pair, &format!("DROP COLUMN {name}"));
            let add = alter_table(pair, &format!("ADD COLUMN {name} {}", add_clause(pair, wanted)));
            mend.push(commented("with the keys and indexes that it is in", &drop));
            mend.push(commented("and again, with them", &add));
        } else {
            mend.push(alter_column(pair, column, "DROP EXPRESSION"));
        }
    }
    match (&column.value, &wanted.value) {
        (Value::Identity(_), Value::Identity(when)) => {
            mend.push(alter_column(pair, column, &format!("SET GENERATED {when}")));
        }
        (Value::Identity(_), _) => mend.push(alter_column(pair, column, "DROP IDENTITY")),
        (Value::Default(_), Value::Identity(_) | Value::None) => {
            mend.push(alter_column(pair, column, "DROP DEFAULT"));
        }
        _ => {}
    }
    match &wanted.value {
        Value::Default(expression) => {
            let default = pair.names.default_of(pair.there, expression);
            mend.push(alter_column(pair, column, &format!("SET DEFAULT {default}")));
        }
        Value::Identity(when) if !matches!(column.value, Value::Identity(_)) => {
            if !column.not_null {
                mend.push(alter_column(pair, column, "SET NOT NULL"));
            }
            let identity = identity(pair.there, wanted, when, pair.names);
            mend.push(alter_column(pair, column, &format!("ADD {identity}")));
        }
        _ => {}
    }
    let mend = with_sequence(pair, wanted, mend);
    Some(Difference {
        object: format!("column {}", column.name),
        here,
        there,
        mend,
        harmless: false,
    })
}

/// The sequence of a serial column has to be there before the default, and belongs to the column afterwards.
fn with_sequence(pair: Pair<'_>, wanted: &Column, statements: Vec<String>) -> Vec<String> {
    let sequence = pair.there.owned_sequence(&wanted.name);
    let sequence = sequence.filter(|sequence| {
        matches!(sequence.use_, Use::Owned(_)) && pair.here.owned_sequence(&wanted.name).is_none()
    });
    let Some(sequence) = sequence else { return statements };
    let name = pair.names.sequence(&sequence.name);
    let owner = format!("{}.{}", pair.here.name().quoted(), quote_ident(&wanted.name));
    let owned = format!("ALTER SEQUENCE {}\n  OWNED BY {owner};", name.quoted());
    create_sequence(sequence, name).into_iter().chain(statements).chain([owned]).collect()
}

fn value_text(relation: &Relation, column: &Column, value: &Value) -> String {
    match value {
        Value::None => "no default".to_owned(),
        Value::Default(expression) => format!("default {expression}"),
        Value::Generated(expression, how) => {
            format!("generated always as ({expression}) {}", how.to_lowercase())
        }
        // A partition has it from its table.
        Value::Identity(_) if relation.partition_of.is_some() => column.kind.clone(),
        Value::Identity(when) => format!("generated {} as identity", when.to_lowercase()),
    }
}

/// Sequences of the same column, but for where they are and where they began.
fn sequence(pair: Pair<'_>, column: &Column, wanted: &Column) -> Option<Difference> {
    let here = pair.here.owned_sequence(&column.name)?;
    let there = pair.there.owned_sequence(&wanted.name)?;
    sequence_difference(here, there)
}

/// What is different between two sequences, but for where they are and where they began.
pub(crate) fn sequence_difference(here: &Sequence, there: &Sequence) -> Option<Difference> {
    let settings = |sequence: &Sequence| {
        let options = sequence.options.split_once(" INCREMENT ").map_or("", |(_, rest)| rest);
        let cycle = if options.ends_with(" CYCLE") { "" } else { " NO CYCLE" };
        format!("AS {} INCREMENT {options}{cycle}", sequence.kind)
    };
    let (is, should) = (settings(here), settings(there));
    (is != should).then(|| Difference {
        object: format!("sequence {}", here.name),
        mend: vec![format!("ALTER SEQUENCE {}\n  {should};", here.name.quoted())],
        here: is,
        there: should,
        harmless: false,
    })
}

fn alter_table(pair: Pair<'_>, action: &str) -> String {
    format!("ALTER TABLE {}\n  {action};", pair.here.name().quoted())
}

fn alter_column(pair: Pair<'_>, column: &Column, action: &str) -> String {
    alter_table(pair, &format!("ALTER COLUMN {} {action}", quote_ident(&column.name)))
}
