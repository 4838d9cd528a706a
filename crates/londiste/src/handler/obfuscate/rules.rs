//! The rules file, `obfuscator_map` (contract `handlers.md` 10.1).

use std::collections::HashMap;
use std::io;
use std::path::Path;

use indexmap::IndexMap;
use nix::errno::Errno;
use pgq_client::name::TableName;

use super::hash::{Form, Hasher};
use super::yaml::{self, Node};
use super::{ObfuscateError, TableRules, json};

/// What becomes of a value that is not left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// It stays as it is.
    Keep,
    /// `t` when there is anything, `f` when not.
    Bool,
    /// Its hash.
    Hash(Form),
    /// An object, of which these members are left; names as [`json::name`] writes them.
    Json(Vec<(String, Action)>),
}

const ACTIONS: &str = "keep, skip, bool, hash32, hash64, hash, or a mapping for JSON";

/// The rules cannot be used; nothing runs without them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The file cannot be read. The text is the original's.
    #[error("[Errno {number}] {text}: '{file}'")]
    Read {
        /// The system's number of the error.
        number: i32,
        /// What it means.
        text: String,
        /// Path of the file.
        file: String,
    },
    /// `obfuscator_key`. The text is the original's.
    #[error("maximum key length is 32 bytes")]
    Key,
    /// Bytes that are not UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8(String),
    /// No YAML, or YAML that rules have no use for.
    #[error("{file}: {problem}")]
    Yaml {
        /// Path of the file.
        file: String,
        /// Line and reason.
        problem: yaml::Problem,
    },
    /// The document is no mapping of tables.
    #[error("{0}: expected table names with mappings of columns")]
    NoTables(String),
    /// What belongs to a table is no mapping.
    #[error("table {0} in obfuscator_map: expected a mapping of columns")]
    NoColumns(String),
    /// An action that does not exist. The beginning of the text is the original's.
    #[error(
        "Invalid value for action: {action} (table {table}, column {column}; there are {ACTIONS})"
    )]
    Action {
        /// What is written, in quotes.
        action: String,
        /// Table.
        table: String,
        /// Column.
        column: String,
    },
    /// The same inside of a JSON column.
    #[error(
        "Invalid rule value: {action} (table {table}, column {column}, member {member}; there are {ACTIONS})"
    )]
    Member {
        /// What is written, in quotes.
        action: String,
        /// Table.
        table: String,
        /// Column.
        column: String,
        /// Names of members with dots between, from the outside in.
        member: String,
    },
}

/// The rules of all tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    tables: HashMap<String, TableRules>,
}

impl Rules {
    /// Reads `obfuscator_map` and takes `obfuscator_key`.
    ///
    /// The file is YAML: full table names, below them columns, below these what becomes of their values. Every name is the
    /// text that it is written with, also one like `on` or `1`. Everything is checked here, so that a wrong rule
    /// stops the program before it does anything. An empty file has rules for no table.
    ///
    /// # Errors
    /// [`RulesError`] when the file cannot be read, is not such a YAML file, has an action that does not exist or a name
    /// twice in a mapping; when the key has more than 32 bytes.
    pub fn load(path: &Path, key: &str) -> Result<Rules, RulesError> {
        let file = || path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| unreadable(&error, file()))?;
        let text = String::from_utf8(bytes).map_err(|_| RulesError::NotUtf8(file()))?;
        Rules::parse(&text, key, &file())
    }

    /// As [`Rules::load`], from the text of a file of this name.
    fn parse(text: &str, key: &str, file: &str) -> Result<Rules, RulesError> {
        let hasher = Hasher::new(key).ok_or(RulesError::Key)?;
        let node = yaml::parse(text)
            .map_err(|problem| RulesError::Yaml { file: file.to_owned(), problem })?;
        let map = match node {
            Node::Map(map) => map,
            Node::Null => IndexMap::new(),
            Node::Text(_) | Node::List(_) => return Err(RulesError::NoTables(file.to_owned())),
        };
        let mut tables = HashMap::with_capacity(map.len());
        for (table, node) in map {
            let Node::Map(columns) = node else { return Err(RulesError::NoColumns(table)) };
            let columns = columns.iter().filter_map(|(column, node)| match action(node) {
                Ok(action) => Some(Ok((column.clone(), action?))),
                Err(wrong) => Some(Err(wrong.of_column(&table, column))),
            });
            let columns = columns.collect::<Result<_, RulesError>>()?;
            tables.insert(table.clone(), TableRules { table, columns, hasher: hasher.clone() });
        }
        Ok(Rules { tables })
    }

    /// The rules for a table: events ask with the name that the queue knows, a copy with that of the provider's physical
    /// table.
    ///
    /// # Errors
    /// [`ObfuscateError::Table`] when there are none. Nothing of such a table may travel on.
    pub fn table(&self, name: &TableName) -> Result<&TableRules, ObfuscateError> {
        self.tables.get(name.as_str()).ok_or_else(|| ObfuscateError::Table(name.clone()))
    }
}

/// The original shows what its language makes of a failed system call.
fn unreadable(error: &io::Error, file: String) -> RulesError {
    match error.raw_os_error() {
        Some(number) => {
            RulesError::Read { number, text: Errno::from_raw(number).desc().to_owned(), file }
        }
        None => RulesError::Read { number: 0, text: error.to_string(), file },
    }
}

/// An action that does not exist, and where in a JSON column it is, from the outside in.
struct Wrong {
    action: String,
    members: Vec<String>,
}

impl Wrong {
    fn of_column(mut self, table: &str, column: &str) -> RulesError {
        let (action, table, column) = (self.action, table.to_owned(), column.to_owned());
        if self.members.is_empty() {
            return RulesError::Action { action, table, column };
        }
        self.members.reverse();
        RulesError::Member { action, table, column, member: self.members.join(".") }
    }
}

/// `None` is `skip`, which is the same as no rule.
fn action(node: &Node) -> Result<Option<Action>, Wrong> {
    let wrong = |action: String| Err(Wrong { action, members: Vec::new() });
    Ok(Some(match node {
        Node::Text(text) => match text.as_str() {
            "keep" => Action::Keep,
            "skip" => return Ok(None),
            "bool" => Action::Bool,
            "hash32" => Action::Hash(Form::Number32),
            "hash64" => Action::Hash(Form::Number64),
            "hash" => Action::Hash(Form::Uuid),
            other => return wrong(format!("'{other}'")),
        },
        Node::Null => return wrong("None".to_owned()),
        Node::List(_) => return wrong("a list".to_owned()),
        Node::Map(members) => {
            let members = members.iter().filter_map(|(name, node)| match action(node) {
                Ok(action) => Some(Ok((json::name(name), action?))),
                Err(mut wrong) => {
                    wrong.members.push(name.clone());
                    Some(Err(wrong))
                }
            });
            Action::Json(members.collect::<Result<_, Wrong>>()?)
        }
    }))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Rules from a text, with the key of the contract's examples.
    pub(in super::super) fn rules(text: &str) -> Rules {
        Rules::parse(text, "123", "map.yaml").unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    #[test]
    fn the_contracts_example() {
        let rules = rules(
            "public.mytable:          # full table name
  id: keep
  name: hash
  amount: hash32
  big: hash64
  flag: bool
  secret: skip           # same as not listed
  doc:                   # mapping = JSON column
    a: keep
    ä: hash
    none: skip
    deep: {x: hash32}
",
        );
        let table = rules.table(&TableName::new("mytable")).unwrap();
        let member = |name: &str, action| (name.to_owned(), action);
        let doc = Action::Json(vec![
            member("a", Action::Keep),
            member("\\u00e4", Action::Hash(Form::Uuid)),
            member("deep", Action::Json(vec![member("x", Action::Hash(Form::Number32))])),
        ]);
        for (column, action) in [
            ("id", Some(Action::Keep)),
            ("name", Some(Action::Hash(Form::Uuid))),
            ("amount", Some(Action::Hash(Form::Number32))),
            ("big", Some(Action::Hash(Form::Number64))),
            ("flag", Some(Action::Bool)),
            ("secret", None),
            ("doc", Some(doc)),
            ("Name", None),
        ] {
            assert_eq!(table.action(column), action.as_ref(), "{column}");
        }
        let other = rules.table(&TableName::new("MyTable")).unwrap_err();
        assert_eq!(other.to_string(), "Source table not in obf_map: public.MyTable");
    }

    #[test]
    fn wrong_rules_are_found_at_once() {
        let list = "there are keep, skip, bool, hash32, hash64, hash, or a mapping for JSON)";
        let of_x = format!("(table public.t, column x; {list}");
        let of_member = format!("(table public.t, column x, member a.b; {list}");
        for (text, error) in [
            ("public.t: {id: keep, x: bogus}", format!("Invalid value for action: 'bogus' {of_x}")),
            ("public.t: {x: Keep}", format!("Invalid value for action: 'Keep' {of_x}")),
            ("public.t: {x: yes}", format!("Invalid value for action: 'yes' {of_x}")),
            ("public.t:\n  x:\n", format!("Invalid value for action: None {of_x}")),
            ("public.t: {x: ''}", format!("Invalid value for action: '' {of_x}")),
            ("public.t: {x: [hash]}", format!("Invalid value for action: a list {of_x}")),
            ("public.t: {x: {a: {b: bogus}}}", format!("Invalid rule value: 'bogus' {of_member}")),
            (
                "public.t:\n",
                "table public.t in obfuscator_map: expected a mapping of columns".into(),
            ),
            (
                "public.t: keep\n",
                "table public.t in obfuscator_map: expected a mapping of columns".into(),
            ),
            ("[public.t]", "map.yaml: expected table names with mappings of columns".into()),
            ("public.t: {x: keep, x: hash}", "map.yaml: line 1: 'x' is there twice".into()),
        ] {
            let found = Rules::parse(text, "", "map.yaml").unwrap_err();
            assert_eq!(found.to_string(), error, "{text}");
        }
        assert_eq!(
            Rules::parse("", &"k".repeat(33), "f").unwrap_err().to_string(),
            "maximum key length is 32 bytes"
        );
        assert!(Rules::parse("", "", "f").unwrap().table(&TableName::new("t")).is_err());
    }

    #[test]
    fn files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("map.yaml");
        let error = || Rules::load(&path, "").unwrap_err().to_string();
        let name = path.display();
        assert_eq!(error(), format!("[Errno 2] No such file or directory: '{name}'"));
        std::fs::write(&path, b"a: \xff").unwrap();
        assert_eq!(error(), format!("{name} is not UTF-8"));
        std::fs::write(&path, "public.t: {id: keep}").unwrap();
        assert!(Rules::load(&path, "").unwrap().table(&TableName::new("t")).is_ok());
        let dir = dir.path();
        assert_eq!(
            Rules::load(dir, "").unwrap_err().to_string(),
            format!("[Errno 21] Is a directory: '{}'", dir.display())
        );
    }
}
