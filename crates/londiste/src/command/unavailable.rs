//! Names that a command cannot take: what they are instead, or what was meant.

use std::fmt;

use daemonkit::ini::nearest;
use pgq_client::calls::statement::{self, Arg};
use pgq_client::name::TableName;
use tokio_postgres::GenericClient;

use crate::calls::ObjectKind;
use crate::hint;

/// The refusal of names that are not there, with what there is to say about each of them. `working` is what the command could
/// have taken, all of one kind.
///
/// # Errors
/// The server's.
pub(super) async fn explain(
    db: &impl GenericClient,
    names: &[TableName],
    working: &[TableName],
    kind: ObjectKind,
) -> pgq_client::Result<String> {
    let mut remarks = Vec::new();
    for name in names {
        let sql = "select c.relkind::text from pg_catalog.pg_class c \
                   join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2";
        let args = [Arg::Text(name.schema()), Arg::Text(name.name())];
        let relkind: Option<String> = statement::value(db, sql, &args).await?;
        if let Some(remark) = remark(name, relkind.as_deref(), working, kind) {
            remarks.push(remark.to_string());
        }
    }
    if remarks.len() < names.len() {
        remarks.push(hint::WHAT_IS_THERE.to_owned());
    }
    Ok(format!("{}\nHINT:  {}", hint::CANNOT_PROCEED, remarks.join(" ")))
}

/// Why a name cannot be taken.
#[derive(Debug, PartialEq, Eq)]
enum Remark<'a> {
    /// It is nothing that has rows of its own or numbers.
    Other { name: &'a TableName, what: &'static str },
    /// It is a sequence where tables are meant.
    IsSequence(&'a TableName),
    /// It is a table where sequences are meant.
    IsTable(&'a TableName),
    /// Another name is much like it.
    Misspelt { schema: &'a str, meant: &'a str },
}

impl fmt::Display for Remark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Other { name, what } => {
                write!(f, "{name} is {what}: only tables and sequences can be in a set.")
            }
            Remark::IsSequence(name) => {
                write!(f, "{name} is a sequence: add-seq, remove-seq and seqs are for those.")
            }
            Remark::IsTable(name) => {
                write!(f, "{name} is a table: add-table, remove-table and tables are for those.")
            }
            Remark::Misspelt { schema, meant } => write!(f, "Did you mean {schema}.{meant}?"),
        }
    }
}

/// `relkind` is that of the relation of this name, if there is one.
fn remark<'a>(
    name: &'a TableName,
    relkind: Option<&str>,
    working: &'a [TableName],
    kind: ObjectKind,
) -> Option<Remark<'a>> {
    let other = |what| Some(Remark::Other { name, what });
    match (relkind, kind) {
        (Some("v"), _) => other("a view"),
        (Some("m"), _) => other("a materialized view"),
        (Some("f"), _) => other("a foreign table"),
        (Some("i" | "I"), _) => other("an index"),
        (Some("c"), _) => other("a type"),
        (Some("S"), ObjectKind::Table) => Some(Remark::IsSequence(name)),
        (Some("r" | "p"), ObjectKind::Sequence) => Some(Remark::IsTable(name)),
        // It is what it should be, and not in the set.
        (Some(_), _) => None,
        (None, _) => {
            let same_schema = working.iter().filter(|known| known.schema() == name.schema());
            let meant = nearest(name.name(), same_schema.map(TableName::name))?;
            Some(Remark::Misspelt { schema: name.schema(), meant })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_is_instead() {
        use ObjectKind::{Sequence, Table};
        let working = ["public.users", "app.user_log"].map(TableName::new);
        let says = |name: &str, relkind, kind| {
            let name = TableName::new(name);
            remark(&name, relkind, &working, kind).map(|remark| remark.to_string())
        };
        let only = "only tables and sequences can be in a set.";
        assert_eq!(says("v", Some("v"), Table).unwrap(), format!("public.v is a view: {only}"));
        assert_eq!(
            says("v_pk", Some("i"), Sequence).unwrap(),
            format!("public.v_pk is an index: {only}")
        );
        assert!(
            says("s", Some("S"), Table).unwrap().starts_with("public.s is a sequence: add-seq,")
        );
        assert!(
            says("t", Some("p"), Sequence).unwrap().starts_with("public.t is a table: add-table,")
        );
        assert_eq!(says("user", None, Table).unwrap(), "Did you mean public.users?");
        assert_eq!(says("app.userlog", None, Table).unwrap(), "Did you mean app.user_log?");
        // In another schema, or there and only not in the set.
        assert_eq!(says("user_log", None, Table), None);
        assert_eq!(says("user", Some("r"), Table), None);
        assert_eq!(says("counter", Some("S"), Sequence), None);
    }
}
