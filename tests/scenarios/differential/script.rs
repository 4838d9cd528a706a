//! A script is a list of steps. Every step is text for psql, so that what fails can be pasted there.

use std::fmt::Write;

/// What is sent to both servers at once.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// What ours is sent, and the reference as well unless it has its own text.
    pub(super) sql: String,
    /// What the reference is sent where a wanted difference needs another text.
    pub(super) theirs: Option<Theirs>,
    pub(super) manner: Manner,
}

/// The reference's own text of a step.
#[derive(Clone, Debug)]
pub(super) enum Theirs {
    /// Instead, always: what ours does by itself the reference has to be told.
    Always(&'static str, String),
    /// In addition, when it refused with this text what ours accepts. What is done instead reckons with a table of so many columns;
    /// a script may believe in changes of it that were rolled back.
    AfterRefusal { text: &'static str, instead: String, table: String, columns: usize },
}

/// How a step is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Plain,
    /// As the original's commands call functions: in a transaction that an answer of 300 or more rolls back.
    Client,
    /// A new session.
    Reconnect,
}

/// Steps in the making.
#[derive(Default)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
}

impl Script {
    pub(super) fn plain(&mut self, sql: impl Into<String>) {
        self.push(sql, None, Manner::Plain);
    }

    pub(super) fn client(&mut self, sql: impl Into<String>) {
        self.push(sql, None, Manner::Client);
    }

    pub(super) fn reconnect(&mut self) {
        self.push("\\c", None, Manner::Reconnect);
    }

    /// The reference is sent another text; the reason is told in the run's report.
    pub(super) fn told_otherwise(
        &mut self,
        sql: impl Into<String>,
        reason: &'static str,
        theirs: impl Into<String>,
    ) {
        self.push(sql, Some(Theirs::Always(reason, theirs.into())), Manner::Plain);
    }

    /// Where the reference refuses with `text`, it is sent `instead`, which has to come to the same if `table` has so many columns.
    pub(super) fn or_else(
        &mut self,
        sql: impl Into<String>,
        text: &'static str,
        instead: impl Into<String>,
        (table, columns): (String, usize),
    ) {
        let theirs = Theirs::AfterRefusal { text, instead: instead.into(), table, columns };
        self.push(sql, Some(theirs), Manner::Plain);
    }

    fn push(&mut self, sql: impl Into<String>, theirs: Option<Theirs>, manner: Manner) {
        self.steps.push(Step { sql: sql.into(), theirs, manner });
    }
}

/// The steps as a script for psql.
pub(super) fn for_psql(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let _ = match step.manner {
            Manner::Reconnect => writeln!(text, "\\c"),
            Manner::Plain => writeln!(text, "{};", step.sql),
            Manner::Client => {
                writeln!(text, "begin;\n{};\ncommit; -- rollback if ret_code >= 300", step.sql)
            }
        };
        let _ = match &step.theirs {
            Some(Theirs::Always(_, sql)) => writeln!(text, "-- in the reference instead: {sql};"),
            Some(Theirs::AfterRefusal { instead, .. }) => {
                writeln!(text, "-- in the reference, when it refused: {instead};")
            }
            None => Ok(()),
        };
    }
    text
}

/// A name as SQL writes it.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string as SQL writes it.
pub(super) fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A string, or nothing, as SQL writes it.
pub(super) fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), literal)
}
