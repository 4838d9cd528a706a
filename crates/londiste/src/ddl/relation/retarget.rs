//! Names in the server's own definitions, exchanged for others. Pure.
//!
//! The definitions come from `pg_get_*def` under an empty search path: keywords are upper case and bare, names that read like
//! keywords are quoted, objects of users have their schema in front.

/// A piece of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    at: usize,
    kind: Kind,
    /// Open parentheses around it.
    depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Quoted,
    Literal,
    Symbol,
}

impl Token<'_> {
    fn is(&self, text: &str) -> bool {
        self.kind == Kind::Symbol && self.text == text
    }

    fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }

    /// The name without quotes.
    fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_owned()),
            Kind::Quoted => Some(self.text[1..self.text.len() - 1].replace("\"\"", "\"")),
            Kind::Literal | Kind::Symbol => None,
        }
    }

    fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// Exchanges the name behind the first `keyword` outside of parentheses: `schema.name` or `name`, with `ONLY` in front if it
/// is there. `None` when there is no such name.
pub fn replace_name(definition: &str, keyword: &str, name: &str) -> Option<String> {
    let tokens = tokens(definition);
    let keyword = tokens
        .iter()
        .position(|token| token.kind == Kind::Word && token.depth == 0 && token.text == keyword)?;
    let mut first = keyword + 1;
    if tokens.get(first).is_some_and(|token| token.kind == Kind::Word && token.text == "ONLY") {
        first += 1;
    }
    let begin = tokens.get(first).filter(|token| token.is_name())?;
    let dotted = tokens.get(first + 1).is_some_and(|token| token.is("."));
    let last = if dotted { tokens.get(first + 2).filter(|token| token.is_name())? } else { begin };
    Some(format!("{}{name}{}", &definition[..begin.at], &definition[last.end()..]))
}

/// Exchanges the table's name where an expression has it in front of a column or for the whole row (`t.a`, `t.*`): the server
/// does so when there is a subquery. `name` is quoted already.
pub fn replace_qualifier(expression: &str, table: &str, columns: &[&str], name: &str) -> String {
    let tokens = tokens(expression);
    let mut result = String::with_capacity(expression.len());
    let mut done = 0;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| tokens[at]);
        if token.name().as_deref() != Some(table)
            || before.is_some_and(|before| before.is(".") || before.is(":"))
        {
            continue;
        }
        let [dot, column, rest @ ..] = &tokens[at + 1..] else { continue };
        let of_table =
            column.is("*") || column.name().is_some_and(|column| columns.contains(&&*column));
        if dot.is(".") && of_table && !rest.first().is_some_and(|next| next.is("(")) {
            result.push_str(&expression[done..token.at]);
            result.push_str(name);
            done = token.end();
        }
    }
    result.push_str(&expression[done..]);
    result
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (length, kind) = if byte == b'"' {
            (quoted_length(&bytes[at..], b'"', false), Kind::Quoted)
        } else if byte == b'\'' {
            let escapes = at > 0 && bytes[at - 1] == b'E' && (at == 1 || !is_word(bytes[at - 2]));
            (quoted_length(&bytes[at..], b'\'', escapes), Kind::Literal)
        } else if is_word(byte) {
            (bytes[at..].iter().take_while(|&&byte| is_word(byte)).count(), Kind::Word)
        } else {
            (1, Kind::Symbol)
        };
        if byte == b')' {
            depth = depth.saturating_sub(1);
        }
        tokens.push(Token { text: &text[at..at + length], at, kind, depth });
        if byte == b'(' {
            depth += 1;
        }
        at += length;
    }
    tokens
}

/// Length of a quoted text with its quotes; all there is when it does not end.
fn quoted_length(bytes: &[u8], quote: u8, escapes: bool) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        if escapes && bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at] != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    bytes.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn replaced(definition: &str, keyword: &str, expected: &str) {
        assert_eq!(replace_name(definition, keyword, "n.T").as_deref(), Some(expected));
    }

    #[test]
    fn the_target_of_each_kind_of_definition() {
        replaced(
            r#"CREATE INDEX "a ON b" ON ONLY public.t USING btree (lower((a)::text))"#,
            "ON",
            r#"CREATE INDEX "a ON b" ON ONLY n.T USING btree (lower((a)::text))"#,
        );
        replaced(
            r#"CREATE UNIQUE INDEX "My ""i""" ON public.t USING btree (a)"#,
            "INDEX",
            "CREATE UNIQUE INDEX n.T ON public.t USING btree (a)",
        );
        replaced(
            r#"CREATE TRIGGER x AFTER UPDATE OF a, "on" ON "S"."T x" FOR EACH ROW EXECUTE FUNCTION f('ON public.t')"#,
            "ON",
            r#"CREATE TRIGGER x AFTER UPDATE OF a, "on" ON n.T FOR EACH ROW EXECUTE FUNCTION f('ON public.t')"#,
        );
        replaced(
            "CREATE RULE r AS\n    ON INSERT TO public.t DO  INSERT INTO public.t VALUES (1);",
            "TO",
            "CREATE RULE r AS\n    ON INSERT TO n.T DO  INSERT INTO public.t VALUES (1);",
        );
        replaced(
            "FOREIGN KEY (a, b) REFERENCES public.t(x, y) ON DELETE CASCADE",
            "REFERENCES",
            "FOREIGN KEY (a, b) REFERENCES n.T(x, y) ON DELETE CASCADE",
        );
        replaced(
            "CREATE STATISTICS public.s (ndistinct) ON a, b FROM public.t",
            "FROM",
            "CREATE STATISTICS public.s (ndistinct) ON a, b FROM n.T",
        );
        assert_eq!(replace_name("CREATE INDEX i", "ON", "x"), None);
        assert_eq!(replace_name("CREATE INDEX i ON", "ON", "x"), None);
    }

    #[test]
    fn columns_of_the_table_in_expressions() {
        let replaced = |text: &str| replace_qualifier(text, "t", &["a", "B c"], "n");
        assert_eq!(replaced("(a > 0)"), "(a > 0)");
        assert_eq!(replaced("(t.* IS NOT NULL)"), "(n.* IS NOT NULL)");
        assert_eq!(
            replaced(
                r#"(EXISTS ( SELECT 1 FROM public.t t_1 WHERE (t_1.a = t.a) AND t."B c" > 1))"#
            ),
            r#"(EXISTS ( SELECT 1 FROM public.t t_1 WHERE (t_1.a = n.a) AND n."B c" > 1))"#
        );
        // A schema, a type, a text: not the table.
        let other = "t.a(1) || (x)::t.a || public.t.a || 't.a' || E'\\'t.a' || t.other";
        assert_eq!(replaced(other), other);
    }

    #[test]
    fn half_a_text_does_no_harm() {
        for text in ["'a", "\"a", "E'a\\", "((", "))", "t.", "t"] {
            assert_eq!(replace_qualifier(text, "t", &["a"], "n"), text);
        }
    }
}
