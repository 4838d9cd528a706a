//! The url-encoding of events, table attributes and handler arguments (contract `handlers.md` 1.3, `pgq.md` 8.5).
//!
//! Values are short and there are many of them, so one pass over a class table beats several searches.

use std::borrow::Cow;

/// The text is not url-encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlencError {
    /// `%` without two characters behind it.
    #[error("Incomplete hex code")]
    Incomplete,
    /// `%` with something else than hex digits behind it.
    #[error("Invalid hex code")]
    Invalid,
    /// The decoded bytes are not UTF-8.
    #[error("decoded text is not UTF-8")]
    NotUtf8,
}

/// Encodes one value: `[A-Za-z0-9_.-]` as is, blank as `+`, other bytes `%xx` in lower case.
pub fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + value.len() / 8);
    encode_into(&mut out, value);
    out
}

/// As [`encode`], appended to `out`.
pub fn encode_into(out: &mut String, value: &str) {
    // Everything that stays is ASCII, so `start` and `at` are always on character boundaries when a run is copied.
    let mut start = 0;
    for (at, &byte) in value.as_bytes().iter().enumerate() {
        if is_plain(byte) {
            continue;
        }
        if start < at {
            out.push_str(&value[start..at]);
        }
        start = at + 1;
        if byte == b' ' {
            out.push('+');
        } else {
            out.push('%');
            out.push(hex_digit(byte >> 4));
            out.push(hex_digit(byte & 15));
        }
    }
    if start < value.len() {
        out.push_str(&value[start..]);
    }
}

fn hex_digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value & 15)])
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Decodes one name or value; borrows when there is nothing to decode.
///
/// # Errors
/// `%` not followed by two hex digits, or a result that is not UTF-8.
pub fn decode(text: &str) -> Result<Cow<'_, str>, UrlencError> {
    match memchr::memchr2(b'+', b'%', text.as_bytes()) {
        None => Ok(Cow::Borrowed(text)),
        Some(first) => decode_from(text, first).map(Cow::Owned),
    }
}

/// Decodes `text`, whose first `plain` bytes need no decoding.
fn decode_from(text: &str, plain: usize) -> Result<String, UrlencError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&bytes[..plain]);
    let mut at = plain;
    while at < bytes.len() {
        match bytes[at] {
            b'+' => out.push(b' '),
            b'%' => {
                let (Some(&high), Some(&low)) = (bytes.get(at + 1), bytes.get(at + 2)) else {
                    return Err(UrlencError::Incomplete);
                };
                out.push(hex(high)? << 4 | hex(low)?);
                at += 2;
            }
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).map_err(|_| UrlencError::NotUtf8)
}

fn hex(digit: u8) -> Result<u8, UrlencError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(UrlencError::Invalid),
    }
}

/// Writes `name=value&name` pairs; `None` is a bare name.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let mut out = String::new();
    for (at, (name, value)) in pairs.into_iter().enumerate() {
        if at > 0 {
            out.push('&');
        }
        encode_into(&mut out, name);
        if let Some(value) = value {
            out.push('=');
            encode_into(&mut out, value);
        }
    }
    out
}

/// Walks `a=1&b&c=`: a bare name is `None`, `c=` the empty string; empty elements are skipped.
///
/// As in the original's codec a second raw `=` ends the value and begins an element with an empty name (`d=e=f` is `d`
/// with `e` and an empty name with `f`); the encoder never writes one. Repeated names are reported as often as they come.
pub fn pairs(
    text: &str,
) -> impl Iterator<Item = Result<(Cow<'_, str>, Option<Cow<'_, str>>), UrlencError>> {
    Pairs { rest: text }
}

struct Pairs<'a> {
    rest: &'a str,
}

/// Up to the next `&` or `=` (or the end), decoded, and where that was.
#[inline]
fn part(text: &str) -> (Result<Cow<'_, str>, UrlencError>, usize) {
    let mut escaped = None;
    let mut end = text.len();
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        match CLASS[byte as usize] {
            0 => {}
            1 => {
                escaped.get_or_insert(at);
            }
            _ => {
                end = at;
                break;
            }
        }
    }
    let text = &text[..end];
    let decoded = match escaped {
        None => Ok(Cow::Borrowed(text)),
        Some(first) => decode_from(text, first).map(Cow::Owned),
    };
    (decoded, end)
}

/// 1 for what needs decoding, 2 for what ends a name or value.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    class[b'+' as usize] = 1;
    class[b'%' as usize] = 1;
    class[b'&' as usize] = 2;
    class[b'=' as usize] = 2;
    class
};

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(Cow<'a, str>, Option<Cow<'a, str>>), UrlencError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start_matches('&');
        if self.rest.is_empty() {
            return None;
        }
        let (name, end) = part(self.rest);
        self.rest = &self.rest[end..];
        let value = self.rest.strip_prefix('=').map(|after| {
            let (value, end) = part(after);
            self.rest = &after[end..];
            value
        });
        Some(name.and_then(|name| Ok((name, value.transpose()?))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<(String, Option<String>)> {
        pairs(text)
            .map(|pair| {
                let (name, value) = pair.unwrap();
                (name.into_owned(), value.map(Cow::into_owned))
            })
            .collect()
    }

    fn pair(name: &str, value: Option<&str>) -> (String, Option<String>) {
        (name.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn encodes_as_the_triggers_do() {
        assert_eq!(encode("%+&= ~*/:@é€"), "%25%2b%26%3d+%7e%2a%2f%3a%40%c3%a9%e2%82%ac");
        assert_eq!(encode("a'b\\c"), "a%27b%5cc");
        assert_eq!(encode("A-z_0.9"), "A-z_0.9");
    }

    #[test]
    fn null_empty_and_bare() {
        assert_eq!(all("a=1&&b&c=&"), [pair("a", Some("1")), pair("b", None), pair("c", Some(""))]);
        assert_eq!(encode_pairs([("a", Some("1")), ("b", None), ("c", Some(""))]), "a=1&b&c=");
        assert_eq!(all(""), []);
    }

    #[test]
    fn second_equals_sign_begins_an_empty_name() {
        assert_eq!(
            all("d=e=f&g=1"),
            [pair("d", Some("e")), pair("", Some("f")), pair("g", Some("1"))]
        );
    }

    #[test]
    fn either_case_of_hex_is_read() {
        assert_eq!(decode("%c3%A9+x").unwrap(), "é x");
        assert!(matches!(decode("plain~"), Ok(Cow::Borrowed("plain~"))));
    }

    #[test]
    fn bad_escapes_are_named() {
        assert_eq!(decode("a%1"), Err(UrlencError::Incomplete));
        assert_eq!(decode("a%"), Err(UrlencError::Incomplete));
        assert_eq!(decode("a%zz"), Err(UrlencError::Invalid));
        assert_eq!(decode("%ff"), Err(UrlencError::NotUtf8));
        assert_eq!(pairs("a=%é").next(), Some(Err(UrlencError::Invalid)));
    }

    proptest! {
        #[test]
        fn values_survive(value in any::<String>()) {
            let text = encode(&value);
            prop_assert_eq!(decode(&text).unwrap(), value.as_str());
        }

        #[test]
        fn rows_survive(row in prop::collection::vec(("\\PC+", any::<Option<String>>()), 0..8)) {
            let text = encode_pairs(row.iter().map(|(n, v)| (n.as_str(), v.as_deref())));
            prop_assert_eq!(all(&text), row);
        }

        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _ = decode(&text);
            prop_assert!(pairs(&text).count() <= text.len());
        }
    }
}
