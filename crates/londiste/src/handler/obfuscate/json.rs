//! JSON values, and how the original writes them (contract `handlers.md` 10.3).
//!
//! What applications store is not ours to refuse, so these values hold whatever the server's type `json` takes: numbers
//! of any size, names twice in an object, halves of surrogate pairs. A number stays the text that it is, and so does
//! a string until somebody needs its characters.

use std::borrow::Cow;
use std::fmt::Write as _;

use indexmap::IndexMap;

use super::number;

/// A value.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'a str),
    String(Escaped<'a>),
    Array(Vec<Value<'a>>),
    /// Names as [`name`] writes them. The last of several values with the same name, at the place of the first.
    Object(IndexMap<Cow<'a, str>, Value<'a>>),
}

/// What stands between a string's quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Escaped<'a>(pub(super) &'a str);

/// A name as it stands in an object, without the quotes: printable ASCII, everything else escaped. Two names are equal
/// when these are.
pub(super) fn name(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    write_units(&mut out, text.encode_utf16());
    out
}

/// Appends a string with its quotes.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    write_units(out, text.encode_utf16());
    out.push('"');
}

fn write_units(out: &mut String, units: impl Iterator<Item = u16>) {
    for unit in units {
        match unit {
            0x08 => out.push_str("\\b"),
            0x09 => out.push_str("\\t"),
            0x0a => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            0x0d => out.push_str("\\r"),
            0x22 => out.push_str("\\\""),
            0x5c => out.push_str("\\\\"),
            _ => match u8::try_from(unit) {
                Ok(byte @ b' '..=b'~') => out.push(char::from(byte)),
                _ => write!(out, "\\u{unit:04x}").expect("a String takes everything"),
            },
        }
    }
}

impl<'a> Escaped<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The text; `None` when half a surrogate pair is in it, which is no character.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if self.0.contains('\\') {
            char::decode_utf16(self.units())
                .collect::<std::result::Result<_, _>>()
                .ok()
                .map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(self.0))
        }
    }

    /// As [`name`].
    pub(super) fn name(self) -> Cow<'a, str> {
        if self.0.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
            return Cow::Borrowed(self.0);
        }
        let mut out = String::with_capacity(self.0.len());
        write_units(&mut out, self.units());
        Cow::Owned(out)
    }

    /// UTF-16, which is what escapes are made of.
    fn units(self) -> impl Iterator<Item = u16> {
        let mut chars = self.0.chars();
        let mut low = None;
        std::iter::from_fn(move || {
            if let Some(unit) = low.take() {
                return Some(unit);
            }
            let escape = match chars.next()? {
                '\\' => chars.next()?,
                c => {
                    let mut units = [0; 2];
                    let first = c.encode_utf16(&mut units)[0];
                    low = (c.len_utf16() == 2).then_some(units[1]);
                    return Some(first);
                }
            };
            Some(match escape {
                'b' => 0x08,
                'f' => 0x0c,
                'n' => 0x0a,
                'r' => 0x0d,
                't' => 0x09,
                'u' => {
                    let digits = chars.as_str().get(..4)?;
                    chars.nth(3);
                    u16::from_str_radix(digits, 16).ok()?
                }
                // A quote, a slash, a backslash.
                c => u16::try_from(u32::from(c)).ok()?,
            })
        })
    }
}

impl Value<'_> {
    /// Whether it counts as true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(text) => !number::is_zero(text),
            Value::String(text) => !text.is_empty(),
            Value::Array(elements) => !elements.is_empty(),
            Value::Object(members) => !members.is_empty(),
        }
    }

    /// Appends the value: one blank behind commas and colons, everything in ASCII, numbers as [`number::printed`].
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(text) => out.push_str(&number::printed(text)),
            Value::String(text) => {
                out.push('"');
                write_units(out, text.units());
                out.push('"');
            }
            Value::Array(elements) => {
                out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    element.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { ", \"" } else { "\"" });
                    out.push_str(name);
                    out.push_str("\": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scanner::parse;
    use super::*;

    fn again(text: &str) -> String {
        let mut out = String::new();
        parse(text).unwrap_or_else(|e| panic!("{e}: {text}")).write(&mut out);
        out
    }

    #[test]
    fn written_again() {
        for (text, output) in [
            (
                r#" { "a" : [ 1 , 2.50 , true,false , null ] , "b" : { } , "c":[]} "#,
                r#"{"a": [1, 2.5, true, false, null], "b": {}, "c": []}"#,
            ),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("[1e2, 1.25E+16, -0.0, 1e999]", "[100.0, 1.25e+16, -0.0, 1e999]"),
            ("[NaN, Infinity, -Infinity]", "[NaN, Infinity, -Infinity]"),
            (r#""\"\\\/\b\f\n\r\t\u0041\u001F\u0000""#, r#""\"\\/\b\f\n\r\tA\u001f\u0000""#),
            ("\"ä € 😀 \u{7f}\"", r#""\u00e4 \u20ac \ud83d\ude00 \u007f""#),
            (r#""\u00e4\uD83D\uDE00""#, r#""\u00e4\ud83d\ude00""#),
            // `json` takes these, and so they are stored somewhere.
            (r#"{"half \ud83d": "\ude00"}"#, r#"{"half \ud83d": "\ude00"}"#),
            (r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"a": 3, "b": 2}"#),
            (r#"{"ä":1,"\u00e4":3}"#, r#"{"\u00e4": 3}"#),
        ] {
            assert_eq!(again(text), output, "{text}");
        }
    }

    #[test]
    fn strings_are_unescaped() {
        let text = |text| match parse(text).unwrap() {
            Value::String(text) => text.text().map(Cow::into_owned),
            other => panic!("{other:?}"),
        };
        let escapes = r#""a\"\\\/\b\f\n\r\t\u001f\u00e9\ud83d\ude00é😀""#;
        assert_eq!(text(escapes).unwrap(), "a\"\\/\u{8}\u{c}\n\r\t\u{1f}é😀é😀");
        assert_eq!(text(r#""plain ä""#).unwrap(), "plain ä");
        assert_eq!(text(r#""\ud83d""#), None);
        assert_eq!(text(r#""\ude00\ud83d""#), None);
    }

    proptest! {
        #[test]
        fn texts_survive(text in any::<String>()) {
            let mut out = String::new();
            write_string(&mut out, &text);
            prop_assert!(out.is_ascii());
            let Value::String(read) = parse(&out).unwrap() else { panic!("{out}") };
            prop_assert_eq!(read.text().unwrap(), text.as_str());
            prop_assert_eq!(read.name(), name(&text));
            prop_assert_eq!(again(&out), out);
        }
    }
}
