//! The statements that are measured: changes of users, in bulk and one by one.

use crate::users::USER;

const CHANGE: &str = "update app.user_info
    set mod_time = timestamp '2014-01-12' + userid * interval '0.100001 s'";

/// A kind of statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// All rows at once.
    BulkInsert,
    /// One column of all rows at once.
    BulkUpdate,
    /// All rows at once.
    BulkDelete,
    /// A row and a commit at a time, prepared.
    SingleInsert,
    /// A row and a commit at a time, by key, prepared.
    SingleUpdate,
    /// The same by four clients of pgbench.
    ClientsInsert,
    /// The same by four clients of pgbench.
    ClientsUpdate,
}

impl Statement {
    /// In the order in which they follow each other: a change needs rows.
    pub(super) const ALL: [Self; 7] = [
        Self::BulkInsert,
        Self::BulkUpdate,
        Self::BulkDelete,
        Self::SingleInsert,
        Self::SingleUpdate,
        Self::ClientsInsert,
        Self::ClientsUpdate,
    ];

    /// The one of that name.
    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|statement| statement.name() == name).expect("a statement")
    }

    /// As in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BulkInsert => "bulk insert",
            Self::BulkUpdate => "bulk update",
            Self::BulkDelete => "bulk delete",
            Self::SingleInsert => "single insert",
            Self::SingleUpdate => "single update",
            Self::ClientsInsert => "4 clients insert",
            Self::ClientsUpdate => "4 clients update",
        }
    }

    /// The most it may cost, as a multiple of what the original's trigger costs.
    pub(super) fn bar(self) -> Option<f64> {
        match self {
            Self::BulkInsert | Self::BulkUpdate => Some(1.0),
            Self::BulkDelete => None,
            _ => Some(1.15),
        }
    }

    /// Does it begin with an empty table? Otherwise with what the one before it left.
    pub(super) fn begins_empty(self) -> bool {
        matches!(self, Self::BulkInsert | Self::SingleInsert | Self::ClientsInsert)
    }

    /// The SQL: `$1` is the user of a single statement, `:id` the one of a client's.
    pub(super) fn sql(self, rows: u32) -> String {
        let insert = format!("insert into app.user_info select {USER}");
        match self {
            Self::BulkInsert => format!("{insert} from generate_series(1, {rows}) id"),
            Self::BulkUpdate => CHANGE.to_owned(),
            Self::BulkDelete => "delete from app.user_info".to_owned(),
            Self::SingleInsert => format!("{insert} from (select $1::int as id) one"),
            Self::SingleUpdate => format!("{CHANGE} where userid = $1"),
            Self::ClientsInsert => format!("{insert} from nextval('app.user_ids') id;\n"),
            Self::ClientsUpdate => {
                format!("\\set id random(1, {rows})\n{CHANGE} where userid = :id;\n")
            }
        }
    }
}
