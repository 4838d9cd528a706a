//! A statement with its arguments: sent with parameters, logged with literals.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{GenericClient, Row};

use super::{Reply, Severity};
use crate::conn::conninfo::hide_password;
use crate::text::quoting::quote_literal;
use crate::{Error, Result};

/// An argument of an SQL function.
#[derive(Debug, Clone, Copy)]
pub enum Arg<'a> {
    /// `text`
    Text(&'a str),
    /// `text` or NULL
    OptText(Option<&'a str>),
    /// `text` or NULL from a user's row: no log or error shows it.
    Data(Option<&'a str>),
    /// A connection string, `text` or NULL, without its password in logs and errors.
    Location(Option<&'a str>),
    /// `text[]`
    List(&'a [String]),
    /// `bool`
    Bool(bool),
    /// `int8`; where a function takes `int4` the statement casts.
    Number(i64),
    /// `int8` or NULL
    OptNumber(Option<i64>),
}

impl Arg<'_> {
    fn parameter(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Arg::Text(text) => (text, Type::TEXT),
            Arg::OptText(text) | Arg::Data(text) | Arg::Location(text) => (text, Type::TEXT),
            Arg::List(items) => (items, Type::TEXT_ARRAY),
            Arg::Bool(flag) => (flag, Type::BOOL),
            Arg::Number(number) => (number, Type::INT8),
            Arg::OptNumber(number) => (number, Type::INT8),
        }
    }

    /// As the original logs it: numbers are quoted too, lists are their JSON text.
    fn literal(&self) -> String {
        match self {
            Arg::Text(text) => quote_literal(Some(text)),
            Arg::OptText(text) => quote_literal(*text),
            Arg::Data(text) => quote_literal(text.map(|_| "[...]")),
            Arg::List(items) => {
                let items: Vec<String> = items.iter().map(|item| json_string(item)).collect();
                quote_literal(Some(&format!("[{}]", items.join(", "))))
            }
            Arg::Bool(flag) => flag.to_string(),
            Arg::Number(number) => quote_literal(Some(&number.to_string())),
            Arg::OptNumber(number) => quote_literal(number.map(|n| n.to_string()).as_deref()),
            Arg::Location(text) => quote_literal(text.map(hide_password).as_deref()),
        }
    }
}

fn json_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `$1`, `$2`, ... replaced by literals: for logs and errors only, never sent.
pub fn render(sql: &str, args: &[Arg<'_>]) -> String {
    let mut pieces = sql.split('$');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let arg = piece[..digits].parse::<usize>().ok().and_then(|nr| args.get(nr.checked_sub(1)?));
        match arg {
            Some(arg) => {
                text.push_str(&arg.literal());
                text.push_str(&piece[digits..]);
            }
            None => {
                text.push('$');
                text.push_str(piece);
            }
        }
    }
    text
}

async fn send(
    client: &impl GenericClient,
    label: &str,
    sql: &str,
    args: &[Arg<'_>],
) -> Result<Vec<Row>> {
    tracing::debug!("{label}: {}", render(sql, args));
    let parameters: Vec<_> = args.iter().map(Arg::parameter).collect();
    client.query_typed(sql, &parameters).await.map_err(|error| Error::sql(error, render(sql, args)))
}

tokio::task_local! {
    /// Set while what is read is to be shown.
    static DISPLAYED: ();
}

/// Reads whose rows an operator is shown as they are: logged as `display_table` instead of `exec_query`.
pub async fn for_display<F: Future>(read: F) -> F::Output {
    DISPLAYED.scope((), read).await
}

/// Reads rows, logged as `exec_query`, or as [`for_display`] says.
pub async fn query(client: &impl GenericClient, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Row>> {
    let displayed = DISPLAYED.try_with(|()| ()).is_ok();
    send(client, if displayed { "display_table" } else { "exec_query" }, sql, args).await
}

/// Runs a function that returns one value, logged as `exec_cmd`.
pub async fn value<T>(client: &impl GenericClient, sql: &str, args: &[Arg<'_>]) -> Result<Option<T>>
where
    T: for<'r> tokio_postgres::types::FromSql<'r>,
{
    let rows = send(client, "exec_cmd", sql, args).await?;
    match rows.first() {
        Some(row) => Ok(row.try_get(0)?),
        None => Ok(None),
    }
}

/// Reads exactly one row, logged as `exec_query`.
pub async fn one_row(client: &impl GenericClient, sql: &str, args: &[Arg<'_>]) -> Result<Row> {
    first(query(client, sql, args).await?, sql, args)
}

/// Runs a function that returns one row, logged as `exec_cmd`.
pub async fn one_cmd_row(client: &impl GenericClient, sql: &str, args: &[Arg<'_>]) -> Result<Row> {
    first(send(client, "exec_cmd", sql, args).await?, sql, args)
}

/// Runs a function that answers with a code, logged as `exec_cmd`.
pub async fn reply(client: &impl GenericClient, sql: &str, args: &[Arg<'_>]) -> Result<Reply> {
    reply_of(&one_cmd_row(client, sql, args).await?, sql, args)
}

/// The code and note in a row that a statement answered with.
pub fn reply_of(row: &Row, sql: &str, args: &[Arg<'_>]) -> Result<Reply> {
    let code = row.try_get("ret_code")?;
    Ok(Reply {
        code,
        note: row.try_get::<_, Option<String>>("ret_note")?.unwrap_or_default(),
        query: (Severity::of(code) == Severity::Failed).then(|| render(sql, args)),
    })
}

fn first(rows: Vec<Row>, sql: &str, args: &[Arg<'_>]) -> Result<Row> {
    let row = rows.into_iter().next();
    row.ok_or_else(|| Error::protocol(format!("no answer from: {}", render(sql, args))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, args: &[Arg<'_>], expected: &str) {
        assert_eq!(render(sql, args), expected);
    }

    #[test]
    fn arguments_become_literals() {
        check(
            "select * from f($1, $2, $3, $4)",
            &[Arg::Text("a'b"), Arg::OptText(None), Arg::Number(217), Arg::Bool(false)],
            "select * from f('a''b', null, '217', false)",
        );
        check(
            "select f($1)",
            &[Arg::List(&["skip".to_owned(), "ev_extra2='x'".to_owned()])],
            r#"select f('["skip", "ev_extra2=''x''"]')"#,
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        check(
            "select f($1, $2, $3)",
            &[Arg::Data(Some("row")), Arg::Data(None), Arg::Location(Some("host=a password=b"))],
            "select f('[...]', null, 'host=a  [...]')",
        );
    }

    #[test]
    fn a_value_that_looks_like_a_parameter_stays() {
        check("f($1, $2)", &[Arg::Text("$2"), Arg::Text("b")], "f('$2', 'b')");
        check("f($3, $x)", &[Arg::Text("a")], "f($3, $x)");
    }
}
