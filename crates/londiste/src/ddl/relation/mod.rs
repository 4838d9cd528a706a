//! A table with everything that belongs to it, for `add-table --create-full` and `check`.
//!
//! [`mod@read`] asks the catalogs of the original, [`mod@names`] and [`mod@retarget`] turn its names into those of another table,
//! [`mod@target`] finds out what the other database has, and [`mod@render`] says it all as SQL. A partitioned table is several
//! [`Relation`]s, the table itself first.

pub mod columns;
pub mod names;
mod queries;
pub mod read;
pub mod render;
pub mod retarget;
pub mod settings;
pub mod target;

use pgq_client::name::TableName;

use super::load::{Constraint, Index};

/// A table or partition as the catalogs know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    /// Its name; `None` only in [`Default`].
    pub name: Option<TableName>,
    /// `RANGE (at)` of a partitioned table.
    pub partition_key: Option<String>,
    /// Of a partition: the table it belongs to, and its bound as `FOR VALUES ...`. The one that was asked for has none.
    pub partition_of: Option<(TableName, String)>,
    /// Whether it is a table of another server.
    pub foreign: bool,
    /// Names of the tables it inherits from.
    pub parents: Vec<TableName>,
    /// Whether it is unlogged.
    pub unlogged: bool,
    /// `USING` of the CREATE statement, where it is not `heap`.
    pub access_method: Option<String>,
    /// Tablespace, unless it is the database's.
    pub tablespace: Option<String>,
    /// What follows `ALTER TABLE ONLY t`: storage parameters, replica identity, row security.
    pub settings: Vec<String>,
    /// Whether row security holds for the owner, too.
    pub force_row_security: bool,
    /// `COMMENT ON TABLE`
    pub comment: Option<String>,
    /// Its owner.
    pub owner: String,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Sequences that its columns own or use.
    pub sequences: Vec<Sequence>,
    /// Primary, unique, exclusion and check constraints.
    pub constraints: Vec<Constraint>,
    /// Indexes without a constraint.
    pub indexes: Vec<Index>,
    /// Of a partition's index or key: the name of the table's index that it is a part of.
    pub attached_indexes: Vec<(String, TableName)>,
    /// `CREATE STATISTICS`
    pub statistics: Vec<Statistics>,
    /// Foreign keys from it.
    pub foreign_keys: Vec<ForeignKey>,
    /// Triggers, without those of the server and of the partitioned table.
    pub triggers: Vec<Trigger>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Row security policies.
    pub policies: Vec<Policy>,
    /// Rights of others than the owner, on the table and its columns.
    pub grants: Vec<Grant>,
}

impl Relation {
    /// Its name.
    pub fn name(&self) -> &TableName {
        self.name.as_ref().expect("every relation that was read has a name")
    }

    /// Names of its columns.
    pub fn column_names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The sequence behind a serial column: owned by it, and its default. Identity columns have theirs, too.
    pub fn owned_sequence(&self, column: &str) -> Option<&Sequence> {
        self.sequences.iter().find(|sequence| sequence.use_.owner() == Some(column))
    }
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Name, unquoted.
    pub name: String,
    /// Type with modifiers, qualified where it is not the server's own.
    pub kind: String,
    /// Schema and name of the type, of an array's elements: what has to exist.
    pub base_type: (String, String),
    /// Collation where it is not the type's.
    pub collation: Option<String>,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// The constraint behind it where it needs words of its own.
    pub not_null_constraint: Option<NotNull>,
    /// What it has for a value by itself.
    pub value: Value,
    /// What follows `ALTER COLUMN c`: storage and compression. A server can lack what they name.
    pub storage: Vec<String>,
    /// What follows `ALTER COLUMN c`: statistics target and attribute options.
    pub settings: Vec<String>,
    /// `COMMENT ON COLUMN`
    pub comment: Option<String>,
}

/// `NOT NULL` as a constraint with a name, from PostgreSQL 18 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotNull {
    /// The constraint's name, if it is not the one the server would choose.
    pub name: Option<String>,
    /// `NO INHERIT`
    pub no_inherit: bool,
    /// Rows that were there already have not been looked at.
    pub not_valid: bool,
}

/// What a column has for a value when none is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    #[default]
    None,
    /// `DEFAULT`
    Default(String),
    /// `GENERATED ALWAYS AS (expression)`, with `STORED` or `VIRTUAL`.
    Generated(String, &'static str),
    /// `GENERATED ALWAYS AS IDENTITY` or `BY DEFAULT`.
    Identity(&'static str),
}

/// How a column has to do with a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// `OWNED BY` the column: serial.
    Owned(String),
    /// Of an identity column.
    Identity(String),
    /// Its default mentions it.
    Mentioned,
}

impl Use {
    /// The owning column.
    pub fn owner(&self) -> Option<&str> {
        match self {
            Use::Owned(column) | Use::Identity(column) => Some(column),
            Use::Mentioned => None,
        }
    }
}

/// A sequence behind a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Its name.
    pub name: TableName,
    /// How the table has to do with it.
    pub use_: Use,
    /// `AS`
    pub kind: String,
    /// `START WITH ... CYCLE`, all of it.
    pub options: String,
    /// The last value that was given out, if there was one and this role may know.
    pub last_value: Option<i64>,
    /// Whether this role may not know it.
    pub hidden: bool,
    /// `COMMENT ON SEQUENCE`
    pub comment: Option<String>,
    /// Rights of others than the owner.
    pub grants: Vec<Grant>,
}

/// Extended statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Their name.
    pub name: TableName,
    /// As `pg_get_statisticsobjdef` prints it.
    pub definition: String,
    /// `SET STATISTICS`, where it was.
    pub target: Option<i32>,
    /// `COMMENT ON STATISTICS`
    pub comment: Option<String>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Name, unquoted.
    pub name: String,
    /// The table that has it.
    pub from: TableName,
    /// Whether that table is partitioned.
    pub from_partitioned: bool,
    /// The table it points to.
    pub to: TableName,
    /// The columns it points to.
    pub to_columns: Vec<String>,
    /// Whether these are that table's primary key.
    pub to_primary_key: bool,
    /// Whether all rows are known to fit: neither `NOT VALID` nor `NOT ENFORCED`.
    pub validated: bool,
    /// `FOREIGN KEY ... REFERENCES ...`
    pub definition: String,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Name, unquoted.
    pub name: String,
    /// As `pg_get_triggerdef` prints it.
    pub definition: String,
    /// When it fires.
    pub firing: Firing,
    /// Whether londiste made it: they are never copied.
    pub of_londiste: bool,
    /// `COMMENT ON TRIGGER`
    pub comment: Option<String>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Name, unquoted.
    pub name: String,
    /// As `pg_get_ruledef` prints it.
    pub definition: String,
    /// When it applies.
    pub firing: Firing,
    /// `COMMENT ON RULE`
    pub comment: Option<String>,
}

/// In which sessions a trigger fires or a rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firing {
    /// Ordinary sessions.
    Origin,
    /// Sessions that replay, too.
    Always,
    /// Sessions that replay only.
    Replica,
    /// None.
    Disabled,
}

impl Firing {
    fn from_letter(letter: &str) -> Firing {
        match letter {
            "A" => Firing::Always,
            "R" => Firing::Replica,
            "D" => Firing::Disabled,
            _ => Firing::Origin,
        }
    }

    /// How a trigger of the provider fires on a node by itself: what it did to a row there has arrived with the row, and is
    /// not done again in the session that replays it.
    pub fn on_a_node(self) -> Firing {
        match self {
            Firing::Always | Firing::Replica => Firing::Origin,
            Firing::Origin | Firing::Disabled => self,
        }
    }

    /// What is said of it in a list.
    pub fn word(self) -> &'static str {
        match self {
            Firing::Origin => "enabled",
            Firing::Always => "always",
            Firing::Replica => "replica",
            Firing::Disabled => "disabled",
        }
    }

    /// What follows `ALTER TABLE t`, unless it is the default.
    pub fn clause(self) -> Option<&'static str> {
        match self {
            Firing::Origin => None,
            Firing::Always => Some("ENABLE ALWAYS"),
            Firing::Replica => Some("ENABLE REPLICA"),
            Firing::Disabled => Some("DISABLE"),
        }
    }
}

/// A row security policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Name, unquoted.
    pub name: String,
    /// `AS PERMISSIVE FOR ALL`
    pub head: String,
    /// Roles, unquoted; an empty name is `PUBLIC`.
    pub roles: Vec<String>,
    /// `USING`
    pub using: Option<String>,
    /// `WITH CHECK`
    pub check: Option<String>,
    /// `COMMENT ON POLICY`
    pub comment: Option<String>,
}

/// A right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The role, unquoted; an empty name is `PUBLIC`.
    pub role: String,
    /// `SELECT`, ...
    pub privileges: Vec<String>,
    /// The column, if it is for one only.
    pub column: Option<String>,
    /// `WITH GRANT OPTION`
    pub grantable: bool,
}
