//! `obfuscate`: the default handler for rows whose values somebody must not see (contract `handlers.md` section 10).
//!
//! [`Rules`] say for every table which columns travel and which of their values are replaced by hashes: when changes are
//! applied ([`TableRules::row`]), when events are passed on ([`TableRules::event`]) and when a table is copied
//! ([`TableRules::copy`]). The same value gets the same hash on all these ways, because what is hashed is the text
//! that COPY and the triggers have in common; a JSON event's `true` is hashed as the `t` that it is there.
//!
//! A column without a rule does not travel, a table without rules stops the node.

mod filter;
mod hash;
mod json;
mod line;
mod number;
mod rules;
mod scanner;
#[cfg(test)]
mod tests;
mod yaml;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use pgq_client::name::TableName;
use pgq_client::text::row::{self, Columns, RowError, RowEvent};
use pgq_client::text::urlenc;

pub use line::CopyRules;
pub use rules::{Rules, RulesError};
pub use yaml::Problem as YamlProblem;

use hash::{Hashed, Hasher};
use json::Value;
use rules::Action;

/// A row cannot be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObfuscateError {
    /// No rules for the table. The text is the original's.
    #[error("Source table not in obf_map: {0}")]
    Table(TableName),
    /// An event of `sqltriga`: its values are somewhere in a piece of SQL. The text is the original's.
    #[error("sql trigger not supported")]
    Fragment,
    /// The event's text does not follow its format.
    #[error(transparent)]
    Event(#[from] RowError),
    /// Rows could not be told apart.
    #[error(
        "column {column} of table {table} is part of its key: obfuscator_map has to keep or hash it"
    )]
    Key {
        /// Table.
        table: String,
        /// Column.
        column: String,
    },
    /// Nothing is left of the row.
    #[error("obfuscator_map lets no column of table {0} pass")]
    Nothing(String),
    /// A value cannot be rewritten.
    #[error("column {column} of table {table}: {problem}")]
    Value {
        /// Table.
        table: String,
        /// Column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A copied line is not a row of the columns that were asked for.
    #[error("table {table}: a copied row has {fields} columns instead of {columns}")]
    Fields {
        /// Table.
        table: String,
        /// How many it has.
        fields: usize,
        /// How many were asked for.
        columns: usize,
    },
}

/// What the rules say about one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRules {
    table: String,
    columns: HashMap<String, Action>,
    hasher: Hasher,
}

/// A new value: hashes that are numbers are written as such in JSON events.
enum Rewritten<'a> {
    Number(i64),
    Text(Cow<'a, str>),
}

impl fmt::Display for Rewritten<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rewritten::Number(number) => number.fmt(f),
            Rewritten::Text(text) => f.write_str(text),
        }
    }
}

impl TableRules {
    /// Rewrites a row that is to be applied. `row` is what [`row::decode`] makes of `kind` and `data`.
    ///
    /// Columns without a rule are left out; NULL stays.
    ///
    /// # Errors
    /// [`ObfuscateError`]: an event of `sqltriga`, a key column that is neither kept nor hashed, a row of which nothing is
    /// left, a JSON column that has no JSON.
    pub fn row<'a>(
        &self,
        kind: &str,
        data: &str,
        row: RowEvent<'a>,
    ) -> Result<RowEvent<'a>, ObfuscateError> {
        let RowEvent::Row { op, key, columns } = row else { return Err(ObfuscateError::Fragment) };
        self.check_key(&key)?;
        let json = if self.has_bool() { members(kind, data)? } else { None };
        let mut left = Columns::with_capacity(columns.len());
        for (column, value) in columns {
            let Some(action) = self.action(&column) else { continue };
            let value = match (action, value) {
                (Action::Keep, value) => value,
                (_, None) => None,
                (action, Some(text)) => {
                    let truth = truth(json.as_ref(), &column, &text);
                    Some(self.rewrite(&column, action, &text, truth)?.to_string().into())
                }
            };
            left.push((column, value));
        }
        if left.is_empty() {
            return Err(ObfuscateError::Nothing(self.table.clone()));
        }
        Ok(RowEvent::Row { op, key, columns: left })
    }

    /// Rewrites the data of an event that is passed on; the result has the format of the event.
    ///
    /// `ev_extra2`, where triggers can store the row as it was, must not be passed on with it.
    ///
    /// # Errors
    /// As [`TableRules::row`], and when the event cannot be decoded.
    pub fn event(&self, kind: &str, data: &str) -> Result<String, ObfuscateError> {
        let row = row::decode(kind, data)?;
        let Some(json) = members(kind, data)? else {
            let RowEvent::Row { columns, .. } = self.row(kind, data, row)? else {
                return Err(ObfuscateError::Fragment);
            };
            return Ok(urlenc::encode_pairs(
                columns.iter().map(|(column, value)| (&**column, value.as_deref())),
            ));
        };
        let RowEvent::Row { key, columns, .. } = row else { return Err(ObfuscateError::Fragment) };
        self.check_key(&key)?;
        self.json_event(&json, &columns)
    }

    fn json_event(
        &self,
        json: &Value<'_>,
        columns: &Columns<'_>,
    ) -> Result<String, ObfuscateError> {
        let mut out = String::new();
        for (column, text) in columns {
            let Some(action) = self.action(column) else { continue };
            out.push_str(if out.is_empty() { "{" } else { ", " });
            json::write_string(&mut out, column);
            out.push_str(": ");
            match (action, text, member(json, column)) {
                (_, None, _) => out.push_str("null"),
                // A column's number keeps its digits; inside of documents they are written anew.
                (Action::Keep, _, Some(Value::Number(number))) => out.push_str(number),
                (Action::Keep, _, Some(value)) => value.write(&mut out),
                (action, Some(text), _) => {
                    let truth = truth(Some(json), column, text);
                    match self.rewrite(column, action, text, truth)? {
                        Rewritten::Number(number) => out.push_str(&number.to_string()),
                        Rewritten::Text(text) => json::write_string(&mut out, &text),
                    }
                }
            }
        }
        if out.is_empty() {
            return Err(ObfuscateError::Nothing(self.table.clone()));
        }
        out.push('}');
        Ok(out)
    }

    /// A value's replacement. `truth` is what `bool` makes of it.
    fn rewrite<'a>(
        &self,
        column: &str,
        action: &Action,
        text: &'a str,
        truth: bool,
    ) -> Result<Rewritten<'a>, ObfuscateError> {
        Ok(match action {
            Action::Keep => Rewritten::Text(text.into()),
            Action::Bool => Rewritten::Text(if truth { "t" } else { "f" }.into()),
            Action::Hash(form) => match self.hasher.hash(*form, text) {
                Hashed::Number(number) => Rewritten::Number(number),
                Hashed::Uuid(text) => Rewritten::Text(text.into()),
            },
            Action::Json(members) => {
                let value = scanner::parse(text)
                    .map_err(|problem| self.unusable(column, problem.to_string()))?;
                let text = filter::document(&value, members, &self.hasher).map_err(|_| {
                    self.unusable(column, "half a surrogate pair in a text to hash".to_owned())
                })?;
                Rewritten::Text(text.into())
            }
        })
    }

    /// Whoever applies the change finds its row by these.
    fn check_key(&self, key: &[Cow<'_, str>]) -> Result<(), ObfuscateError> {
        let useless = key.iter().find(|column| {
            matches!(self.action(column), None | Some(Action::Bool | Action::Json(_)))
        });
        match useless {
            None => Ok(()),
            Some(column) => {
                Err(ObfuscateError::Key { table: self.table.clone(), column: column.to_string() })
            }
        }
    }

    /// Whether a column travels at all.
    pub fn lets_pass(&self, column: &str) -> bool {
        self.action(column).is_some()
    }

    /// `None` for a column that is left out.
    fn action(&self, column: &str) -> Option<&Action> {
        self.columns.get(column)
    }

    fn has_bool(&self) -> bool {
        self.columns.values().any(|action| *action == Action::Bool)
    }

    fn unusable(&self, column: &str, problem: String) -> ObfuscateError {
        ObfuscateError::Value { table: self.table.clone(), column: column.to_owned(), problem }
    }
}

/// The object that a JSON event's data is; `None` for other events, and for data in the other format.
fn members<'a>(kind: &str, data: &'a str) -> Result<Option<Value<'a>>, RowError> {
    if !kind.starts_with('{') || !data.starts_with('{') {
        return Ok(None);
    }
    scanner::parse(data).map(Some).map_err(|e| RowError::Format(format!("event data: {e}")))
}

fn member<'v, 'a>(json: &'v Value<'a>, column: &str) -> Option<&'v Value<'a>> {
    let Value::Object(members) = json else { return None };
    members.get(json::name(column).as_str())
}

/// What `bool` makes of a column. Only a JSON event tells a false boolean from the text `f`; any other text is true unless
/// it is empty, as it always was: rows that are there already say so.
fn truth(json: Option<&Value<'_>>, column: &str, text: &str) -> bool {
    match json.and_then(|json| member(json, column)) {
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.is_true(),
        _ => !text.is_empty(),
    }
}
