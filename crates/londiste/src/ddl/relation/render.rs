//! The statements that create a table with all that belongs to it, and its partitions. Pure.

use pgq_client::name::TableName;
use pgq_client::text::quoting::{quote_ident, quote_literal};

use super::super::create::{self, Creation};
use super::super::load::Index;
use super::names::{Names, Unreadable};
use super::target::Target;
use super::{Relation, Sequence, Use, Value, columns, settings};

/// What to do, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// None of it may fail.
    pub creations: Vec<Creation>,
    /// What the table is the same without: rights, owner, compression. A failure is worth a warning.
    pub optional: Vec<Creation>,
    /// What is left out because this database lacks something, for the operator.
    pub warnings: Vec<String>,
    /// What he may want to know.
    pub notes: Vec<String>,
}

/// Plans the creation of a table and its partitions, the table first.
///
/// # Errors
/// When a definition is not understood.
pub fn plan(relations: &[Relation], names: &Names, target: &Target) -> Result<Plan, Unreadable> {
    let mut plan = Plan::default();
    plan.new_sequences(relations, names, target);
    for relation in relations {
        plan.table(relation, names, target);
    }
    for relation in relations {
        plan.checks(relation, names)?;
    }
    for relation in relations {
        plan.attach(relation, names);
    }
    for relation in relations {
        plan.keys_and_indexes(relation, names, target)?;
    }
    for relation in relations {
        plan.others(relation, names, target)?;
    }
    for relation in relations {
        plan.rights(relation, names, target);
    }
    Ok(plan)
}

impl Plan {
    fn add(&mut self, name: impl ToString, statements: Vec<String>) {
        if !statements.is_empty() {
            self.creations.push(Creation { name: name.to_string(), statements });
        }
    }

    /// Sequences that stand by themselves; those of identity columns come with the column.
    fn new_sequences(&mut self, relations: &[Relation], names: &Names, target: &Target) {
        let mut done: Vec<&TableName> = Vec::new();
        for sequence in relations.iter().flat_map(|relation| &relation.sequences) {
            let name = names.sequence(&sequence.name);
            if matches!(sequence.use_, Use::Identity(_)) || done.contains(&name) {
                continue;
            }
            done.push(name);
            if target.sequences.contains_key(name) {
                self.notes.push(format!("Sequence {name} already exist, not creating"));
            } else {
                self.add(name, columns::create_sequence(sequence, name));
                self.position_unknown(sequence, name);
            }
        }
    }

    fn table(&mut self, relation: &Relation, names: &Names, target: &Target) {
        let name = names.relation(relation.name());
        let table = name.quoted();
        let lines: Vec<String> = relation
            .columns
            .iter()
            .map(|column| {
                format!(
                    "{} {}",
                    quote_ident(&column.name),
                    columns::clause(relation, column, names)
                )
            })
            .collect();
        if relation.unlogged {
            self.warnings.push(format!(
                "table {name} is unlogged: a crash of this server empties it, and it still counts as in sync. To keep its rows: \
                 ALTER TABLE {table} SET LOGGED;"
            ));
        }
        let unlogged = if relation.unlogged { "UNLOGGED " } else { "" };
        let mut create =
            format!("CREATE {unlogged}TABLE {table} (\n    {}\n)", lines.join(",\n    "));
        if let Some(key) = &relation.partition_key {
            create.push_str(&format!("\n  PARTITION BY {key}"));
        }
        if let Some(method) = relation.access_method.as_ref() {
            create.push_str(&format!("\n  USING {}", quote_ident(method)));
        }
        if let Some(tablespace) = &relation.tablespace {
            if target.tablespaces.contains(tablespace) {
                create.push_str(&format!("\n  TABLESPACE {}", quote_ident(tablespace)));
            } else {
                self.warnings.push(format!(
                    "table {name} goes to the database's tablespace, \"{tablespace}\" does not exist here"
                ));
            }
        }
        create.push(';');
        let mut statements = vec![create];
        statements.extend(
            relation
                .settings
                .iter()
                .map(|setting| format!("ALTER TABLE ONLY {table}\n  {setting};")),
        );
        if let Some(comment) = &relation.comment {
            let text = quote_literal(Some(comment));
            statements.push(format!("COMMENT ON TABLE {table}\n  IS {text};"));
        }
        for column in &relation.columns {
            statements.extend(columns::settings(&table, column));
        }
        self.add(name, statements);
        if relation.force_row_security {
            self.force_row_security(&table, name, target);
        }
        if relation.foreign {
            self.warnings.push(format!(
                "{name} is a foreign table on the provider and an ordinary one here"
            ));
        }
        if !relation.parents.is_empty() {
            let parents: Vec<&str> = relation.parents.iter().map(TableName::as_str).collect();
            self.notes.push(format!(
                "{name} is a table of its own here, on the provider it belongs to {}",
                parents.join(", ")
            ));
        }
        for sequence in &relation.sequences {
            self.own_sequence(sequence, relation, names, target);
        }
        for column in &relation.columns {
            self.column(relation, column, names);
        }
    }

    fn column(&mut self, relation: &Relation, column: &super::Column, names: &Names) {
        let table = names.relation(relation.name()).quoted();
        if let Value::Default(expression) = &column.value {
            let default = names.default_of(relation, expression);
            self.add(
                &column.name,
                vec![format!(
                    "ALTER TABLE ONLY {table} ALTER COLUMN {}\n  SET DEFAULT {default};",
                    quote_ident(&column.name)
                )],
            );
        }
        let storage = columns::storage(&table, column);
        if !storage.is_empty() {
            self.optional.push(Creation { name: column.name.clone(), statements: storage });
        }
    }

    fn force_row_security(&mut self, table: &str, name: &TableName, target: &Target) {
        if target.bypasses_row_security {
            self.add(name, vec![format!("ALTER TABLE ONLY {table}\n  FORCE ROW LEVEL SECURITY;")]);
        } else {
            // The worker would not see all rows, and so miss changes.
            self.warnings.push(format!(
                "row security of {name} does not hold for its owner here: it would hold for londiste, too"
            ));
        }
    }

    /// It would give out numbers that the provider has given out.
    fn position_unknown(&mut self, sequence: &Sequence, name: &TableName) {
        if sequence.hidden {
            self.warnings.push(format!(
                "sequence {name} begins at its start here: londiste's role on the provider may not read {}, which takes SELECT \
                 and USAGE on it",
                sequence.name
            ));
        }
    }

    /// A sequence that belongs to a column of the table.
    fn own_sequence(
        &mut self,
        sequence: &Sequence,
        relation: &Relation,
        names: &Names,
        target: &Target,
    ) {
        let name = names.sequence(&sequence.name);
        match &sequence.use_ {
            Use::Mentioned => {}
            Use::Identity(_) => {
                self.position_unknown(sequence, name);
                self.add(name, columns::position(sequence, name).into_iter().collect());
            }
            Use::Owned(column) => {
                let table = names.relation(relation.name());
                if let Some(Some(owner)) = target.sequences.get(name) {
                    self.warnings.push(format!(
                        "sequence {name} stays with column {owner}, on the provider it belongs to {table}.{column}"
                    ));
                } else {
                    let owner = format!("{}.{}", table.quoted(), quote_ident(column));
                    self.add(
                        name,
                        vec![format!("ALTER SEQUENCE {}\n  OWNED BY {owner};", name.quoted())],
                    );
                }
            }
        }
    }

    /// Before partitions are attached: they must have the table's checks by then.
    fn checks(&mut self, relation: &Relation, names: &Names) -> Result<(), Unreadable> {
        let table = names.relation(relation.name());
        for constraint in relation.constraints.iter().filter(|found| found.index.is_none()) {
            let constraint = names.constraint_of(relation, constraint)?;
            self.creations.push(create::constraint(table, &constraint, ""));
        }
        Ok(())
    }

    fn attach(&mut self, relation: &Relation, names: &Names) {
        if let Some((of, bound)) = &relation.partition_of {
            let (of, name) = (names.relation(of).quoted(), names.relation(relation.name()));
            self.add(
                name,
                vec![format!(
                    "ALTER TABLE ONLY {of}\n  ATTACH PARTITION {} {bound};",
                    name.quoted()
                )],
            );
        }
    }

    fn keys_and_indexes(
        &mut self,
        relation: &Relation,
        names: &Names,
        target: &Target,
    ) -> Result<(), Unreadable> {
        let table = names.relation(relation.name());
        // Partitions have their own, which become parts of these.
        let only = if relation.partition_key.is_some() { "ONLY " } else { "" };
        for constraint in &relation.constraints {
            let mut constraint = names.constraint_of(relation, constraint)?;
            if let Some(index) = &mut constraint.index {
                self.only_where_it_exists(index, target);
                self.creations.push(create::constraint(table, &constraint, only));
            }
        }
        for index in &relation.indexes {
            let mut index = names.index_of(relation, index)?;
            self.only_where_it_exists(&mut index, target);
            self.creations.push(create::stand_alone_index(table, &index));
        }
        for (index, parent) in &relation.attached_indexes {
            let new = names.index(relation.name(), index);
            let part = format!("{}.{}", quote_ident(table.schema()), quote_ident(new));
            let parent_table = relation.partition_of.as_ref().map(|(of, _)| of);
            let Some(parent_table) = parent_table else { continue };
            let whole = format!(
                "{}.{}",
                quote_ident(names.relation(parent_table).schema()),
                quote_ident(names.index(parent_table, parent.name()))
            );
            self.add(new, vec![format!("ALTER INDEX {whole}\n  ATTACH PARTITION {part};")]);
        }
        Ok(())
    }

    fn only_where_it_exists(&mut self, index: &mut Index, target: &Target) {
        let missing = index.tablespace.take_if(|name| !target.tablespaces.contains(name));
        if let Some(tablespace) = missing {
            self.warnings.push(format!(
                "index {} goes to the database's tablespace, \"{tablespace}\" does not exist here",
                index.name
            ));
        }
    }

    fn others(
        &mut self,
        relation: &Relation,
        names: &Names,
        target: &Target,
    ) -> Result<(), Unreadable> {
        let table = names.relation(relation.name());
        for statistics in &relation.statistics {
            let name = names.statistics(&statistics.name);
            let quoted = name.quoted();
            let mut definition = names.target(relation, &statistics.definition, "FROM")?;
            if *name != statistics.name {
                definition = super::retarget::replace_name(&definition, "STATISTICS", &quoted)
                    .ok_or_else(|| Unreadable(definition.clone()))?;
            }
            let mut statements = vec![format!("{definition};")];
            statements.extend(
                statistics
                    .target
                    .map(|target| format!("ALTER STATISTICS {quoted}\n  SET STATISTICS {target};")),
            );
            statements.extend(statistics.comment.as_ref().map(|comment| {
                let text = quote_literal(Some(comment));
                format!("COMMENT ON STATISTICS {quoted}\n  IS {text};")
            }));
            self.add(name, statements);
        }
        for trigger in relation.triggers.iter().filter(|trigger| !trigger.of_londiste) {
            self.add(&trigger.name, settings::trigger(relation, trigger, names)?);
            if let Some(clause) =
                trigger.firing.clause().filter(|_| trigger.firing.on_a_node() != trigger.firing)
            {
                let name = quote_ident(&trigger.name);
                self.warnings.push(format!(
                    "trigger {} of {table} does not fire for replicated rows here, on the provider it would. If it shall: \
                     ALTER TABLE {} {clause} TRIGGER {name};",
                    trigger.name,
                    table.quoted()
                ));
            }
        }
        for rule in &relation.rules {
            self.add(&rule.name, settings::rule(relation, rule, names)?);
        }
        for policy in &relation.policies {
            for role in policy.roles.iter().filter(|role| !settings::exists(role, &target.roles)) {
                self.warnings.push(format!(
                    "policy \"{}\" of {table} is not for role \"{role}\", which does not exist here",
                    policy.name
                ));
            }
            self.add(&policy.name, settings::policy(relation, policy, names, &target.roles));
        }
        Ok(())
    }

    fn rights(&mut self, relation: &Relation, names: &Names, target: &Target) {
        let name = names.relation(relation.name());
        let table = name.quoted();
        let on_table = relation.grants.iter().map(|grant| (name, table.clone(), grant));
        let on_sequences = relation.sequences.iter().flat_map(|sequence| {
            let name = names.sequence(&sequence.name);
            let object = format!("SEQUENCE {}", name.quoted());
            let new = !target.sequences.contains_key(name);
            let grants = sequence.grants.iter().filter(move |_| new);
            grants.map(move |grant| (name, object.clone(), grant))
        });
        let mut missing: Vec<&str> = Vec::new();
        for (name, object, grant) in on_table.chain(on_sequences) {
            if settings::exists(&grant.role, &target.roles) {
                self.optional.push(Creation {
                    name: name.to_string(),
                    statements: vec![settings::grant(&object, grant)],
                });
            } else if !missing.contains(&&*grant.role) {
                missing.push(&grant.role);
                self.warnings.push(format!(
                    "rights of role \"{}\" on {name} are left out, it does not exist here",
                    grant.role
                ));
            }
        }
        if settings::exists(&relation.owner, &target.roles) {
            let owner = quote_ident(&relation.owner);
            let mut statements = vec![format!("ALTER TABLE {table}\n  OWNER TO {owner};")];
            statements.extend(relation.statistics.iter().map(|statistics| {
                let name = names.statistics(&statistics.name).quoted();
                format!("ALTER STATISTICS {name}\n  OWNER TO {owner};")
            }));
            self.optional.push(Creation { name: "Owner".to_owned(), statements });
        } else {
            self.warnings.push(format!(
                "{name} does not belong to role \"{}\", which does not exist here",
                relation.owner
            ));
        }
    }
}

#[cfg(test)]
mod tests;
