//! The little of YAML that a rules file needs: mappings, and scalars as the texts that they are.
//!
//! Nothing is made of a scalar but its text: `on`, `no` or `1` name the column that is written so. (YAML 1.1, which the
//! original reads, makes booleans and numbers of them, so that the rule for such a column never takes effect.)
//! Anchors, aliases and merge keys (`<<: *base`) work as they do there.

use std::collections::HashMap;

use indexmap::IndexMap;
use indexmap::map::Entry;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

/// Mappings and lists inside each other; no rules need so many.
const DEEPEST: usize = 100;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Nothing, `~` or `null`.
    Null,
    /// Any other scalar.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in order.
    Map(IndexMap<String, Node>),
}

/// The text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Problem {
    line: usize,
    what: String,
}

impl Problem {
    fn new(at: Marker, what: impl Into<String>) -> Problem {
        Problem { line: at.line(), what: what.into() }
    }
}

impl From<ScanError> for Problem {
    fn from(error: ScanError) -> Problem {
        Problem::new(*error.marker(), error.info())
    }
}

type Result<T> = std::result::Result<T, Problem>;

/// Reads the one document that `text` is; an empty text is [`Node::Null`].
pub(super) fn parse(text: &str) -> Result<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new() };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(document.unwrap_or(Node::Null)),
            Event::DocumentStart(_) if document.is_some() => {
                return Err(Problem::new(span.start, "a second document"));
            }
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            event => document = Some(reader.node(event, span, 0)?),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Values with a name; one that is not complete yet is not among them.
    anchors: HashMap<usize, Node>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        Ok(self.parser.next_event().unwrap_or(Ok((Event::StreamEnd, Span::default())))?)
    }

    /// The value that begins with this event.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node> {
        if depth > DEEPEST {
            return Err(Problem::new(span.start, "nested too deeply"));
        }
        let (anchor, node) = match event {
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                return node
                    .ok_or_else(|| Problem::new(span.start, "an alias inside of its own value"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                check_tag(tag.as_deref(), span)?;
                let null = style == ScalarStyle::Plain
                    && tag.is_none()
                    && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                (anchor, if null { Node::Null } else { Node::Text(text.into_owned()) })
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), span)?;
                (anchor, self.list(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), span)?;
                (anchor, self.map(depth)?)
            }
            _ => return Err(Problem::new(span.start, "unexpected end of the document")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Node> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Node::List(nodes)),
                (event, span) => nodes.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Node> {
        let (mut own, mut merged) = (IndexMap::new(), IndexMap::new());
        loop {
            let (event, span) = self.next()?;
            let name = match event {
                Event::MappingEnd => break,
                Event::Scalar(name, style, anchor, tag) => {
                    check_tag(tag.as_deref(), span)?;
                    if anchor > 0 {
                        self.anchors.insert(anchor, Node::Text(name.clone().into_owned()));
                    }
                    if name == "<<" && style == ScalarStyle::Plain {
                        let (event, span) = self.next()?;
                        merge(&mut merged, self.node(event, span, depth + 1)?, span)?;
                        continue;
                    }
                    name.into_owned()
                }
                _ => return Err(Problem::new(span.start, "expected a name")),
            };
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            match own.entry(name) {
                Entry::Vacant(entry) => entry.insert(value),
                // Which of two rules did the operator mean?
                Entry::Occupied(entry) => {
                    return Err(Problem::new(
                        span.start,
                        format!("'{}' is there twice", entry.key()),
                    ));
                }
            };
        }
        // What is merged comes first, and gives way to what is written here.
        merged.extend(own);
        Ok(Node::Map(merged))
    }
}

/// The value of a merge key: a mapping, or a list of them, the first of which has the last word.
fn merge(into: &mut IndexMap<String, Node>, value: Node, span: Span) -> Result<()> {
    match value {
        Node::Map(map) => into.extend(map),
        Node::List(nodes) => {
            for node in nodes.into_iter().rev() {
                let Node::Map(map) = node else {
                    return Err(Problem::new(span.start, "<< takes mappings"));
                };
                into.extend(map);
            }
        }
        Node::Null | Node::Text(_) => return Err(Problem::new(span.start, "<< takes mappings")),
    }
    Ok(())
}

/// `!!str` and the like say nothing new; what others ask for is unknown.
fn check_tag(tag: Option<&Tag>, span: Span) -> Result<()> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => {
            Err(Problem::new(span.start, format!("unknown tag {tag}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `{a: {b: x}, c: [~]}`
    fn show(node: &Node) -> String {
        match node {
            Node::Null => "~".to_owned(),
            Node::Text(text) => text.clone(),
            Node::List(nodes) => {
                format!("[{}]", nodes.iter().map(show).collect::<Vec<_>>().join(", "))
            }
            Node::Map(map) => {
                let items: Vec<_> = map.iter().map(|(k, v)| format!("{k}: {}", show(v))).collect();
                format!("{{{}}}", items.join(", "))
            }
        }
    }

    #[test]
    fn rules_files_are_read() {
        for (text, shown) in [
            ("", "~"),
            ("# nothing\n", "~"),
            ("---\na: b\n...\n", "{a: b}"),
            ("\u{feff}a: b", "{a: b}"),
            (
                "public.t:   # a comment\n  id: keep\n  doc:\n    a: keep\n    deep: {x: hash32}\n",
                "{public.t: {id: keep, doc: {a: keep, deep: {x: hash32}}}}",
            ),
            (
                "{on: keep, no: 'hash', 1: \"bool\", null: x, ~: y}",
                "{on: keep, no: hash, 1: bool, null: x, ~: y}",
            ),
            (
                "a:\nb: ~\nc: null\nd: ''\ne: 'null'\nf: []\ng: {}",
                "{a: ~, b: ~, c: ~, d: , e: null, f: [], g: {}}",
            ),
            (
                "b: {x: keep}\na: !!str keep\n\"\\u00e4 b\": 'it''s'",
                "{b: {x: keep}, a: keep, ä b: it's}",
            ),
            (
                "base: &base {id: keep, x: hash}\nt: *base",
                "{base: {id: keep, x: hash}, t: {id: keep, x: hash}}",
            ),
            (
                "base: &b {id: keep, x: hash}\nt:\n  y: bool\n  x: skip\n  <<: *b",
                "{base: {id: keep, x: hash}, t: {id: keep, x: skip, y: bool}}",
            ),
            ("t:\n  <<: [{x: 1, y: 1}, {x: 2, z: 2}]\n  y: 3", "{t: {x: 1, z: 2, y: 3}}"),
            ("a: {'<<': keep}", "{a: {<<: keep}}"),
            ("a: &k keep\nb: *k", "{a: keep, b: keep}"),
            ("&k a: b\nc: *k", "{a: b, c: a}"),
        ] {
            assert_eq!(
                show(&parse(text).unwrap_or_else(|e| panic!("{e}: {text}"))),
                shown,
                "{text}"
            );
        }
    }

    #[test]
    fn problems_name_the_line() {
        for (text, problem) in [
            ("a: b\na: c", "line 2: 'a' is there twice"),
            ("a: 1\n---\nb: 1", "line 2: a second document"),
            ("a: !python/object:os.system x", "line 1: unknown tag !python/object:os.system"),
            ("a: &x {b: *x}", "line 1: an alias inside of its own value"),
            ("? [a]\n: b", "line 1: expected a name"),
            ("<<: x", "line 1: << takes mappings"),
            ("<<: [x]", "line 1: << takes mappings"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), problem, "{text}");
        }
        for text in
            ["a: [", "a: {b", "a:\n\tb: c", "a: b: c", "a: *nobody", "'", "a: b\n c: d", "}"]
        {
            assert!(parse(text).unwrap_err().to_string().starts_with("line "), "{text}");
        }
        assert!(parse(&"[".repeat(1000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in r#"(a|keep|: |:|\n|  |- |\{|\}|\[|\]|,|&x |\*x|<<|'|"|\\|#|!|\?|\||é|\t|---){0,20}"#) {
            let _ = parse(&text);
        }
    }
}
