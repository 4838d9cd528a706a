//! `compare_fmt`: the operator's pattern for a row of counts and checksums, as `%(name)d` and `%(name)s`
//! (contract `compare-repair-execute.md` section 3).

/// A pattern that cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// `%(name)` of a column that the query does not return.
    #[error("compare_fmt: the query returns no column '{0}'")]
    UnknownColumn(String),
    /// `%(name)d` of something that is not a whole number.
    #[error("compare_fmt: column '{0}' is no whole number, use %({0})s")]
    NotANumber(String),
    /// A `%` that starts neither `%(name)d`, `%(name)s` nor `%%`.
    #[error("compare_fmt: expected %(name)d, %(name)s or %% at character {0}")]
    Syntax(usize),
}

/// Fills a pattern with a row's columns; NULL prints as `None`.
pub fn fill<'a>(
    pattern: &str,
    column: impl Fn(&str) -> Option<Option<&'a str>>,
) -> Result<String, FormatError> {
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut rest = pattern;
    while let Some(percent) = rest.find('%') {
        out.push_str(&rest[..percent]);
        let position = pattern.len() - rest.len() + percent;
        rest = &rest[percent + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (name, after) = rest
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'))
            .ok_or(FormatError::Syntax(position))?;
        let value = column(name).ok_or_else(|| FormatError::UnknownColumn(name.to_owned()))?;
        match after.chars().next() {
            Some('s') => out.push_str(value.unwrap_or("None")),
            Some('d') => {
                let number = value.and_then(whole_number);
                out.push_str(number.ok_or_else(|| FormatError::NotANumber(name.to_owned()))?);
            }
            _ => return Err(FormatError::Syntax(position)),
        }
        rest = &after[1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The digits before the point of a number, as `%d` prints them.
fn whole_number(text: &str) -> Option<&str> {
    let whole = text.split('.').next()?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Option<Option<&'static str>> {
        match name {
            "cnt" => Some(Some("5")),
            "avg" => Some(Some("2.50")),
            "chksum" => Some(Some("-85936662924")),
            "none" => Some(None),
            _ => None,
        }
    }

    #[test]
    fn the_default_pattern() {
        assert_eq!(
            fill("%(cnt)d rows, checksum=%(chksum)s", row).unwrap(),
            "5 rows, checksum=-85936662924"
        );
    }

    #[test]
    fn percent_signs_null_and_fractions() {
        assert_eq!(
            fill("100%% of %(none)s, %(avg)d, %(avg)s", row).unwrap(),
            "100% of None, 2, 2.50"
        );
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(fill("%(foo)s", row), Err(FormatError::UnknownColumn("foo".to_owned())));
        assert_eq!(fill("%(none)d", row), Err(FormatError::NotANumber("none".to_owned())));
        for (pattern, at) in [("a %", 2), ("%(cnt", 0), ("%(cnt)x", 0), ("%d", 0), ("%(cnt)", 0)] {
            assert_eq!(fill(pattern, row), Err(FormatError::Syntax(at)), "{pattern}");
        }
    }
}
