//! `londiste.table_info.table_attrs`: the options a table was added with, url-encoded (contract `handlers.md` 1.4), and
//! the handler string among them (contract `handlers.md` 1.1 and 1.2).

use std::fmt;

use indexmap::IndexMap;
use pgq_client::id::TickId;
use pgq_client::name::NodeName;
use pgq_client::text::urlenc::{self, UrlencError};

/// Name of an attribute that the original does not know.
const RENEW: &str = "renew";

/// Its value before the worker has left the table.
const WANTED: &str = "wanted";

/// Options of a table in the order they were given; keys this version does not know are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableAttrs(IndexMap<String, Option<String>>);

/// Where a table's first rows come from, when not from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyNode {
    /// `?`: the nearest node upstream that has the table.
    Search,
    /// This node.
    Node(NodeName),
}

impl CopyNode {
    fn from_stored(text: &str) -> CopyNode {
        if text == "?" { CopyNode::Search } else { CopyNode::Node(NodeName::new(text)) }
    }

    /// The attribute's value.
    pub fn as_str(&self) -> &str {
        match self {
            CopyNode::Search => "?",
            CopyNode::Node(node) => node.as_str(),
        }
    }
}

/// How far the renewal of a table is, whose rows other queues bring as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// Asked for by `resync`; the worker still applies the table's changes.
    Wanted,
    /// The worker has applied everything up to this tick and nothing behind it, so that the copy has to begin here.
    Since(TickId),
}

impl TableAttrs {
    /// From the column's value; NULL has no options.
    pub fn parse(stored: Option<&str>) -> Result<TableAttrs, UrlencError> {
        urlenc::pairs(stored.unwrap_or_default())
            .map(|pair| pair.map(|(key, value)| (key.into_owned(), value.map(Into::into))))
            .collect::<Result<_, _>>()
            .map(TableAttrs)
    }

    /// The column's value; no options are NULL.
    pub fn to_stored(&self) -> Option<String> {
        (!self.0.is_empty())
            .then(|| urlenc::encode_pairs(self.0.iter().map(|(k, v)| (k.as_str(), v.as_deref()))))
    }

    /// The value of an option; absent and valueless are both `None`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_deref()
    }

    /// Sets an option; a known one keeps its place.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_owned(), Some(value.into()));
    }

    /// Removes an option.
    pub fn remove(&mut self, key: &str) {
        self.0.shift_remove(key);
    }

    /// `handler`, or `handlers` as older versions wrote it.
    pub fn handler(&self) -> Result<HandlerSpec, HandlerError> {
        HandlerSpec::parse(self.get("handler").or_else(|| self.get("handlers")).unwrap_or_default())
    }

    /// `copy_node`
    pub fn copy_node(&self) -> Option<CopyNode> {
        self.get("copy_node").map(CopyNode::from_stored)
    }

    /// `skip_truncate`: rows that are in the table before the copy stay.
    pub fn skip_truncate(&self) -> bool {
        self.get("skip_truncate").is_some_and(|value| !matches!(value, "" | "0"))
    }

    /// `renew`: other queues fill the table as well, so that its rows are renewed where they are instead of being copied
    /// into an empty table. Set by `resync`, gone with the copy.
    pub fn renew(&self) -> bool {
        self.get(RENEW).is_some()
    }

    /// What `renew` says.
    pub fn renewal(&self) -> Option<Renewal> {
        let value = self.0.get(RENEW)?.as_deref().unwrap_or_default();
        Some(value.parse().map_or(Renewal::Wanted, |tick| Renewal::Since(TickId(tick))))
    }

    /// Sets or removes `renew`.
    pub fn set_renewal(&mut self, renewal: Option<Renewal>) {
        match renewal {
            Some(Renewal::Wanted) => self.set(RENEW, WANTED),
            Some(Renewal::Since(tick)) => self.set(RENEW, tick.to_string()),
            None => self.remove(RENEW),
        }
    }

    /// `max_parallel_copy`: no copy of this table starts while so many run; unreadable values limit nothing.
    pub fn max_parallel_copy(&self) -> Option<usize> {
        self.get("max_parallel_copy")?.trim().parse().ok()
    }

    /// `copy_condition`: an SQL condition on the source table. Only rows that meet it are copied and compared; changes
    /// are replayed whether they meet it or not.
    pub fn copy_condition(&self) -> Option<&str> {
        self.get("copy_condition").filter(|condition| !condition.trim().is_empty())
    }
}

/// As the command `tables` prints it: `{'handler': 'bulk(method=1)', 'copy_node': 'n1'}`, nothing when empty.
impl fmt::Display for TableAttrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let items = self.0.iter().map(|(key, value)| {
            let value = value.as_deref().map_or_else(|| "None".to_owned(), quote);
            format!("{}: {value}", quote(key))
        });
        write!(f, "{{{}}}", items.collect::<Vec<_>>().join(", "))
    }
}

/// A string as the original displays it: single quotes unless only those are inside, control characters escaped.
fn quote(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(mark);
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c == mark => quoted.extend(['\\', c]),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push(mark);
    quoted
}

/// A handler and its arguments, before anybody knows whether they make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerSpec {
    /// Name; `londiste` is the default.
    pub name: String,
    /// Arguments in order.
    pub args: IndexMap<String, String>,
}

/// A handler string or its parts on the command line are malformed; the texts are the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// Arguments belong into `--handler-arg`.
    #[error("invalid handler name: {0}")]
    Name(String),
    /// The same `--handler-arg` twice.
    #[error("multiple handler arguments: {0}")]
    Repeated(String),
    /// An opening parenthesis that is not closed at the end.
    #[error("invalid handler format: {0}")]
    Format(String),
    /// The arguments are not url-encoded.
    #[error("{0}")]
    Encoding(#[from] UrlencError),
}

impl HandlerSpec {
    /// From `--handler=NAME` and any number of `--handler-arg=K=V`.
    pub fn from_options(name: &str, args: &[String]) -> Result<HandlerSpec, HandlerError> {
        if name.contains('(') {
            return Err(HandlerError::Name(name.to_owned()));
        }
        let mut pairs = IndexMap::new();
        for arg in args {
            let (key, value) = arg.split_once('=').unwrap_or((arg, ""));
            let key = key.trim();
            if pairs.insert(key.to_owned(), value.trim().to_owned()).is_some() {
                return Err(HandlerError::Repeated(key.to_owned()));
            }
        }
        Ok(HandlerSpec { name: name.to_owned(), args: pairs })
    }

    /// From the stored form `NAME` or `NAME(k=v&k2=v2)`; commas between arguments are the older form.
    pub fn parse(stored: &str) -> Result<HandlerSpec, HandlerError> {
        let (name, body) = match stored.split_once('(') {
            Some((name, rest)) if !name.is_empty() => {
                let body = rest
                    .strip_suffix(')')
                    .ok_or_else(|| HandlerError::Format(stored.to_owned()))?;
                (name, body)
            }
            _ => (stored, ""),
        };
        let name = if name.is_empty() { "londiste" } else { name };
        let mut args = IndexMap::new();
        for pair in urlenc::pairs(&body.replace(',', "&")) {
            // A key without a value says nothing: newer versions of the original drop it, and so do we.
            if let (key, Some(value)) = pair? {
                args.insert(key.into_owned(), value.into_owned());
            }
        }
        Ok(HandlerSpec { name: name.to_owned(), args })
    }
}

/// The stored form.
impl fmt::Display for HandlerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.args.is_empty() {
            return Ok(());
        }
        let args = self.args.iter().map(|(k, v)| (k.as_str(), Some(v.as_str())));
        write!(f, "({})", urlenc::encode_pairs(args))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_stored_in_the_order_given() {
        let mut attrs = TableAttrs::default();
        assert_eq!(attrs.to_stored(), None);
        attrs.set("handler", "shard(key=id)");
        attrs.set("copy_node", "?");
        attrs.set("copy_condition", "userid<1000");
        let stored = "handler=shard%28key%3did%29&copy_node=%3f&copy_condition=userid%3c1000";
        assert_eq!(attrs.to_stored().as_deref(), Some(stored));
        assert_eq!(TableAttrs::parse(Some(stored)), Ok(attrs));
    }

    #[test]
    fn options_have_meaning() {
        let attrs = TableAttrs::parse(Some(
            "copy_node=n1&skip_truncate=1&skip_truncate=1&max_parallel_copy=3&copy_condition=a%3d1",
        ))
        .unwrap();
        assert_eq!(attrs.copy_node(), Some(CopyNode::Node("n1".into())));
        assert!(attrs.skip_truncate());
        assert_eq!(attrs.max_parallel_copy(), Some(3));
        assert_eq!(attrs.copy_condition(), Some("a=1"));
        assert_eq!(attrs.handler().unwrap().name, "londiste");

        let none = TableAttrs::parse(None).unwrap();
        assert_eq!(none.copy_node(), None);
        assert!(!none.skip_truncate());
        assert_eq!(none.copy_condition(), None);
        assert_eq!(
            TableAttrs::parse(Some("handlers=qtable")).unwrap().handler().unwrap().name,
            "qtable"
        );
    }

    #[test]
    fn a_renewal_begins_where_the_worker_left_the_table() {
        let mut attrs = TableAttrs::parse(Some("copy_node=n1")).unwrap();
        assert_eq!(attrs.renewal(), None);
        for (renewal, stored) in [
            (Some(Renewal::Wanted), "copy_node=n1&renew=wanted"),
            (Some(Renewal::Since(TickId(1))), "copy_node=n1&renew=1"),
            (None, "copy_node=n1"),
        ] {
            attrs.set_renewal(renewal);
            assert_eq!(attrs.to_stored().as_deref(), Some(stored));
            assert_eq!(TableAttrs::parse(Some(stored)).unwrap().renewal(), renewal);
            assert_eq!(attrs.renew(), renewal.is_some());
        }
    }

    #[track_caller]
    fn shows(stored: &str, expected: &str) {
        assert_eq!(TableAttrs::parse(Some(stored)).unwrap().to_string(), expected);
    }

    #[test]
    fn tables_shows_a_dictionary() {
        shows("", "");
        shows(
            "handler=londiste%28ignore_truncate%3d1%29&copy_node=node1",
            "{'handler': 'londiste(ignore_truncate=1)', 'copy_node': 'node1'}",
        );
        shows("a&b=", "{'a': None, 'b': ''}");
        shows("copy_condition=name%3d%27x%27", r#"{'copy_condition': "name='x'"}"#);
        shows("copy_condition=%22a%22%3d%27x%27", r#"{'copy_condition': '"a"=\'x\''}"#);
    }

    #[test]
    fn handler_strings_from_options() {
        let check = |name: &str, args: &[&str], expected: Result<&str, &str>| {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            let got = HandlerSpec::from_options(name, &args);
            let got = got.map(|s| s.to_string()).map_err(|e| e.to_string());
            assert_eq!(got.as_deref().map_err(String::as_str), expected);
        };
        check("bulk", &["method=1"], Ok("bulk(method=1)"));
        check("londiste", &[], Ok("londiste"));
        check(
            "shard",
            &[" key = id ", "hash_expr=foo(a, b)"],
            Ok("shard(key=id&hash_expr=foo%28a%2c+b%29)"),
        );
        check("x", &["novalue"], Ok("x(novalue=)"));
        check("x", &["a=b=c", "e="], Ok("x(a=b%3dc&e=)"));
        check("x", &["ä=~%+ "], Ok("x(%c3%a4=%7e%25%2b)"));
        check("bulk(method=1)", &[], Err("invalid handler name: bulk(method=1)"));
        check("x", &["k=1", "k =2"], Err("multiple handler arguments: k"));
    }

    #[test]
    fn stored_handler_strings() {
        let args = |stored: &str| {
            let spec = HandlerSpec::parse(stored).unwrap();
            let args: Vec<(String, String)> = spec.args.into_iter().collect();
            (spec.name, args)
        };
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(args(""), ("londiste".to_owned(), vec![]));
        assert_eq!(args("qtable"), ("qtable".to_owned(), vec![]));
        assert_eq!(args("bulk()"), ("bulk".to_owned(), vec![]));
        assert_eq!(
            args("x(a=b%2cc,d=e%26f&g)"),
            ("x".to_owned(), vec![pair("a", "b,c"), pair("d", "e&f")])
        );
        assert_eq!(args("(a)"), ("(a)".to_owned(), vec![]));
        assert_eq!(
            HandlerSpec::parse("x(a=1").unwrap_err().to_string(),
            "invalid handler format: x(a=1"
        );
        assert_eq!(HandlerSpec::parse("x(%4)").unwrap_err().to_string(), "Incomplete hex code");
    }
}
