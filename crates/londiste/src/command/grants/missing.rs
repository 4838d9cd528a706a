//! From what a role may do to the statements that give it the rest. Pure.

use indexmap::IndexSet;
use pgq_client::name::TableName;
use pgq_client::text::quoting::{quote_ident, quote_literal};
use tokio_postgres::{Error, Row};

/// The roles of the schemas, each after those whose member it is.
pub(super) const GROUPS: [(&str, &[&str]); 5] = [
    ("pgq_reader", &[]),
    ("pgq_writer", &[]),
    ("pgq_admin", &["pgq_reader", "pgq_writer"]),
    ("londiste_reader", &["pgq_reader"]),
    ("londiste_writer", &["pgq_admin"]),
];

/// What a role may do in its database.
#[derive(Debug, Clone)]
pub(super) struct Rights {
    pub(super) role: String,
    pub(super) database: String,
    pub(super) superuser: bool,
    pub(super) creates_roles: bool,
    pub(super) creates_schemas: bool,
    /// The server can grant rights on parameters: PostgreSQL 15 and later.
    pub(super) parameter_rights: bool,
    /// It is a member of `londiste_writer`.
    pub(super) writer: bool,
    /// Whom `londiste.set_session_replication_role` belongs to, where it exists.
    pub(super) switch_owner: Option<String>,
    /// That owner, or else the role itself, may set the parameter.
    pub(super) may_switch: bool,
    pub(super) schemas: Schemas,
    /// Those of [`GROUPS`] that exist.
    pub(super) existing: Vec<String>,
    /// Those of [`GROUPS`] that are members as they should be.
    pub(super) memberships: Vec<(&'static str, &'static str)>,
    /// Tables may be filled here, so their indexes are dropped and made again: anything but a root.
    pub(super) makes_indexes: bool,
    pub(super) objects: Vec<Object>,
}

/// The four schemas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schemas {
    /// At least one has to be created.
    pub(super) missing: bool,
    /// At least one belongs to another role.
    pub(super) strangers: bool,
}

/// A table or sequence to be replicated.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) name: TableName,
    pub(super) schema: String,
    pub(super) sequence: bool,
    pub(super) owner: String,
    pub(super) of_superuser: bool,
    /// The role may do with it all that replication does.
    pub(super) sufficient: bool,
    /// The role may use what is in its schema.
    pub(super) usage: bool,
    /// The role may create something in its schema.
    pub(super) makes_indexes: bool,
}

impl Object {
    /// A row of `objects.sql`.
    pub(super) fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            name: TableName::new(row.try_get("name")?),
            schema: row.try_get("schema")?,
            sequence: row.try_get("sequence")?,
            owner: row.try_get("owner")?,
            of_superuser: row.try_get("of_superuser")?,
            sufficient: row.try_get("sufficient")?,
            usage: row.try_get("usage")?,
            makes_indexes: row.try_get("makes_indexes")?,
        })
    }
}

/// What an administrator has to run, in order; running it twice does no harm.
pub(super) fn statements(rights: &Rights) -> Vec<String> {
    if rights.superuser {
        return Vec::new();
    }
    // A set, because tables share owners and schemas.
    let mut found = IndexSet::new();
    groups(rights, &mut found);
    let role = quote_ident(&rights.role);
    if rights.schemas.missing && !rights.creates_schemas {
        let database = quote_ident(&rights.database);
        found.insert(format!("GRANT CREATE ON DATABASE {database} TO {role};"));
    }
    if rights.schemas.strangers && !rights.writer {
        found.insert(format!("GRANT londiste_writer TO {role};"));
    }
    found.extend(switch(rights));
    for object in &rights.objects {
        of_object(rights, object, &mut found);
    }
    found.into_iter().collect()
}

/// The roles and who is member of whom.
fn groups(rights: &Rights, found: &mut IndexSet<String>) {
    // The first installation makes all of them, if it may.
    if rights.existing.is_empty() && rights.creates_roles {
        return;
    }
    for (role, of) in GROUPS {
        if !rights.existing.iter().any(|existing| existing == role) {
            let name = quote_literal(Some(role));
            found.insert(format!(
                "DO $$ BEGIN IF pg_catalog.to_regrole({name}) IS NULL THEN CREATE ROLE {role}; END IF; END $$;"
            ));
        }
        for group in of.iter().filter(|group| !rights.memberships.contains(&(role, group))) {
            found.insert(format!("GRANT {group} TO {role};"));
        }
    }
}

/// Changes are applied with `session_replication_role = replica`, set by a function with the rights of its owner.
fn switch(rights: &Rights) -> Vec<String> {
    const FUNCTION: &str = "FUNCTION londiste.set_session_replication_role(text, boolean)";
    if rights.may_switch {
        return Vec::new();
    }
    let role = quote_ident(&rights.role);
    match (&rights.switch_owner, rights.parameter_rights) {
        (owner, true) => {
            let owner = owner.as_deref().map_or(role, quote_ident);
            vec![format!("GRANT SET ON PARAMETER session_replication_role TO {owner};")]
        }
        // The right to call it went with the function.
        (Some(_), false) => vec![
            format!("ALTER {FUNCTION} OWNER TO CURRENT_USER;"),
            format!("GRANT EXECUTE ON {FUNCTION} TO {role};"),
        ],
        (None, false) => vec![
            "-- Before PostgreSQL 15 only a superuser sets session_replication_role: run this command again after create-*."
                .to_owned(),
        ],
    }
}

/// Triggers, indexes and keys of a table can be dropped by its owner only.
fn of_object(rights: &Rights, object: &Object, found: &mut IndexSet<String>) {
    let (role, schema) = (quote_ident(&rights.role), quote_ident(&object.schema));
    if !object.usage {
        found.insert(format!("GRANT USAGE ON SCHEMA {schema} TO {role};"));
    }
    if rights.makes_indexes && !object.sequence && !object.makes_indexes {
        found.insert(format!("GRANT CREATE ON SCHEMA {schema} TO {role};"));
    }
    if object.sufficient {
        return;
    }
    let name = object.name.quoted();
    found.insert(if object.sequence {
        format!("GRANT SELECT, UPDATE ON SEQUENCE {name} TO {role};")
    } else if object.of_superuser {
        // Membership in a superuser's role would be a right to everything.
        format!("ALTER TABLE {name} OWNER TO {role};")
    } else {
        format!("GRANT {} TO {role};", quote_ident(&object.owner))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A role that may do everything, on a server with all roles.
    fn sufficient() -> Rights {
        Rights {
            role: "Repl".to_owned(),
            database: "shop".to_owned(),
            superuser: false,
            creates_roles: false,
            creates_schemas: true,
            parameter_rights: true,
            writer: false,
            switch_owner: None,
            may_switch: true,
            schemas: Schemas { missing: true, strangers: false },
            existing: GROUPS.map(|(role, _)| role.to_owned()).to_vec(),
            memberships: GROUPS
                .iter()
                .flat_map(|(role, of)| of.iter().map(|group| (*role, *group)))
                .collect(),
            makes_indexes: true,
            objects: Vec::new(),
        }
    }

    fn table(owner: &str, edit: impl FnOnce(&mut Object)) -> Object {
        let mut object = Object {
            name: TableName::new("app.Orders"),
            schema: "app".to_owned(),
            sequence: false,
            owner: owner.to_owned(),
            of_superuser: false,
            sufficient: false,
            usage: true,
            makes_indexes: true,
        };
        edit(&mut object);
        object
    }

    #[track_caller]
    fn gives(edit: impl FnOnce(&mut Rights), expected: &[&str]) {
        let mut rights = sufficient();
        edit(&mut rights);
        assert_eq!(statements(&rights), expected);
    }

    #[test]
    fn nothing_is_missing() {
        gives(|_| (), &[]);
        gives(
            |r| {
                (r.superuser, r.creates_schemas, r.may_switch) = (true, false, false);
                r.existing.clear();
            },
            &[],
        );
        // Who may create roles needs none.
        gives(
            |r| {
                r.creates_roles = true;
                r.existing.clear();
                r.memberships.clear();
            },
            &[],
        );
    }

    #[test]
    fn roles_come_before_their_members() {
        gives(
            |r| {
                r.existing.retain(|role| !role.starts_with("londiste"));
                r.memberships.retain(|(role, _)| !role.starts_with("londiste"));
            },
            &[
                "DO $$ BEGIN IF pg_catalog.to_regrole('londiste_reader') IS NULL THEN CREATE ROLE londiste_reader; END IF; END $$;",
                "GRANT pgq_reader TO londiste_reader;",
                "DO $$ BEGIN IF pg_catalog.to_regrole('londiste_writer') IS NULL THEN CREATE ROLE londiste_writer; END IF; END $$;",
                "GRANT pgq_admin TO londiste_writer;",
            ],
        );
    }

    #[test]
    fn schemas_are_created_or_used() {
        gives(|r| r.creates_schemas = false, &["GRANT CREATE ON DATABASE shop TO \"Repl\";"]);
        gives(
            |r| {
                (r.creates_schemas, r.schemas) =
                    (false, Schemas { missing: false, strangers: true });
            },
            &["GRANT londiste_writer TO \"Repl\";"],
        );
        gives(|r| (r.writer, r.schemas) = (true, Schemas { missing: false, strangers: true }), &[]);
    }

    #[test]
    fn the_parameter_is_the_function_owners() {
        gives(
            |r| r.may_switch = false,
            &["GRANT SET ON PARAMETER session_replication_role TO \"Repl\";"],
        );
        gives(
            |r| (r.may_switch, r.switch_owner) = (false, Some("dba".to_owned())),
            &["GRANT SET ON PARAMETER session_replication_role TO dba;"],
        );
        gives(
            |r| {
                (r.may_switch, r.parameter_rights, r.switch_owner) =
                    (false, false, Some("Repl".to_owned()));
            },
            &[
                "ALTER FUNCTION londiste.set_session_replication_role(text, boolean) OWNER TO CURRENT_USER;",
                "GRANT EXECUTE ON FUNCTION londiste.set_session_replication_role(text, boolean) TO \"Repl\";",
            ],
        );
    }

    #[test]
    fn tables_are_handled_as_their_owner() {
        let two = || vec![table("shop owner", |_| ()), table("shop owner", |t| t.usage = false)];
        gives(
            |r| r.objects = two(),
            &["GRANT \"shop owner\" TO \"Repl\";", "GRANT USAGE ON SCHEMA app TO \"Repl\";"],
        );
        gives(
            |r| r.objects = vec![table("postgres", |t| t.of_superuser = true)],
            &["ALTER TABLE app.\"Orders\" OWNER TO \"Repl\";"],
        );
        gives(
            |r| r.objects = vec![table("x", |s| s.sequence = true)],
            &["GRANT SELECT, UPDATE ON SEQUENCE app.\"Orders\" TO \"Repl\";"],
        );
    }

    #[test]
    fn only_where_tables_are_filled_are_indexes_made() {
        let object = || vec![table("x", |t| (t.sufficient, t.makes_indexes) = (true, false))];
        gives(|r| r.objects = object(), &["GRANT CREATE ON SCHEMA app TO \"Repl\";"]);
        gives(|r| (r.makes_indexes, r.objects) = (false, object()), &[]);
    }
}
