//! Identifiers and literals for SQL, as PostgreSQL's `quote_ident` and `quote_literal`.

/// Quotes an identifier unless it is plain lower case and no keyword.
pub fn quote_ident(name: &str) -> String {
    if is_plain(name) && KEYWORDS.binary_search(&name).is_err() {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len() + 2);
    out.push('"');
    for c in name.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
    out
}

fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| matches!(first, b'a'..=b'z' | b'_'))
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// A literal: `'...'` with doubled quotes, `E'...'` when there is a backslash; `None` is `null`.
pub fn quote_literal(value: Option<&str>) -> String {
    let mut out = String::new();
    push_literal(&mut out, value);
    out
}

/// As [`quote_literal`], appended to `out`.
pub fn push_literal(out: &mut String, value: Option<&str>) {
    let Some(value) = value else {
        out.push_str("null");
        return;
    };
    out.reserve(value.len() + 2);
    let bytes = value.as_bytes();
    if memchr::memchr(b'\\', bytes).is_some() {
        // Doubled backslashes need the E whatever standard_conforming_strings is.
        out.push('E');
    }
    out.push('\'');
    let mut start = 0;
    for at in memchr::memchr2_iter(b'\'', b'\\', bytes) {
        // Up to and including the character, which the next run begins with once more.
        out.push_str(&value[start..=at]);
        start = at;
    }
    out.push_str(&value[start..]);
    out.push('\'');
}

/// Keywords that are not "unreserved" in any of PostgreSQL 13 to 18, sorted. Quoting a word that only another version
/// reserves does no harm.
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn identifiers() {
        for plain in ["a", "_x9", "name", "value", "logtriga"] {
            assert_eq!(quote_ident(plain), plain);
        }
        assert_eq!(quote_ident("between"), "\"between\"");
        assert_eq!(quote_ident("timestamp"), "\"timestamp\"");
        assert_eq!(quote_ident("Abc"), "\"Abc\"");
        assert_eq!(quote_ident("1a"), "\"1a\"");
        assert_eq!(quote_ident(""), "\"\"");
        assert_eq!(quote_ident("naïve"), "\"naïve\"");
        assert_eq!(quote_ident("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn literals() {
        assert_eq!(quote_literal(None), "null");
        assert_eq!(quote_literal(Some("")), "''");
        assert_eq!(quote_literal(Some("it's")), "'it''s'");
        assert_eq!(quote_literal(Some(r"a'b\c")), r"E'a''b\\c'");
        assert_eq!(quote_literal(Some(r"'\'")), r"E'''\\'''");
    }

    proptest! {
        #[test]
        fn nothing_ends_a_literal_early(value in any::<String>()) {
            let text = quote_literal(Some(&value));
            let inner = text.strip_prefix('E').unwrap_or(&text);
            let inner = &inner[1..inner.len() - 1];
            let read = if text.starts_with('E') {
                inner.replace("\\\\", "\\").replace("''", "'")
            } else {
                inner.replace("''", "'")
            };
            prop_assert_eq!(read, value);
        }
    }
}
