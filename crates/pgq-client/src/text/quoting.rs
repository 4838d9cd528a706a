//! Identifiers and literals for SQL, as PostgreSQL's `quote_ident` and `quote_literal`.

/// Quotes an identifier unless it is plain lower case and no keyword.
pub fn quote_ident(name: &str) -> String {
    let _ = name;
    todo!()
}

/// A literal: `'...'` with doubled quotes, `E'...'` when there is a backslash; `None` is `null`.
pub fn quote_literal(value: Option<&str>) -> String {
    let _ = value;
    todo!()
}
