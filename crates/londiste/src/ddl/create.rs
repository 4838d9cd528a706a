//! The statements that bring a table's structure back.

use std::fmt::Write as _;

use pgq_client::name::TableName;
use pgq_client::text::quoting::{quote_ident, quote_literal};

use super::load::{Constraint, Index, Structure};

/// An object to be created: its name for the log, and its statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// `mytable_pkey`, `public.mytable_idx`, ...
    pub name: String,
    /// To be run in this order; each ends with a semicolon.
    pub statements: Vec<String>,
}

/// Everything that [`super::drop::drops`] takes away.
pub fn creations(structure: &Structure) -> Vec<Creation> {
    let table = &structure.table;
    let constraints = structure.constraints.iter().map(|c| constraint(table, c, ""));
    let indexes = structure.indexes.iter().map(|i| stand_alone_index(table, i));
    let parents = structure.parents.iter().map(|parent| Creation {
        name: table.to_string(),
        statements: vec![format!("ALTER TABLE ONLY {}\n  INHERIT {parent};", table.quoted())],
    });
    constraints.chain(indexes).chain(parents).collect()
}

/// The same as one script, for `londiste.table_info.dropped_ddl`.
///
/// Primary and unique keys are made of an index there: indexes can be made side by side, see [`super::indexes`].
pub fn script(structure: &Structure) -> String {
    let table = &structure.table;
    let constraints = structure.constraints.iter().map(|constraint| {
        key_of_index(table, constraint).unwrap_or_else(|| self::constraint(table, constraint, ""))
    });
    let others = creations(structure).into_iter().skip(structure.constraints.len());
    let statements: Vec<String> =
        constraints.chain(others).flat_map(|creation| creation.statements).collect();
    statements.join("\n")
}

/// A primary or unique key by way of its index; `None` for what cannot be made so.
fn key_of_index(table: &TableName, constraint: &Constraint) -> Option<Creation> {
    let index = constraint.index.as_ref().filter(|index| index.name == constraint.name)?;
    let kind = ["PRIMARY KEY", "UNIQUE"]
        .into_iter()
        .find(|kind| constraint.options_missing && constraint.definition.starts_with(kind))?;
    let head = format!(" ON {} USING btree ", table.quoted());
    if !index.definition.starts_with("CREATE UNIQUE INDEX ") || !index.definition.contains(&head) {
        return None;
    }
    let (quoted, name) = (table.quoted(), quote_ident(&constraint.name));
    let mut statements = stand_alone_index(table, index).statements;
    let settings = index_settings(table, index).len();
    // What is said of the index (that the table is clustered on it, say) may need the key.
    let at = statements.len() - settings;
    let deferral = &constraint.deferral;
    statements.insert(
        at,
        format!(
            "ALTER TABLE {quoted} ADD CONSTRAINT {name}\n  {kind} USING INDEX {name}{deferral};"
        ),
    );
    statements.extend(constraint_comment(table, constraint));
    Some(Creation { name: constraint.name.clone(), statements })
}

fn constraint_comment(table: &TableName, constraint: &Constraint) -> Option<String> {
    let (quoted, name) = (table.quoted(), quote_ident(&constraint.name));
    constraint.comment.as_ref().map(|comment| {
        let text = quote_literal(Some(comment));
        format!("COMMENT ON CONSTRAINT {name} ON {quoted}\n  IS {text};")
    })
}

/// A constraint; `only` is `ONLY ` for those that do not go to partitions.
pub(super) fn constraint(table: &TableName, constraint: &Constraint, only: &str) -> Creation {
    let (quoted, name) = (table.quoted(), quote_ident(&constraint.name));
    let mut add = format!("ALTER TABLE {only}{quoted} ADD CONSTRAINT {name}\n  ");
    let options = constraint.index.as_ref().and_then(|index| index.options.as_deref());
    match options.filter(|_| constraint.options_missing) {
        None => add.push_str(&constraint.definition),
        Some(options) => {
            // They stand before the words about deferral.
            let core = constraint
                .definition
                .strip_suffix(&constraint.deferral)
                .unwrap_or(&constraint.definition);
            write!(add, "{core} WITH ({options}){}", constraint.deferral).expect("a string grows");
        }
    }
    add.push(';');
    let mut statements = vec![add];
    if let Some(index) = &constraint.index {
        statements = in_tablespace(index, statements);
        statements.extend(index_settings(table, index));
    }
    statements.extend(constraint_comment(table, constraint));
    Creation { name: constraint.name.clone(), statements }
}

/// An index without a constraint.
pub(super) fn stand_alone_index(table: &TableName, index: &Index) -> Creation {
    // The index's name may contain the word, so look behind the table's.
    let head = format!(" ON {} USING ", table.quoted());
    let create = match index.definition.split_once(&head) {
        Some((before, after)) => format!("{before} ON {}\n  USING {after};", table.quoted()),
        None => format!("{};", index.definition),
    };
    let mut statements = in_tablespace(index, vec![create]);
    statements.extend(index_settings(table, index));
    Creation { name: format!("{}.{}", table.schema(), index.name), statements }
}

/// No definition names the tablespace; the setting goes for all of them.
fn in_tablespace(index: &Index, mut statements: Vec<String>) -> Vec<String> {
    if let Some(tablespace) = &index.tablespace {
        let name = quote_literal(Some(tablespace));
        statements.insert(0, format!("SET LOCAL default_tablespace = {name};"));
        statements.push("SET LOCAL default_tablespace = '';".to_owned());
    }
    statements
}

/// What a definition does not say about an index.
fn index_settings(table: &TableName, index: &Index) -> Vec<String> {
    let (quoted, name) = (table.quoted(), quote_ident(&index.name));
    let full = format!("{}.{name}", quote_ident(table.schema()));
    let mut statements: Vec<String> = index
        .statistics
        .iter()
        .map(|(column, target)| {
            format!("ALTER INDEX {full}\n  ALTER COLUMN {column} SET STATISTICS {target};")
        })
        .collect();
    if let Some(comment) = &index.comment {
        let text = quote_literal(Some(comment));
        statements.push(format!("COMMENT ON INDEX {full}\n  IS {text};"));
    }
    if index.clustered {
        statements.push(format!("ALTER TABLE ONLY {quoted}\n  CLUSTER ON {name};"));
    }
    if index.replica_identity {
        statements
            .push(format!("ALTER TABLE ONLY {quoted}\n  REPLICA IDENTITY USING INDEX {name};"));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableName {
        TableName::new("public.mytable")
    }

    fn key(definition: &str, deferral: &str, index: Index) -> Constraint {
        Constraint {
            name: index.name.clone(),
            definition: format!("{definition}{deferral}"),
            deferral: deferral.to_owned(),
            options_missing: true,
            index: Some(index),
            comment: None,
        }
    }

    fn named(name: &str) -> Index {
        Index { name: name.to_owned(), ..Index::default() }
    }

    fn rendered(constraints: Vec<Constraint>, indexes: Vec<Index>, parents: &[&str]) -> String {
        let parents = parents.iter().map(|&parent| parent.to_owned()).collect();
        script(&Structure { table: table(), constraints, indexes, parents })
    }

    #[test]
    fn a_plain_primary_key_is_one_statement() {
        let constraint = key("PRIMARY KEY (id)", "", named("mytable_pkey"));
        let creation = &creations(&Structure {
            table: table(),
            constraints: vec![constraint],
            indexes: Vec::new(),
            parents: Vec::new(),
        })[0];
        assert_eq!(creation.name, "mytable_pkey");
        assert_eq!(
            creation.statements,
            ["ALTER TABLE public.mytable ADD CONSTRAINT mytable_pkey\n  PRIMARY KEY (id);"]
        );
    }

    #[test]
    fn storage_parameters_stand_before_the_deferral() {
        let index = Index { options: Some("fillfactor='70'".to_owned()), ..named("k") };
        insta::assert_snapshot!(
            rendered(
                vec![key(
                    "UNIQUE (a) INCLUDE (b)",
                    " DEFERRABLE INITIALLY DEFERRED",
                    index
                )],
                Vec::new(),
                &[]
            ),
            @"
        ALTER TABLE public.mytable ADD CONSTRAINT k
          UNIQUE (a) INCLUDE (b) WITH (fillfactor='70') DEFERRABLE INITIALLY DEFERRED;
        "
        );
    }

    #[test]
    fn everything_a_definition_leaves_out_follows_it() {
        let index = Index {
            tablespace: Some("fast".to_owned()),
            comment: Some("it's the key".to_owned()),
            clustered: true,
            replica_identity: true,
            ..named("My key")
        };
        let mut constraint = key("PRIMARY KEY (id)", "", index);
        constraint.comment = Some("why".to_owned());
        insta::assert_snapshot!(rendered(vec![constraint], Vec::new(), &[]), @r#"
        SET LOCAL default_tablespace = 'fast';
        ALTER TABLE public.mytable ADD CONSTRAINT "My key"
          PRIMARY KEY (id);
        SET LOCAL default_tablespace = '';
        COMMENT ON INDEX public."My key"
          IS 'it''s the key';
        ALTER TABLE ONLY public.mytable
          CLUSTER ON "My key";
        ALTER TABLE ONLY public.mytable
          REPLICA IDENTITY USING INDEX "My key";
        COMMENT ON CONSTRAINT "My key" ON public.mytable
          IS 'why';
        "#);
    }

    #[test]
    fn an_index_breaks_before_using_even_if_its_name_has_the_word() {
        let index = Index {
            definition: r#"CREATE INDEX "a USING b" ON public.mytable USING btree (lower(t)) WHERE (t <> ''::text)"#
                .to_owned(),
            statistics: vec![(1, 500)],
            ..named("a USING b")
        };
        insta::assert_snapshot!(rendered(Vec::new(), vec![index], &["public.parent"]), @r#"
        CREATE INDEX "a USING b" ON public.mytable
          USING btree (lower(t)) WHERE (t <> ''::text);
        ALTER INDEX public."a USING b"
          ALTER COLUMN 1 SET STATISTICS 500;
        ALTER TABLE ONLY public.mytable
          INHERIT public.parent;
        "#);
    }

    #[test]
    fn a_stored_key_is_made_of_its_index() {
        let definition = "CREATE UNIQUE INDEX k ON public.mytable USING btree (a) INCLUDE (b)";
        let index = Index {
            definition: definition.to_owned(),
            tablespace: Some("fast".to_owned()),
            comment: Some("why".to_owned()),
            clustered: true,
            ..named("k")
        };
        let mut constraint = key("UNIQUE (a) INCLUDE (b)", " DEFERRABLE INITIALLY DEFERRED", index);
        constraint.comment = Some("key".to_owned());
        insta::assert_snapshot!(rendered(vec![constraint], Vec::new(), &[]), @"
        SET LOCAL default_tablespace = 'fast';
        CREATE UNIQUE INDEX k ON public.mytable
          USING btree (a) INCLUDE (b);
        SET LOCAL default_tablespace = '';
        ALTER TABLE public.mytable ADD CONSTRAINT k
          UNIQUE USING INDEX k DEFERRABLE INITIALLY DEFERRED;
        COMMENT ON INDEX public.k
          IS 'why';
        ALTER TABLE ONLY public.mytable
          CLUSTER ON k;
        COMMENT ON CONSTRAINT k ON public.mytable
          IS 'key';
        ");
    }
}
