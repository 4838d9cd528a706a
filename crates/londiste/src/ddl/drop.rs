//! The statements that take a table's structure away for a copy.

use pgq_client::text::quoting::quote_ident;

use super::load::Structure;

/// An object to be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    /// Its name for the log.
    pub name: String,
    /// The statement.
    pub statement: String,
}

/// Drops everything in the structure, in reverse order of [`super::create::creations`].
pub fn drops(structure: &Structure) -> Vec<Drop> {
    let table = structure.table.quoted();
    let parents = structure.parents.iter().map(|parent| Drop {
        name: structure.table.to_string(),
        statement: format!("ALTER TABLE ONLY {table}\n  NO INHERIT {parent};"),
    });
    let schema = structure.table.schema();
    let indexes = structure.indexes.iter().map(|index| Drop {
        name: format!("{schema}.{}", index.name),
        statement: format!("DROP INDEX {}.{};", quote_ident(schema), quote_ident(&index.name)),
    });
    let constraints = structure.constraints.iter().map(|constraint| Drop {
        name: constraint.name.clone(),
        statement: format!(
            "ALTER TABLE ONLY {table}\n  DROP CONSTRAINT {};",
            quote_ident(&constraint.name)
        ),
    });
    parents.rev().chain(indexes.rev()).chain(constraints.rev()).collect()
}

#[cfg(test)]
mod tests {
    use pgq_client::name::TableName;

    use super::super::load::{Constraint, Index};
    use super::*;

    #[test]
    fn parents_go_first_and_constraints_last() {
        let constraint = |name: &str| Constraint {
            name: name.to_owned(),
            definition: "CHECK ((a > 0))".to_owned(),
            deferral: String::new(),
            options_missing: false,
            index: None,
            comment: None,
        };
        let structure = Structure {
            table: TableName::new("Odd.t"),
            constraints: vec![constraint("c1"), constraint("C2")],
            indexes: vec![Index { name: "i".to_owned(), ..Index::default() }],
            parents: vec!["public.parent".to_owned()],
        };
        let drops = drops(&structure);
        let names: Vec<&str> = drops.iter().map(|drop| drop.name.as_str()).collect();
        assert_eq!(names, ["Odd.t", "Odd.i", "C2", "c1"]);
        let statements: Vec<&str> = drops.iter().map(|drop| drop.statement.as_str()).collect();
        assert_eq!(
            statements,
            [
                "ALTER TABLE ONLY \"Odd\".t\n  NO INHERIT public.parent;",
                "DROP INDEX \"Odd\".i;",
                "ALTER TABLE ONLY \"Odd\".t\n  DROP CONSTRAINT \"C2\";",
                "ALTER TABLE ONLY \"Odd\".t\n  DROP CONSTRAINT c1;",
            ]
        );
    }
}
