//! The `--*--` header of a script: where it is needed and which names in it are replaced
//! (contract `compare-repair-execute.md` section 6).

use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;
use pgq_client::text::urlenc;

/// What a script's header asks about a node. The order is the order of checking and printing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The table is in the set here.
    LocalTable,
    /// The sequence is in the set here.
    LocalSequence,
    /// The table is in the set here and its destination exists.
    LocalDestination,
    /// An ordinary table exists.
    NeedTable,
    /// A sequence exists.
    NeedSequence,
    /// A function `name(N)` with N arguments exists.
    NeedFunction,
    /// A schema exists.
    NeedSchema,
    /// A view exists.
    NeedView,
}

impl Key {
    const ALL: [(Key, &'static str); 8] = [
        (Key::LocalTable, "Local-Table"),
        (Key::LocalSequence, "Local-Sequence"),
        (Key::LocalDestination, "Local-Destination"),
        (Key::NeedTable, "Need-Table"),
        (Key::NeedSequence, "Need-Sequence"),
        (Key::NeedFunction, "Need-Function"),
        (Key::NeedSchema, "Need-Schema"),
        (Key::NeedView, "Need-View"),
    ];

    /// Whether its values appear as `@value@` tags in the script.
    pub fn is_tag(self) -> bool {
        matches!(self, Key::LocalTable | Key::LocalSequence | Key::LocalDestination)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = Key::ALL[*self as usize];
        f.write_str(name)
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Key::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        known.map(|(key, _)| *key).ok_or_else(|| InvalidKey(text.to_owned()))
    }
}

/// A header line with a key that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid key: {0}")]
pub struct InvalidKey(pub String);

/// The stored form of a header cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAttrs {
    /// Unknown key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// Broken encoding.
    #[error("execute attributes: {0}")]
    Encoding(#[from] urlenc::UrlencError),
}

/// A script's header: values per key, in order of the keys' first use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attrs {
    values: IndexMap<Key, Vec<String>>,
}

impl Attrs {
    /// Reads the header of a script: lines from the start until one that is neither empty nor a `--` comment.
    pub fn from_script(script: &str) -> Result<Attrs, InvalidKey> {
        let mut attrs = Attrs::default();
        // The key that a line ending in a comma hands on to the next header line.
        let mut open: Option<String> = None;
        for line in script.lines().map(str::trim) {
            if line.is_empty() {
                continue;
            }
            if !line.starts_with("--") {
                break;
            }
            let Some(text) =
                line.strip_prefix("--*--").map(str::trim).filter(|text| !text.is_empty())
            else {
                continue;
            };
            let (key, list) = match (open.take(), text.split_once(':')) {
                (Some(key), _) => (key, text),
                (None, Some((key, list))) => (key.trim().to_owned(), list),
                (None, None) => continue,
            };
            for value in list.split(',').map(str::trim).filter(|value| !value.is_empty()) {
                attrs.add(key.parse()?, value);
            }
            open = text.ends_with(',').then_some(key);
        }
        Ok(attrs)
    }

    /// Reads the stored form, `local-table=a%2cb&need-view=v`.
    pub fn from_stored(text: &str) -> Result<Attrs, BadAttrs> {
        let mut attrs = Attrs::default();
        for pair in urlenc::pairs(text) {
            let (key, values) = pair?;
            for value in values
                .as_deref()
                .unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|v| !v.is_empty())
            {
                attrs.add(key.parse()?, value);
            }
        }
        Ok(attrs)
    }

    /// The stored form; empty without attributes.
    pub fn to_stored(&self) -> String {
        let pairs: Vec<_> = self
            .values
            .iter()
            .map(|(key, values)| (key.to_string().to_lowercase(), values.join(",")))
            .collect();
        urlenc::encode_pairs(
            pairs.iter().map(|(key, values)| (key.as_str(), Some(values.as_str()))),
        )
    }

    /// Every key with its values, in the keys' own order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &str)> {
        Key::ALL.iter().flat_map(|(key, _)| {
            self.values.get(key).into_iter().flatten().map(|value| (*key, value.as_str()))
        })
    }

    /// Whether there is no header.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn add(&mut self, key: Key, value: &str) {
        self.values.entry(key).or_default().push(value.to_owned());
    }
}

/// Replaces every `@value@` by the name that stands for it on this node.
///
/// `replacements` maps the values as written in the header to quoted names.
pub fn replace_tags<'a>(
    script: &str,
    replacements: impl IntoIterator<Item = (&'a str, String)>,
) -> String {
    let mut script = script.to_owned();
    for (value, name) in replacements {
        script = script.replace(&format!("@{value}@"), &name);
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(script: &str) -> Vec<(Key, String)> {
        let attrs = Attrs::from_script(script).unwrap();
        attrs.iter().map(|(key, value)| (key, value.to_owned())).collect()
    }

    fn pair(key: Key, value: &str) -> (Key, String) {
        (key, value.to_owned())
    }

    #[test]
    fn header_ends_at_the_first_other_line() {
        let script = "\n-- plain\n--*-- local-TABLE: a, b\n  --*--Need-View : v\nselect 1;\n--*-- Need-Schema: x\n";
        assert_eq!(
            header(script),
            [pair(Key::LocalTable, "a"), pair(Key::LocalTable, "b"), pair(Key::NeedView, "v")]
        );
        assert!(Attrs::from_script("/* c */\n--*-- Local-Table: a").unwrap().is_empty());
        assert!(Attrs::from_script("\u{feff}--*-- Local-Table: a").unwrap().is_empty());
    }

    #[test]
    fn a_comma_at_the_end_continues() {
        let script = "--*-- Local-Table: a,\n--*-- Local-Sequence: goo\n--*-- ignored\n";
        assert_eq!(
            header(script),
            [pair(Key::LocalTable, "a"), pair(Key::LocalTable, "Local-Sequence: goo")]
        );
    }

    #[test]
    fn keys_may_repeat_and_empty_ones_are_not_checked() {
        let script = "--*-- Need-View: a\n--*-- Whatever:\n--*--\n--*-- Need-View: b";
        assert_eq!(header(script), [pair(Key::NeedView, "a"), pair(Key::NeedView, "b")]);
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = Attrs::from_script("--*-- Foo: x").unwrap_err();
        assert_eq!(error.to_string(), "Invalid key: Foo");
    }

    #[test]
    fn stored_form_round_trips() {
        let attrs =
            Attrs::from_script("--*-- Local-Table: mytable, b\n--*-- Need-View: v").unwrap();
        assert_eq!(attrs.to_stored(), "local-table=mytable%2cb&need-view=v");
        assert_eq!(Attrs::from_stored("local-table=mytable%2Cb&need-view=v").unwrap(), attrs);
        assert_eq!(Attrs::default().to_stored(), "");
        assert!(Attrs::from_stored("").unwrap().is_empty());
    }

    #[test]
    fn tags_are_replaced_as_written() {
        let script = "alter table @foo@ add x int; -- @foo@ '@public.foo@'";
        assert_eq!(
            replace_tags(script, [("foo", "other.\"Tbl\"".to_owned())]),
            "alter table other.\"Tbl\" add x int; -- other.\"Tbl\" '@public.foo@'"
        );
    }
}
