//! Python values as they stand in the `args` of a logging configuration: `('~/log/%(job_name)s.log', 'a', 1000)`. Pure.
//!
//! Nothing is evaluated: texts, whole numbers (also multiplied), `None`, `True`, `False`, dotted names and tuples are all there is.

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    Number(i64),
    None,
    Boolean(bool),
    /// `handlers.SysLogHandler.LOG_LOCAL3`, `sys.stdout`
    Name(String),
    Tuple(Vec<Literal>),
}

/// The whole text as the items of a tuple; a single value without brackets is one item. `None` when it is nothing of
/// that kind.
pub(super) fn arguments(text: &str) -> Option<Vec<Literal>> {
    let mut reader = Reader { rest: text.trim() };
    if reader.rest.is_empty() {
        return Some(Vec::new());
    }
    let value = reader.value()?;
    if !reader.rest.is_empty() {
        return None;
    }
    Some(match value {
        Literal::Tuple(items) => items,
        value => vec![value],
    })
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn accept(&mut self, token: char) -> bool {
        let found = self.rest.strip_prefix(token);
        if let Some(rest) = found {
            self.rest = rest.trim_start();
        }
        found.is_some()
    }

    fn value(&mut self) -> Option<Literal> {
        let mut value = self.single()?;
        while self.accept('*') {
            let (Literal::Number(one), Literal::Number(other)) = (&value, self.single()?) else {
                return None;
            };
            value = Literal::Number(one.checked_mul(other)?);
        }
        Some(value)
    }

    fn single(&mut self) -> Option<Literal> {
        match self.rest.chars().next()? {
            '(' => self.tuple(),
            quote @ ('\'' | '"') => self.text(quote, false),
            'r' | 'u' | 'b' if self.rest[1..].starts_with(['\'', '"']) => {
                let raw = self.rest.starts_with('r');
                let quote = self.rest[1..].chars().next()?;
                self.rest = &self.rest[1..];
                self.text(quote, raw)
            }
            '0'..='9' | '-' => {
                let end = self.rest[1..].find(|c: char| !c.is_ascii_digit() && c != '_');
                let end = end.map_or(self.rest.len(), |end| end + 1);
                let number = self.rest[..end].replace('_', "").parse().ok()?;
                self.rest = self.rest[end..].trim_start();
                Some(Literal::Number(number))
            }
            c if c.is_alphabetic() || c == '_' => {
                let belongs = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
                let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
                let name = &self.rest[..end];
                let value = match name {
                    "None" => Literal::None,
                    "True" => Literal::Boolean(true),
                    "False" => Literal::Boolean(false),
                    name => Literal::Name(name.to_owned()),
                };
                self.rest = self.rest[end..].trim_start();
                Some(value)
            }
            _ => None,
        }
    }

    fn tuple(&mut self) -> Option<Literal> {
        self.accept('(');
        let mut items = Vec::new();
        let mut comma = false;
        while !self.accept(')') {
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.accept(',');
        }
        // Brackets around one value without a comma are only brackets.
        Some(match items.len() {
            1 if !comma => items.remove(0),
            _ => Literal::Tuple(items),
        })
    }

    fn text(&mut self, quote: char, raw: bool) -> Option<Literal> {
        let mut text = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = self.rest[1 + at + 1..].trim_start();
                    return Some(Literal::Text(text));
                }
                '\\' if !raw => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Literal {
        Literal::Text(text.to_owned())
    }

    #[test]
    fn arguments_of_handlers() {
        assert_eq!(arguments("('a.log', 'w')"), Some(vec![text("a.log"), text("w")]));
        assert_eq!(arguments("( 'a' , )"), Some(vec![text("a")]));
        assert_eq!(arguments("('a')"), Some(vec![text("a")]));
        assert_eq!(arguments("()"), Some(vec![]));
        assert_eq!(arguments(""), Some(vec![]));
        assert_eq!(arguments("(sys.stdout,)"), Some(vec![Literal::Name("sys.stdout".to_owned())]));
        assert_eq!(
            arguments("(('localhost', 514), None, True, 10*1024, -1, 1_000)"),
            Some(vec![
                Literal::Tuple(vec![text("localhost"), Literal::Number(514)]),
                Literal::None,
                Literal::Boolean(true),
                Literal::Number(10240),
                Literal::Number(-1),
                Literal::Number(1000),
            ])
        );
        assert_eq!(arguments(r#"("it's", 'it\'s', r'a\b', u'ü')"#).map(|args| args.len()), Some(4));
    }

    #[test]
    fn what_is_none() {
        for bad in
            ["(", "('a'", "('a' 'b')", "'a", "a b", "(,)", "{}", "f()", "1.5", "('a',,)", "'\\"]
        {
            assert_eq!(arguments(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[()'\"a-z0-9_.,*\\\\ ürb-]{0,30}") {
            let _ = arguments(&text);
        }
    }
}
