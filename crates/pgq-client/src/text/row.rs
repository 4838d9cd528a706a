//! Data events decoded: which operation, which key, which columns (contract `worker.md` 11, `pgq.md` 8.6).

use std::borrow::Cow;

use super::json::{self, Value};
use super::urlenc::{self, UrlencError};

/// What a data event does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// A new row.
    Insert,
    /// New values for an existing row.
    Update,
    /// The row is gone.
    Delete,
}

/// Columns of a row event in event order; `None` is NULL.
pub type Columns<'a> = Vec<(Cow<'a, str>, Option<Cow<'a, str>>)>;

/// A data event decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum RowEvent<'a> {
    /// `logutriga` and `jsontriga`: a whole row and the key's column names.
    Row {
        /// Operation.
        op: Op,
        /// Names of the key columns, empty when the table has none.
        key: Vec<Cow<'a, str>>,
        /// All columns.
        columns: Columns<'a>,
    },
    /// `sqltriga`: the tail of an SQL statement.
    Fragment {
        /// Operation.
        op: Op,
        /// What follows `insert into T`, `update only T set` or `delete from only T where`.
        sql: &'a str,
    },
}

/// A data event's text does not follow the format its type announces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Bytes that are not UTF-8. The database that wrote them could not convert them (`pgq._event_bytes`), or did not
    /// know what they mean.
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// Anything else.
    #[error("{0}")]
    Format(String),
}

/// Whether an event type is a data event: `I` `U` `D`, a prefix `I:` `U:` `D:`, or JSON (`{"`).
pub fn is_data(kind: &str) -> bool {
    match kind.as_bytes() {
        [b'I' | b'U' | b'D'] | [b'I' | b'U' | b'D', b':', ..] => true,
        bytes => bytes.starts_with(b"{\""),
    }
}

/// Decodes a data event from its type and data.
///
/// Values come as the text PostgreSQL reads: a JSON `true` is `t`, a number keeps its digits, a nested array or object its
/// text. Everything that needs no unescaping borrows.
///
/// # Errors
/// A type that is none of [`is_data`], a truncate in JSON form, or data that does not follow its format.
pub fn decode<'a>(kind: &'a str, data: &'a str) -> Result<RowEvent<'a>, RowError> {
    if kind.starts_with('{') {
        return decode_json(kind, data);
    }
    let op = kind.bytes().next().and_then(op).ok_or_else(|| not_data(kind))?;
    match &kind[1..] {
        "" => Ok(RowEvent::Fragment { op, sql: data }),
        list => {
            let list = list.strip_prefix(':').ok_or_else(|| not_data(kind))?;
            let columns = url_columns(data)?;
            let key = if list.is_empty() {
                Vec::new()
            } else {
                list.split(',').map(|name| key_name(Cow::Borrowed(name), &columns)).collect()
            };
            Ok(RowEvent::Row { op, key, columns })
        }
    }
}

fn op(letter: u8) -> Option<Op> {
    match letter {
        b'I' => Some(Op::Insert),
        b'U' => Some(Op::Update),
        b'D' => Some(Op::Delete),
        _ => None,
    }
}

fn not_data(kind: &str) -> RowError {
    RowError::Format(format!("not a data event: {kind}"))
}

/// A trigger argument `pkey=a, b` is written to the event as it was given, so a name may have blanks around it that belong
/// to the list and not to the column.
fn key_name<'a>(name: Cow<'a, str>, columns: &Columns<'a>) -> Cow<'a, str> {
    if name.trim() == name || columns.iter().any(|(column, _)| *column == name) {
        return name;
    }
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.trim()),
        Cow::Owned(name) => Cow::Owned(name.trim().to_owned()),
    }
}

fn url_columns(data: &str) -> Result<Columns<'_>, RowError> {
    // Most rows are narrow: one allocation for up to eight columns, and Vec doubles from there.
    let mut columns = Columns::with_capacity(8);
    for pair in urlenc::pairs(data) {
        columns.push(pair.map_err(|e| match e {
            UrlencError::NotUtf8 => RowError::NotUtf8,
            e => RowError::Format(e.to_string()),
        })?);
    }
    Ok(columns)
}

fn decode_json<'a>(kind: &'a str, data: &'a str) -> Result<RowEvent<'a>, RowError> {
    let invalid = |what: &str, why: &str| RowError::Format(format!("{what}: {why}"));
    let (mut operation, mut key) = (None, Vec::new());
    for (name, value) in json::members(kind).map_err(|e| invalid("event type", e))? {
        match (&*name, value) {
            ("op", Value::String(name)) => operation = name.bytes().next().and_then(op),
            ("pkey", Value::Raw(list)) => {
                key = json::strings(list).map_err(|e| invalid("pkey in event type", e))?;
            }
            _ => {}
        }
    }
    let op = operation.ok_or_else(|| not_data(kind))?;
    let columns = if data.starts_with('{') {
        json::members(data)
            .map_err(|e| invalid("event data", e))?
            .into_iter()
            .map(|(name, value)| {
                let text = match value {
                    Value::Null => None,
                    Value::Bool(true) => Some(Cow::Borrowed("t")),
                    Value::Bool(false) => Some(Cow::Borrowed("f")),
                    Value::String(text) => Some(text),
                    Value::Raw(text) => Some(Cow::Borrowed(text)),
                };
                (name, text)
            })
            .collect()
    } else {
        url_columns(data)?
    };
    // The trigger argument `pkey=` without names is written as one empty name.
    key.retain(|name| !name.is_empty());
    let key = key.into_iter().map(|name| key_name(name, &columns)).collect();
    Ok(RowEvent::Row { op, key, columns })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `I a,b | a=1 b= c` for a row, `I sql` for a fragment.
    fn show(kind: &str, data: &str) -> String {
        match decode(kind, data) {
            Ok(RowEvent::Fragment { op, sql }) => format!("{op:?} {sql}"),
            Ok(RowEvent::Row { op, key, columns }) => {
                let columns: Vec<String> = columns
                    .iter()
                    .map(|(name, value)| match value {
                        Some(value) => format!("{name}={value}"),
                        None => name.to_string(),
                    })
                    .collect();
                format!("{op:?} {} | {}", key.join(","), columns.join(" "))
            }
            Err(e) => format!("error: {e}"),
        }
    }

    #[test]
    fn url_encoded_rows() {
        assert_eq!(show("U:b,a", "a=1&b=x+y&c&d="), "Update b,a | a=1 b=x y c d=");
        assert_eq!(show("I:", "a=1"), "Insert  | a=1");
        assert_eq!(
            show("I:Id col", "Id+col=1&select=a%27b%5cc&a.b%26c%3dd&na%c3%afve=%40"),
            "Insert Id col | Id col=1 select=a'b\\c a.b&c=d naïve=@"
        );
    }

    #[test]
    fn custom_key_list_with_blanks() {
        assert_eq!(show("U:id, k2", "id=1&k2=2"), "Update id,k2 | id=1 k2=2");
        assert_eq!(show("U: k2", "+k2=1&k2=2"), "Update  k2 |  k2=1 k2=2");
    }

    #[test]
    fn json_rows() {
        let kind = r#"{"op":"UPDATE","table":["My Schema","Tbl \"x\", é"],"pkey":["a","b"]}"#;
        assert_eq!(
            show(
                kind,
                r#"{"a":1,"b":123456789012345678901234567890.10,"c":true,"d":null,"e":"x\"\n"}"#
            ),
            "Update a,b | a=1 b=123456789012345678901234567890.10 c=t d e=x\"\n"
        );
        assert_eq!(show(r#"{"op":"DELETE","pkey":["a"]}"#, "a=1&b"), "Delete a | a=1 b");
        assert_eq!(show(r#"{"op":"INSERT","pkey":[""]}"#, "{}"), "Insert  | ");
        assert_eq!(
            show(r#"{"op":"INSERT"}"#, r#"{"j":{"a": [1, 2]}}"#),
            r#"Insert  | j={"a": [1, 2]}"#
        );
    }

    #[test]
    fn fragments() {
        assert_eq!(show("I", "(a) values ('1')"), "Insert (a) values ('1')");
        assert_eq!(show("D", "a='1'"), "Delete a='1'");
    }

    #[test]
    fn what_is_data() {
        for kind in ["I", "U", "D", "I:a", "D:", r#"{"op":"INSERT"}"#] {
            assert!(is_data(kind), "{kind}");
        }
        for kind in ["", "R", "EXECUTE", "Insert", "londiste.add-table", "{}", "i:a"] {
            assert!(!is_data(kind), "{kind}");
        }
    }

    #[test]
    fn errors_do_not_quote_data() {
        assert_eq!(show("I:a", "a=%zz"), "error: Invalid hex code");
        assert_eq!(show(r#"{"op":"INSERT"}"#, r#"{"a""#), "error: event data: invalid JSON");
        assert_eq!(show("R", ""), "error: not a data event: R");
        assert_eq!(
            show(r#"{"op":"TRUNCATE"}"#, "{}"),
            r#"error: not a data event: {"op":"TRUNCATE"}"#
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(kind in r#"[IUDRé]?:?.{0,6}"#, data in any::<String>()) {
            let _ = decode(&kind, &data);
            let _ = decode(r#"{"op":"INSERT","pkey":["a"]}"#, &data);
        }
    }
}
