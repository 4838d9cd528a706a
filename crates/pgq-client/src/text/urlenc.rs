//! The url-encoding of events, table attributes and handler arguments (contract `handlers.md` 1.3, `pgq.md` 8.5).

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
    let _ = value;
    todo!()
}

/// Decodes one name or value; borrows when there is nothing to decode.
pub fn decode(text: &str) -> Result<Cow<'_, str>, UrlencError> {
    let _ = text;
    todo!()
}

/// Writes `name=value&name` pairs; `None` is a bare name.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let _ = pairs.into_iter();
    todo!()
}

/// Walks `a=1&b&c=`: a bare name is `None`, `c=` the empty string; empty elements are skipped.
pub fn pairs(
    text: &str,
) -> impl Iterator<Item = Result<(Cow<'_, str>, Option<Cow<'_, str>>), UrlencError>> {
    let _ = text;
    std::iter::empty()
}
