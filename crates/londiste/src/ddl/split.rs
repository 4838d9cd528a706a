//! A script split into statements, by PostgreSQL's own lexical rules (contract `compare-repair-execute.md` section 7).
//!
//! Departures from the original: strings follow `standard_conforming_strings`, comments nest, dollar tags are compared
//! exactly, bodies in `BEGIN ATOMIC ... END` stay whole, empty statements are dropped, and the whole script is split before
//! its first statement runs.

/// A script that cannot be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// More `(` than `)` or the other way round.
    #[error("syntax error - unbalanced parenthesis (statement at line {line})")]
    UnbalancedParenthesis {
        /// Line of the statement's first word, from 1.
        line: usize,
    },
    /// `COPY ... FROM STDIN` would need data that a script cannot carry.
    #[error("copy from stdin not supported (statement at line {line})")]
    CopyFromStdin {
        /// Line of the statement's first word, from 1.
        line: usize,
    },
    /// A quote, dollar quote or comment that never ends.
    #[error("unterminated {what} (begins at line {line})")]
    Unterminated {
        /// `quoted string`, `quoted identifier`, `dollar-quoted string` or `comment`.
        what: &'static str,
        /// Line of its first character, from 1.
        line: usize,
    },
}

/// One statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    /// Its text, from the first word to the semicolon (which the last one may lack).
    pub text: &'a str,
    /// What it does to the transaction around it.
    pub control: Control,
}

/// Whether a statement begins or ends transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// An ordinary statement.
    None,
    /// `BEGIN`, `START TRANSACTION`, `COMMIT`, `END`: asks for what is already the case around a script.
    Bracket,
    /// `ROLLBACK`, `ABORT`, `PREPARE TRANSACTION`: would undo what the caller has to commit.
    Breaks,
}

/// Splits `script` at the semicolons that end statements.
pub fn split(script: &str) -> Result<Vec<Statement<'_>>, SplitError> {
    let mut lexer = Lexer { text: script, bytes: script.as_bytes(), at: 0 };
    let mut statements = Vec::new();
    while lexer.skip_blanks()? {
        if let Some(statement) = lexer.statement()? {
            statements.push(statement);
        }
    }
    Ok(statements)
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Moves to the next character that belongs to a statement; false at the end of the script.
    fn skip_blanks(&mut self) -> Result<bool, SplitError> {
        loop {
            match self.peek(0) {
                None => return Ok(false),
                Some(byte) if byte.is_ascii_whitespace() || byte == 0x0b => self.at += 1,
                _ if self.comment()? => {}
                _ => return Ok(true),
            }
        }
    }

    /// Reads one statement including its semicolon; `None` when it is nothing but a semicolon.
    fn statement(&mut self) -> Result<Option<Statement<'a>>, SplitError> {
        let start = self.at;
        let line = self.line(start);
        let mut depth = 0_usize;
        let mut words = Words::default();
        while let Some(byte) = self.peek(0) {
            match byte {
                b';' if depth == 0 && words.body_depth == 0 => {
                    self.at += 1;
                    break;
                }
                b'(' => {
                    depth += 1;
                    self.at += 1;
                }
                b')' => {
                    depth =
                        depth.checked_sub(1).ok_or(SplitError::UnbalancedParenthesis { line })?;
                    self.at += 1;
                }
                b'\'' => self.string(false)?,
                b'"' => self.quoted(b'"', "quoted identifier")?,
                b'$' => self.dollar()?,
                _ if self.comment()? => {}
                _ if is_word(byte) => {
                    let word = self.word();
                    if matches!(word, "e" | "E") && self.peek(0) == Some(b'\'') {
                        self.string(true)?;
                    } else if words.push(word) {
                        return Err(SplitError::CopyFromStdin { line });
                    }
                }
                _ => self.at += 1,
            }
        }
        if depth != 0 {
            return Err(SplitError::UnbalancedParenthesis { line });
        }
        let text = &self.text[start..self.at];
        Ok((text != ";").then_some(Statement { text, control: words.control() }))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// Skips a comment if one begins here.
    fn comment(&mut self) -> Result<bool, SplitError> {
        match (self.peek(0), self.peek(1)) {
            (Some(b'-'), Some(b'-')) => {
                self.at += memchr::memchr(b'\n', &self.bytes[self.at..])
                    .unwrap_or(self.bytes.len() - self.at);
                Ok(true)
            }
            (Some(b'/'), Some(b'*')) => {
                let start = self.at;
                let mut depth = 0_usize;
                loop {
                    match (self.peek(0), self.peek(1)) {
                        (Some(b'/'), Some(b'*')) => {
                            depth += 1;
                            self.at += 2;
                        }
                        (Some(b'*'), Some(b'/')) => {
                            depth -= 1;
                            self.at += 2;
                            if depth == 0 {
                                return Ok(true);
                            }
                        }
                        (Some(_), _) => self.at += 1,
                        (None, _) => return Err(self.unterminated("comment", start)),
                    }
                }
            }
            _ => Ok(false),
        }
    }

    /// A string; `escapes` when backslashes mean something (`E'...'`).
    fn string(&mut self, escapes: bool) -> Result<(), SplitError> {
        if !escapes {
            return self.quoted(b'\'', "quoted string");
        }
        let start = self.at;
        self.at += 1;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'\\'), Some(_)) | (Some(b'\''), Some(b'\'')) => self.at += 2,
                (Some(b'\''), _) => {
                    self.at += 1;
                    return Ok(());
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return Err(self.unterminated("quoted string", start)),
            }
        }
    }

    /// From a quote to the same quote, doubled ones inside.
    fn quoted(&mut self, quote: u8, what: &'static str) -> Result<(), SplitError> {
        let start = self.at;
        self.at += 1;
        loop {
            match memchr::memchr(quote, &self.bytes[self.at..]) {
                None => return Err(self.unterminated(what, start)),
                Some(offset) => self.at += offset + 1,
            }
            if self.peek(0) != Some(quote) {
                return Ok(());
            }
            self.at += 1;
        }
    }

    /// `$tag$ ... $tag$`, or a lone `$`.
    fn dollar(&mut self) -> Result<(), SplitError> {
        let start = self.at;
        let rest = &self.bytes[start + 1..];
        let tag_length = rest.iter().take_while(|byte| is_word(**byte) && **byte != b'$').count();
        let tag_is_name = !rest.first().is_some_and(u8::is_ascii_digit);
        if !tag_is_name || rest.get(tag_length) != Some(&b'$') {
            self.at += 1;
            return Ok(());
        }
        let delimiter = &self.bytes[start..start + tag_length + 2];
        let body = start + delimiter.len();
        match memchr::memmem::find(&self.bytes[body..], delimiter) {
            None => Err(self.unterminated("dollar-quoted string", start)),
            Some(offset) => {
                self.at = body + offset + delimiter.len();
                Ok(())
            }
        }
    }

    /// A bare word. `$` belongs to it after the first character, so that `a$b$` is no dollar quote.
    fn word(&mut self) -> &'a str {
        let start = self.at;
        self.at +=
            self.bytes[start..].iter().take_while(|byte| is_word(**byte) || **byte == b'$').count();
        &self.text[start..self.at]
    }

    fn unterminated(&self, what: &'static str, start: usize) -> SplitError {
        SplitError::Unterminated { what, line: self.line(start) }
    }

    fn line(&self, at: usize) -> usize {
        1 + memchr::memchr_iter(b'\n', &self.bytes[..at]).count()
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The bare words of a statement, as far as splitting has to understand them.
#[derive(Default)]
struct Words {
    /// The first three, lower case.
    first: Vec<String>,
    previous: String,
    /// A word `function` or `procedure` after `create [or replace]`.
    routine: bool,
    /// Open `BEGIN ATOMIC` and `CASE` inside a routine's body.
    body_depth: usize,
}

impl Words {
    /// Takes the next word; true when the statement turns out to be `COPY ... FROM STDIN`.
    fn push(&mut self, word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        let is_copy = self.first.first().is_some_and(|first| first == "copy");
        if is_copy && self.previous == "from" && word == "stdin" {
            return true;
        }
        if self.first.len() < 4 {
            self.first.push(word.clone());
            self.routine |=
                self.first[0] == "create" && matches!(word.as_str(), "function" | "procedure");
        }
        if self.routine {
            match word.as_str() {
                "atomic" if self.previous == "begin" => self.body_depth += 1,
                "case" if self.body_depth > 0 => self.body_depth += 1,
                "end" => self.body_depth = self.body_depth.saturating_sub(1),
                _ => {}
            }
        }
        self.previous = word;
        false
    }

    fn control(&self) -> Control {
        let word = |nr: usize| self.first.get(nr).map_or("", String::as_str);
        match (word(0), word(1)) {
            ("begin" | "end" | "commit", second) if second != "prepared" => Control::Bracket,
            ("start", "transaction") => Control::Bracket,
            ("rollback", _) if [word(1), word(2)].contains(&"to") => Control::None,
            ("rollback" | "abort", _) | ("prepare", "transaction") | ("commit", "prepared") => {
                Control::Breaks
            }
            _ => Control::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(script: &str) -> Vec<&str> {
        split(script).unwrap().into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn semicolons_end_statements() {
        assert_eq!(texts("select 1;select 2;"), ["select 1;", "select 2;"]);
        assert_eq!(texts("select 1; select 2"), ["select 1;", "select 2"]);
    }

    #[test]
    fn comments_before_a_statement_are_dropped_and_kept_inside() {
        assert_eq!(
            texts("select 1; -- t\n/* c */ select 2 -- x;y\n;"),
            ["select 1;", "select 2 -- x;y\n;"]
        );
        assert_eq!(texts("-- only a comment"), [""; 0]);
    }

    #[test]
    fn comments_nest() {
        assert_eq!(texts("/* a; /* nested; */ b; */ select 1;"), ["select 1;"]);
    }

    #[test]
    fn quotes_hide_semicolons() {
        assert_eq!(
            texts("select 'a;b', \"c;d\", $$e;f$$, $q$g;$$;h$q$;select 2;"),
            ["select 'a;b', \"c;d\", $$e;f$$, $q$g;$$;h$q$;", "select 2;"]
        );
    }

    #[test]
    fn backslashes_escape_only_in_escape_strings() {
        assert_eq!(
            texts(r"insert into t values ('C:\'); insert into t values ('x;y'); select 3;").len(),
            3
        );
        assert_eq!(texts(r"select E'a\';b'; select 2").len(), 2);
        assert_eq!(texts("select name'a\\'; select 2").len(), 2);
    }

    #[test]
    fn parentheses_hide_semicolons() {
        assert_eq!(
            texts("create rule r as on insert to t do also (insert into a values (1); insert into b values (2));select 3;")
                .len(),
            2
        );
    }

    #[test]
    fn code_blocks_stay_whole() {
        assert_eq!(texts("do $$ begin raise notice 'a;'; end $$; select 1;").len(), 2);
        assert_eq!(
            texts(
                "create or replace function f() returns int begin atomic select case when true then 1 else 2 end; \
                 select 2; end; select 3;"
            )
            .len(),
            2
        );
    }

    #[test]
    fn words_with_dollars_are_no_quotes() {
        assert_eq!(texts("select a$b$ from t; select $1; select 2").len(), 3);
    }

    #[test]
    fn empty_statements_are_dropped() {
        assert_eq!(texts(";;"), [""; 0]);
    }

    #[test]
    fn unbalanced_parentheses_are_refused() {
        assert_eq!(split("select (1;"), Err(SplitError::UnbalancedParenthesis { line: 1 }));
        assert_eq!(
            split("select 0;\nselect 1);select 2"),
            Err(SplitError::UnbalancedParenthesis { line: 2 })
        );
    }

    #[test]
    fn copy_from_stdin_is_refused() {
        assert_eq!(
            split("select 1;\nCopy t\nFROM\n StdIn;"),
            Err(SplitError::CopyFromStdin { line: 2 })
        );
        assert_eq!(texts("copy t from 'from stdin'; copy t to stdout").len(), 2);
    }

    #[test]
    fn unterminated_quotes_are_refused() {
        for (script, what) in [
            ("select 'a", "quoted string"),
            ("select E'a\\'", "quoted string"),
            ("select \"a", "quoted identifier"),
            ("select $a$ $b$", "dollar-quoted string"),
            ("select 1 /* a /* b */", "comment"),
        ] {
            assert_eq!(split(script), Err(SplitError::Unterminated { what, line: 1 }), "{script}");
        }
    }

    #[test]
    fn transaction_control_is_recognised() {
        let controls =
            |script| split(script).unwrap().iter().map(|s| s.control).collect::<Vec<_>>();
        use Control::{Bracket, Breaks, None};
        assert_eq!(controls("BEGIN; start transaction; commit; end;"), [Bracket; 4]);
        assert_eq!(
            controls("rollback; abort; prepare transaction 'x'; commit prepared 'x';"),
            [Breaks; 4]
        );
        assert_eq!(
            controls("savepoint a; rollback to a; rollback to savepoint a; start 1"),
            [None; 4]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(script in "[-;()'\"$/*a-eE \\\\\n]{0,60}") {
            if let Ok(statements) = split(&script) {
                for statement in statements {
                    prop_assert!(script.contains(statement.text));
                    prop_assert!(!statement.text.trim().is_empty());
                }
            }
        }
    }
}
