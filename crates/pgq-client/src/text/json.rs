//! The JSON that `jsontriga` writes: flat objects whose numbers must keep their exact text, so a scanner that borrows
//! from its input instead of a general parser.

use std::borrow::Cow;

/// What is wrong with the text.
pub(super) type Result<T> = std::result::Result<T, &'static str>;

/// A value as far as replication looks into it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// Unescaped.
    String(Cow<'a, str>),
    /// A number, array or object, as written.
    Raw(&'a str),
}

/// The members of the one object that `text` is, in order.
pub(super) fn members(text: &str) -> Result<Vec<(Cow<'_, str>, Value<'_>)>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut members = Vec::new();
    scanner.open(b'{')?;
    if !scanner.close(b'}') {
        loop {
            let name = scanner.string()?;
            scanner.open(b':')?;
            members.push((name, scanner.value()?));
            if scanner.close(b'}') {
                break;
            }
            scanner.open(b',')?;
        }
    }
    scanner.end()?;
    Ok(members)
}

/// The elements of the one array of strings that `text` is.
pub(super) fn strings(text: &str) -> Result<Vec<Cow<'_, str>>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut strings = Vec::new();
    scanner.open(b'[')?;
    if !scanner.close(b']') {
        loop {
            strings.push(scanner.string()?);
            if scanner.close(b']') {
                break;
            }
            scanner.open(b',')?;
        }
    }
    scanner.end()?;
    Ok(strings)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The next byte that is not white space, not consumed.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn open(&mut self, token: u8) -> Result<()> {
        if self.close(token) { Ok(()) } else { Err("invalid JSON") }
    }

    /// Consumes the token if it is next.
    fn close(&mut self, token: u8) -> bool {
        let next = self.peek() == Some(token);
        self.at += usize::from(next);
        next
    }

    fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err("text behind the JSON value") }
    }

    fn value(&mut self) -> Result<Value<'a>> {
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'{' | b'[') => self.nested(),
            Some(_) => match self.word() {
                "null" => Ok(Value::Null),
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                number if is_number(number) => Ok(Value::Raw(number)),
                _ => Err("invalid JSON value"),
            },
            None => Err("incomplete JSON"),
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest
            .bytes()
            .position(|b| matches!(b, b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\n' | b'\r'))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// An array or object as written. Brackets are matched; the server validates the rest when it takes the value.
    fn nested(&mut self) -> Result<Value<'a>> {
        let start = self.at;
        let mut open = Vec::new();
        loop {
            match self.peek().ok_or("incomplete JSON")? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' => open.push(b'}'),
                b'[' => open.push(b']'),
                close @ (b'}' | b']') if open.pop() != Some(close) => {
                    return Err("unbalanced JSON");
                }
                _ => {}
            }
            self.at += 1;
            // A multi-byte character outside of strings is no JSON, and would leave `at` inside of it.
            if !self.text.is_char_boundary(self.at) {
                return Err("invalid JSON value");
            }
            if open.is_empty() {
                return Ok(Value::Raw(&self.text[start..self.at]));
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        self.open(b'"')?;
        let rest = &self.text[self.at..];
        let stop = memchr::memchr2(b'"', b'\\', rest.as_bytes()).ok_or("incomplete JSON string")?;
        if rest.as_bytes()[stop] == b'"' {
            self.at += stop + 1;
            return Ok(Cow::Borrowed(&rest[..stop]));
        }
        let mut out = String::with_capacity(rest.len().min(2 * stop + 16));
        loop {
            let rest = &self.text[self.at..];
            let stop =
                memchr::memchr2(b'"', b'\\', rest.as_bytes()).ok_or("incomplete JSON string")?;
            out.push_str(&rest[..stop]);
            self.at += stop + 1;
            if rest.as_bytes()[stop] == b'"' {
                return Ok(Cow::Owned(out));
            }
            out.push(self.escape()?);
        }
    }

    /// The character of the escape whose backslash was consumed.
    fn escape(&mut self) -> Result<char> {
        let code = *self.text.as_bytes().get(self.at).ok_or("incomplete JSON string")?;
        if !code.is_ascii() {
            return Err("invalid JSON escape");
        }
        self.at += 1;
        Ok(match code {
            b'"' | b'\\' | b'/' => char::from(code),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex4()?;
                let paired = (0xd800..0xdc00).contains(&unit)
                    && self.text.as_bytes()[self.at..].starts_with(b"\\u");
                if paired {
                    self.at += 2;
                    let low = self.hex4()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err("invalid JSON surrogate pair");
                    }
                    let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    char::from_u32(code).ok_or("invalid JSON surrogate pair")?
                } else {
                    char::from_u32(unit).ok_or("invalid JSON surrogate pair")?
                }
            }
            _ => return Err("invalid JSON escape"),
        })
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or("invalid JSON escape")?;
        let mut unit = 0;
        for &digit in digits {
            unit = unit << 4 | char::from(digit).to_digit(16).ok_or("invalid JSON escape")?;
        }
        self.at += 4;
        Ok(unit)
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_keep_their_text() {
        let text = r#"{"a": 1.50e+3 ,"b":-7,"c":{"x":[1,"]}"]}, "d":null,"e":true,"f":""}"#;
        let values: Vec<_> = members(text).unwrap().into_iter().map(|(_, v)| v).collect();
        assert_eq!(
            values,
            [
                Value::Raw("1.50e+3"),
                Value::Raw("-7"),
                Value::Raw(r#"{"x":[1,"]}"]}"#),
                Value::Null,
                Value::Bool(true),
                Value::String("".into()),
            ]
        );
        assert_eq!(members(" {} ").unwrap(), []);
    }

    #[test]
    fn strings_are_unescaped() {
        let text = r#"["a\"\\\/\b\f\n\r\t\u001f\u00e9\ud83d\ude00é","x"]"#;
        assert_eq!(strings(text).unwrap(), ["a\"\\/\u{8}\u{c}\n\r\t\u{1f}é😀é", "x"]);
    }

    #[test]
    fn refuses_what_is_no_json() {
        for bad in [
            "",
            "{",
            "{}x",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":[}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":tru}"#,
            r#"{"a":[é]}"#,
            r#"{"a":"\é"}"#,
            r#"{"a":"\u00é"}"#,
            r#"{a:1}"#,
        ] {
            assert!(members(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in r#"(\{|\[|"|\\|\\u|:|,|é|[0-9a-f]|\}|\]|null| ){0,20}"#) {
            let _ = members(&text);
            let _ = strings(&text);
            let _ = members(&format!("{{\"a\":{text}}}"));
        }
    }
}
