//! The names that a table and what belongs to it have in the other database. Pure.

use std::collections::HashMap;

use pgq_client::name::TableName;
use pgq_client::text::quoting::quote_ident;

use super::super::load::{Constraint, Index};
use super::Relation;
use super::retarget::{replace_name, replace_qualifier};

/// New names by old ones; what is not listed keeps its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The table and its partitions.
    pub relations: HashMap<TableName, TableName>,
    /// Sequences.
    pub sequences: HashMap<TableName, TableName>,
    /// Indexes, and the constraints in front of them; the schema is the table's.
    pub indexes: HashMap<TableName, String>,
    /// Extended statistics.
    pub statistics: HashMap<TableName, TableName>,
    /// Tables that foreign keys point to.
    pub referenced: HashMap<TableName, TableName>,
}

/// A definition of the server's that does not look as expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot tell which table this is about: {0}")]
pub struct Unreadable(pub String);

impl Names {
    /// A table's or partition's new name.
    pub fn relation<'a>(&'a self, name: &'a TableName) -> &'a TableName {
        self.relations.get(name).unwrap_or(name)
    }

    /// A sequence's new name.
    pub fn sequence<'a>(&'a self, name: &'a TableName) -> &'a TableName {
        self.sequences.get(name).unwrap_or(name)
    }

    /// Extended statistics' new name.
    pub fn statistics<'a>(&'a self, name: &'a TableName) -> &'a TableName {
        self.statistics.get(name).unwrap_or(name)
    }

    /// The new name of a table that a foreign key points to.
    pub fn referenced<'a>(&'a self, name: &'a TableName) -> &'a TableName {
        self.relations.get(name).or_else(|| self.referenced.get(name)).unwrap_or(name)
    }

    /// The new name of an index of the table, unqualified.
    pub fn index<'a>(&'a self, table: &TableName, index: &'a str) -> &'a str {
        let key = TableName::new(&format!("{}.{index}", table.schema()));
        self.indexes.get(&key).map_or(index, String::as_str)
    }

    /// An expression of the table, as it is for the new one.
    pub fn expression(&self, relation: &Relation, expression: &str) -> String {
        let (old, new) = (relation.name(), self.relation(relation.name()));
        if old.name() == new.name() {
            return expression.to_owned();
        }
        let columns = relation.column_names();
        replace_qualifier(expression, old.name(), &columns, &quote_ident(new.name()))
    }

    /// A default: sequences have their new names.
    pub fn default_of(&self, relation: &Relation, expression: &str) -> String {
        let mut expression = expression.to_owned();
        for sequence in &relation.sequences {
            let new = self.sequence(&sequence.name);
            if *new != sequence.name {
                expression = expression.replace(&nextval(&sequence.name), &nextval(new));
            }
        }
        expression
    }

    /// A definition with the table behind `keyword` exchanged.
    ///
    /// # Errors
    /// When there is none.
    pub fn target(
        &self,
        relation: &Relation,
        definition: &str,
        keyword: &str,
    ) -> Result<String, Unreadable> {
        let new = self.relation(relation.name());
        if new == relation.name() {
            return Ok(definition.to_owned());
        }
        replace_name(definition, keyword, &new.quoted())
            .ok_or_else(|| Unreadable(definition.to_owned()))
    }

    /// An index of the new table.
    ///
    /// # Errors
    /// When its definition is not understood.
    pub fn index_of(&self, relation: &Relation, index: &Index) -> Result<Index, Unreadable> {
        let name = self.index(relation.name(), &index.name);
        let mut definition = self.target(relation, &index.definition, "ON")?;
        if name != index.name {
            definition = replace_name(&definition, "INDEX", &quote_ident(name))
                .ok_or_else(|| Unreadable(definition.clone()))?;
        }
        definition = self.expression(relation, &definition);
        Ok(Index { name: name.to_owned(), definition, ..index.clone() })
    }

    /// A constraint of the new table.
    ///
    /// # Errors
    /// When the definition of its index is not understood.
    pub fn constraint_of(
        &self,
        relation: &Relation,
        constraint: &Constraint,
    ) -> Result<Constraint, Unreadable> {
        let index = constraint.index.as_ref();
        let index = index.map(|index| self.index_of(relation, index)).transpose()?;
        Ok(Constraint {
            name: index.as_ref().map_or(&constraint.name, |index| &index.name).clone(),
            definition: self.expression(relation, &constraint.definition),
            index,
            ..constraint.clone()
        })
    }
}

/// How a default says that it takes the sequence's next value.
pub fn nextval(sequence: &TableName) -> String {
    let name = pgq_client::text::quoting::quote_literal(Some(&sequence.quoted()));
    format!("nextval({name}::regclass)")
}

#[cfg(test)]
mod tests {
    use super::super::Sequence;
    use super::*;

    fn relation() -> Relation {
        let sequence = |name: &str, use_| Sequence {
            name: TableName::new(name),
            use_,
            kind: "bigint".to_owned(),
            options: String::new(),
            last_value: None,
            hidden: false,
            comment: None,
            grants: Vec::new(),
        };
        Relation {
            name: Some(TableName::new("public.t")),
            columns: vec![super::super::Column { name: "a".to_owned(), ..Default::default() }],
            sequences: vec![
                sequence("public.t_a_seq", super::super::Use::Owned("a".to_owned())),
                sequence("public.shared", super::super::Use::Mentioned),
            ],
            ..Relation::default()
        }
    }

    fn renamed() -> Names {
        let mut names = Names::default();
        let name = TableName::new;
        names.relations.insert(name("public.t"), name("other.T 2"));
        names.sequences.insert(name("public.t_a_seq"), name("other.t_a_seq_1"));
        names.indexes.insert(name("public.t_pkey"), "t_pkey_1".to_owned());
        names
    }

    #[test]
    fn an_index_goes_to_the_new_table_under_its_new_name() {
        let index = Index {
            name: "t_pkey".to_owned(),
            definition:
                "CREATE UNIQUE INDEX t_pkey ON public.t USING btree (a) WHERE (t.* IS NOT NULL)"
                    .to_owned(),
            ..Index::default()
        };
        let new = renamed().index_of(&relation(), &index).unwrap();
        assert_eq!(new.name, "t_pkey_1");
        assert_eq!(
            new.definition,
            r#"CREATE UNIQUE INDEX t_pkey_1 ON other."T 2" USING btree (a) WHERE ("T 2".* IS NOT NULL)"#
        );
        assert_eq!(Names::default().index_of(&relation(), &index).unwrap(), index);
    }

    #[test]
    fn defaults_take_the_new_sequence() {
        let default = "nextval('public.t_a_seq'::regclass)";
        assert_eq!(
            renamed().default_of(&relation(), default),
            "nextval('other.t_a_seq_1'::regclass)"
        );
        let shared = "nextval('public.shared'::regclass)";
        assert_eq!(renamed().default_of(&relation(), shared), shared);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let error = renamed().target(&relation(), "CREATE NONSENSE", "ON").unwrap_err();
        assert_eq!(error.to_string(), "cannot tell which table this is about: CREATE NONSENSE");
    }
}
