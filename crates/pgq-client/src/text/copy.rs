//! COPY's text format: a line for a row, tabs between the fields, backslashes before what would be taken for one of these
//! (contract `handlers.md` 10.4; the server's documentation of COPY, "Text Format").

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// The field that is NULL.
pub const NULL: &[u8] = b"\\N";

/// Appends a row, with the newline at its end.
pub fn put_row<'v>(out: &mut BytesMut, row: impl Iterator<Item = Option<&'v str>>) {
    for (nr, value) in row.enumerate() {
        if nr > 0 {
            out.put_u8(b'\t');
        }
        match value {
            None => out.put_slice(NULL),
            Some(text) => put_value(out, text),
        }
    }
    out.put_u8(b'\n');
}

/// Appends a value as a field.
#[inline]
pub fn put_value(out: &mut BytesMut, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(place) = rest.iter().position(|b| matches!(b, b'\\' | b'\t' | b'\n' | b'\r')) {
        out.put_slice(&rest[..place]);
        let letter = match rest[place] {
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            other => other,
        };
        out.put_slice(&[b'\\', letter]);
        rest = &rest[place + 1..];
    }
    out.put_slice(rest);
}

/// The value of a field that is not [`NULL`]; `None` when it ends within an escape.
pub fn unescape(field: &[u8]) -> Option<Cow<'_, [u8]>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_escape_what_copy_reads() {
        let mut out = BytesMut::new();
        put_row(&mut out, [Some("a\tb\\c\nd\re"), None, Some(""), Some("\\N")].into_iter());
        assert_eq!(&out[..], b"a\\tb\\\\c\\nd\\re\t\\N\t\t\\\\N\n");
    }

    #[test]
    fn values_come_back() {
        let value = |field: &str| {
            let value = unescape(field.as_bytes()).expect("whole escapes").into_owned();
            String::from_utf8(value).expect("UTF-8")
        };
        assert_eq!(value(""), "");
        assert_eq!(value("\\\\N"), "\\N");
        assert_eq!(value(r"a\tb\nc\rd\be\ff\vg\\h"), "a\tb\nc\rd\u{8}e\u{c}f\u{b}g\\h");
        assert_eq!(value("é\\\\日"), "é\\日");
        assert_eq!(value("\\\\x6162"), "\\x6162");
        assert_eq!(value(r"\x41\x4\101\7\q"), "A\u{4}A\u{7}q");
        assert_eq!(unescape(b"x\\"), None);
    }
}
