//! Rows on their way from one COPY into another, as text (contract `handlers.md` 10.4 and section 4).

use std::borrow::Cow;

use bytes::BytesMut;

use super::rules::Action;
use super::{ObfuscateError, TableRules};

/// What becomes of the rows of a copy: which columns travel, and how.
#[derive(Debug, Clone)]
pub struct CopyRules<'r> {
    rules: &'r TableRules,
    columns: Vec<(String, &'r Action)>,
}

impl TableRules {
    /// The rules for a copy of these columns.
    pub fn copy(&self, columns: &[String]) -> CopyRules<'_> {
        let columns = columns.iter();
        let columns = columns.filter_map(|column| Some((column.clone(), self.action(column)?)));
        CopyRules { rules: self, columns: columns.collect() }
    }
}

impl CopyRules<'_> {
    #[cfg(test)]
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(column, _)| column.as_str())
    }

    /// Rewrites one row of the columns that travel, in COPY's text format and UTF-8, and appends it with its newline.
    ///
    /// What is kept travels as it came. `line` may end with a newline.
    ///
    /// # Errors
    /// [`ObfuscateError`] when the line has another number of columns, a value to be rewritten is not UTF-8 or ends within
    /// an escape, or a JSON column has no JSON. `out` may end with a part of the row then.
    pub fn line(&self, line: &[u8], out: &mut BytesMut) -> Result<(), ObfuscateError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let fields = memchr::memchr_iter(b'\t', line).count() + 1;
        if fields != self.columns.len() {
            let table = self.rules.table.clone();
            return Err(ObfuscateError::Fields { table, fields, columns: self.columns.len() });
        }
        for (at, (field, (column, action))) in
            line.split(|byte| *byte == b'\t').zip(&self.columns).enumerate()
        {
            if at > 0 {
                out.extend_from_slice(b"\t");
            }
            self.field(column, action, field, out)?;
        }
        out.extend_from_slice(b"\n");
        Ok(())
    }

    fn field(
        &self,
        column: &str,
        action: &Action,
        field: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), ObfuscateError> {
        if field == b"\\N" || *action == Action::Keep {
            out.extend_from_slice(field);
            return Ok(());
        }
        let invalid = |problem| self.rules.unusable(column, problem);
        let value = unescape(field).ok_or_else(|| invalid("a backslash at the end".to_owned()))?;
        let value = std::str::from_utf8(&value).map_err(|_| invalid("not UTF-8".to_owned()))?;
        let value = self.rules.rewrite(column, action, value, !value.is_empty())?;
        escape(out, value.to_string().as_bytes());
        Ok(())
    }
}

/// A field's value; `None` when it ends within an escape.
fn unescape(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(first) = memchr::memchr(b'\\', field) else { return Some(Cow::Borrowed(field)) };
    let mut value = field[..first].to_vec();
    let mut rest = &field[first..];
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        let (&code, behind) = rest.split_first()?;
        rest = behind;
        value.push(match code {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'0'..=b'7' => {
                let mut number = code - b'0';
                for _ in 0..2 {
                    let Some((digit @ b'0'..=b'7', behind)) = rest.split_first() else { break };
                    number = number.wrapping_mul(8).wrapping_add(digit - b'0');
                    rest = behind;
                }
                number
            }
            b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                let digits =
                    rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
                let (number, behind) = rest.split_at(digits);
                rest = behind;
                let number = std::str::from_utf8(number).ok()?;
                u8::from_str_radix(number, 16).ok()?
            }
            other => other,
        });
    }
    Some(Cow::Owned(value))
}

/// Appends a value as a field.
fn escape(out: &mut BytesMut, value: &[u8]) {
    for &byte in value {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            byte => out.extend_from_slice(&[byte]),
        }
    }
}
