//! Rows as COPY writes them: a line of fields with tabs between. Pure.

use std::borrow::Cow;

use pgq_client::text::copy;

/// The fields of a line, still escaped.
pub(super) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b'\t')
}

/// The first fields of a line with what ends the last of them: two lines are in the order of their keys as these
/// are, and the lines of a sorted file are so, too.
pub(super) fn key(line: &[u8], fields: usize) -> &[u8] {
    match memchr::memchr_iter(b'\t', line).nth(fields - 1) {
        Some(tab) => &line[..=tab],
        // There is nothing behind the key.
        None => line,
    }
}

/// A field's value; `None` is NULL.
///
/// # Errors
/// When a backslash has nothing behind it.
pub(super) fn value(field: &str) -> Result<Option<Cow<'_, str>>, &'static str> {
    if field.as_bytes() == copy::NULL {
        return Ok(None);
    }
    match copy::unescape(field.as_bytes()).ok_or("a row ends within an escape")? {
        Cow::Borrowed(_) => Ok(Some(Cow::Borrowed(field))),
        Cow::Owned(value) => {
            let value = String::from_utf8(value).map_err(|_| "a row is not UTF-8")?;
            Ok(Some(Cow::Owned(value)))
        }
    }
}

/// Whether one of two times has a zone of whole hours east and the other none, and all else is the same:
/// `2024-01-01 00:00:00+00` and `2024-01-01 00:00:00`.
pub(super) fn differ_by_zone(one: &[u8], other: &[u8]) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    short.len() >= "2024-01-01 00:00:00".len()
        && long.len() == short.len() + 3
        && long.starts_with(short)
        && long[short.len()] == b'+'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_lines() {
        assert_eq!(key(b"1\tx\ty", 1), b"1\t");
        assert_eq!(key(b"1\tx\ty", 2), b"1\tx\t");
        assert_eq!(key(b"1\tx", 2), b"1\tx");
        assert_eq!(key(b"\t", 1), b"\t");
        // A control character below the tab: `a` and `a\x01` as keys, as sorted lines.
        let mut lines = [&b"a\tz"[..], b"a\x01\ta", b"ab\ta"];
        lines.sort_unstable();
        let mut keys = lines.map(|line| key(line, 1));
        let sorted = keys;
        keys.sort_unstable();
        assert_eq!(keys, sorted);
    }

    #[test]
    fn values_are_unescaped() {
        assert_eq!(value("\\N"), Ok(None));
        assert_eq!(value("plain"), Ok(Some("plain".into())));
        assert_eq!(value("é\\\\N"), Ok(Some("é\\N".into())));
        assert!(value("x\\").is_err());
        assert!(value("\\377").is_err());
    }

    #[test]
    fn times_with_and_without_zone() {
        let same = |one: &str, other: &str| {
            assert_eq!(
                differ_by_zone(one.as_bytes(), other.as_bytes()),
                differ_by_zone(other.as_bytes(), one.as_bytes())
            );
            differ_by_zone(one.as_bytes(), other.as_bytes())
        };
        assert!(same("2024-01-01 00:00:00+00", "2024-01-01 00:00:00"));
        assert!(same("2024-01-01 00:00:00.25+07", "2024-01-01 00:00:00.25"));
        for (one, other) in [
            ("2024-01-01 00:00:00-05", "2024-01-01 00:00:00"),
            ("2024-01-01 00:00:00+0530", "2024-01-01 00:00:00"),
            ("2024-01-01 00:00:01+00", "2024-01-01 00:00:00"),
            ("2024-01-01 00:00:00", "2024-01-01 00:00:00"),
            ("2024-01-01+00", "2024-01-01"),
            ("\\N", "2024-01-01 00:00:00"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
