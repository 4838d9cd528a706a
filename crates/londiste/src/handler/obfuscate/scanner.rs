//! Reads JSON, all that the server's type `json` takes, without losing anything. General parsers do: they make doubles of
//! numbers, and refuse halves of surrogate pairs.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::json::{Escaped, Value};

/// Arrays and objects inside each other. To write deeper ones, and to forget them, could exhaust the stack.
const DEEPEST: usize = 1000;

/// The text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(super) struct Problem {
    what: &'static str,
    at: usize,
}

type Result<T> = std::result::Result<T, Problem>;

/// Reads the one value that `text` is.
pub(super) fn parse(text: &str) -> Result<Value<'_>> {
    let mut scanner = Scanner { text, at: 0 };
    let value = scanner.value()?;
    match scanner.peek() {
        None => Ok(value),
        Some(_) => Err(scanner.problem("text behind the JSON value")),
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// What is around a value, and the name that the value has there.
enum Open<'a> {
    Array(Vec<Value<'a>>),
    Object(IndexMap<Cow<'a, str>, Value<'a>>, Cow<'a, str>),
}

impl<'a> Scanner<'a> {
    fn problem(&self, what: &'static str) -> Problem {
        Problem { what, at: self.at }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space, not consumed.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    /// Consumes the token if it is next.
    fn take(&mut self, token: u8) -> bool {
        let next = self.peek() == Some(token);
        self.at += usize::from(next);
        next
    }

    /// The next value. What is open around it is kept in a list and not on the stack.
    fn value(&mut self) -> Result<Value<'a>> {
        let mut open = Vec::new();
        loop {
            if open.len() > DEEPEST {
                return Err(self.problem("JSON nested too deeply"));
            }
            let mut value = if self.take(b'[') {
                if !self.take(b']') {
                    open.push(Open::Array(Vec::new()));
                    continue;
                }
                Value::Array(Vec::new())
            } else if self.take(b'{') {
                if !self.take(b'}') {
                    open.push(Open::Object(IndexMap::new(), self.name()?));
                    continue;
                }
                Value::Object(IndexMap::new())
            } else {
                match self.byte() {
                    Some(b'"') => Value::String(self.string()?),
                    Some(_) => self.word()?,
                    None => return Err(self.problem("incomplete JSON")),
                }
            };
            loop {
                value = match open.pop() {
                    None => return Ok(value),
                    Some(Open::Array(mut elements)) => {
                        elements.push(value);
                        if self.take(b',') {
                            open.push(Open::Array(elements));
                            break;
                        }
                        if !self.take(b']') {
                            return Err(self.problem("expected , or ]"));
                        }
                        Value::Array(elements)
                    }
                    Some(Open::Object(mut members, name)) => {
                        members.insert(name, value);
                        if self.take(b',') {
                            open.push(Open::Object(members, self.name()?));
                            break;
                        }
                        if !self.take(b'}') {
                            return Err(self.problem("expected , or }"));
                        }
                        Value::Object(members)
                    }
                };
            }
        }
    }

    /// A member's name and the colon behind it.
    fn name(&mut self) -> Result<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return Err(self.problem("expected a name in quotes"));
        }
        let name = self.string()?.name();
        if self.take(b':') { Ok(name) } else { Err(self.problem("expected :")) }
    }

    /// A string whose opening quote is next.
    fn string(&mut self) -> Result<Escaped<'a>> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(..b' ') => return Err(self.problem("control character in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.problem("incomplete JSON string")),
            }
        }
        let text = &self.text[start..self.at];
        self.at += 1;
        Ok(Escaped(text))
    }

    /// What is behind a backslash.
    fn escape(&mut self) -> Result<()> {
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.problem("invalid escape"));
                }
                self.at += 5;
            }
            _ => return Err(self.problem("invalid escape")),
        }
        Ok(())
    }

    /// A value without quotes or brackets.
    fn word(&mut self) -> Result<Value<'a>> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            // Not JSON, but the original reads them.
            "NaN" | "Infinity" | "-Infinity" => Value::Number(word),
            number if is_number(number) => Value::Number(number),
            _ => return Err(self.problem("invalid JSON value")),
        };
        self.at += end;
        Ok(value)
    }
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((text, exponent)) => (text, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_json() {
        for bad in [
            "",
            " ",
            "{",
            "[",
            "{}x",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            "[1,]",
            "[1 2]",
            r#"{"a":[}"#,
            "{1:2}",
            "{a:1}",
            "\"",
            "\"\\",
            r#""\x""#,
            r#""\u12""#,
            r#""\u12é4""#,
            r#""\é""#,
            "\"\n\"",
            "tru",
            "nul",
            "t",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "--1",
            "0x1",
            "1.5.5",
            "1e5e5",
            "inf",
            "nan",
            "é",
            "[é]",
            "\u{feff}1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse(r#"{"a": secret}"#).unwrap_err().to_string(),
            "invalid JSON value at byte 6"
        );
    }

    #[test]
    fn deep_texts_do_not_overflow_the_stack() {
        let nested = |depth: usize| format!("{}{}", r#"[{"a":"#.repeat(depth), "}]".repeat(depth));
        let deepest = format!("{}1{}", "[".repeat(DEEPEST), "]".repeat(DEEPEST));
        let check = move || {
            let mut again = String::new();
            parse(&deepest).unwrap().write(&mut again);
            assert_eq!(again, deepest);
            let problem = parse(&nested(100_000)).unwrap_err();
            assert!(problem.to_string().starts_with("JSON nested too deeply"), "{problem}");
        };
        // A worker thread's stack has twice that.
        std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap();
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in r#"(\{|\[|"|\\|\\u|:|,|é|😀|[0-9a-f]|\}|\]|null| |-|e|\.){0,24}"#) {
            let _ = parse(&text);
            if let Ok(value) = parse(&format!("{{\"a\":\"{text}\"}}")) {
                value.write(&mut String::new());
            }
        }
    }
}
