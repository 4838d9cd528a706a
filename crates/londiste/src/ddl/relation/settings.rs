//! Triggers, rules, policies and rights as SQL. Pure.

use std::collections::HashSet;

use pgq_client::text::quoting::{quote_ident, quote_literal};

use super::names::{Names, Unreadable};
use super::{Grant, Policy, Relation, Rule, Trigger};

/// A trigger of the new table, which never fires when rows are replayed.
///
/// # Errors
/// When its definition is not understood.
pub fn trigger(
    relation: &Relation,
    trigger: &Trigger,
    names: &Names,
) -> Result<Vec<String>, Unreadable> {
    let table = names.relation(relation.name()).quoted();
    let name = quote_ident(&trigger.name);
    let definition = names.target(relation, &trigger.definition, "ON")?;
    let create = match definition.split_once(" FOR EACH ") {
        Some((before, after)) => format!("{before}\n  FOR EACH {after};"),
        None => format!("{definition};"),
    };
    let mut statements = vec![create];
    statements.extend(
        trigger
            .firing
            .on_a_node()
            .clause()
            .map(|clause| format!("ALTER TABLE {table}\n  {clause} TRIGGER {name};")),
    );
    statements.extend(trigger.comment.as_ref().map(|comment| {
        let text = quote_literal(Some(comment));
        format!("COMMENT ON TRIGGER {name} ON {table}\n  IS {text};")
    }));
    Ok(statements)
}

/// A rule of the new table.
///
/// # Errors
/// When its definition is not understood.
pub fn rule(relation: &Relation, rule: &Rule, names: &Names) -> Result<Vec<String>, Unreadable> {
    let table = names.relation(relation.name()).quoted();
    let name = quote_ident(&rule.name);
    let mut statements = vec![names.target(relation, &rule.definition, "TO")?];
    statements.extend(
        rule.firing.clause().map(|clause| format!("ALTER TABLE {table}\n  {clause} RULE {name};")),
    );
    statements.extend(rule.comment.as_ref().map(|comment| {
        let text = quote_literal(Some(comment));
        format!("COMMENT ON RULE {name} ON {table}\n  IS {text};")
    }));
    Ok(statements)
}

/// A policy of the new table, for those of its roles that exist; nothing when none does.
pub fn policy(
    relation: &Relation,
    policy: &Policy,
    names: &Names,
    roles: &HashSet<String>,
) -> Vec<String> {
    let table = names.relation(relation.name()).quoted();
    let name = quote_ident(&policy.name);
    let here: Vec<String> =
        policy.roles.iter().filter(|role| exists(role, roles)).map(|role| grantee(role)).collect();
    if here.is_empty() {
        return Vec::new();
    }
    let mut create =
        format!("CREATE POLICY {name} ON {table}\n  {} TO {}", policy.head, here.join(", "));
    for (word, expression) in [("USING", &policy.using), ("WITH CHECK", &policy.check)] {
        if let Some(expression) = expression {
            create.push_str(&format!("\n  {word} ({})", names.expression(relation, expression)));
        }
    }
    create.push(';');
    let comment = policy.comment.as_ref().map(|comment| {
        let text = quote_literal(Some(comment));
        format!("COMMENT ON POLICY {name} ON {table}\n  IS {text};")
    });
    std::iter::once(create).chain(comment).collect()
}

/// A right on an object: `t`, `SEQUENCE s`.
pub fn grant(object: &str, grant: &Grant) -> String {
    let column = grant.column.as_ref().map(|column| format!(" ({})", quote_ident(column)));
    let column = column.unwrap_or_default();
    let privileges: Vec<String> =
        grant.privileges.iter().map(|privilege| format!("{privilege}{column}")).collect();
    let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
    format!("GRANT {} ON {object}\n  TO {}{option};", privileges.join(", "), grantee(&grant.role))
}

/// Whether a role is here; everybody always is.
pub fn exists(role: &str, roles: &HashSet<String>) -> bool {
    role.is_empty() || roles.contains(role)
}

fn grantee(role: &str) -> String {
    if role.is_empty() { "public".to_owned() } else { quote_ident(role) }
}
