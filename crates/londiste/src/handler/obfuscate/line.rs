//! Rows on their way from one COPY into another, as text (contract `handlers.md` 10.4 and section 4).

use bytes::BytesMut;
use pgq_client::text::copy;

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
        if field == copy::NULL || *action == Action::Keep {
            out.extend_from_slice(field);
            return Ok(());
        }
        let invalid = |problem| self.rules.unusable(column, problem);
        let value =
            copy::unescape(field).ok_or_else(|| invalid("a backslash at the end".to_owned()))?;
        let value = std::str::from_utf8(&value).map_err(|_| invalid("not UTF-8".to_owned()))?;
        let value = self.rules.rewrite(column, action, value, !value.is_empty())?;
        copy::put_value(out, &value.to_string());
        Ok(())
    }
}
