//! The SQL that changes a destination table. Pure.
//!
//! Values never stand in it: they are parameters, so that a statement can be prepared, logged and shown in an error.

use pgq_client::name::TableName;
use pgq_client::text::quoting::quote_ident;
use pgq_client::text::row::Op;

use super::super::fold::Slot;
use super::relation::Relation;

/// Which rows a statement changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One row, a parameter for each column.
    Row(Op),
    /// Many rows, an array parameter for each column.
    Set(Op),
    /// Many new rows by COPY.
    Copy,
}

/// The statement's columns: `slots` as the parameters come, `key` those that find the row.
pub(super) struct Shape<'a> {
    pub(super) slots: &'a [Slot],
    pub(super) key: &'a [Slot],
}

/// The statement's text; `None` when there is nothing to change, because an update has key columns only.
pub(super) fn sql(
    form: Form,
    dest: &TableName,
    relation: &Relation,
    shape: &Shape<'_>,
) -> Option<String> {
    let table = dest.quoted();
    let only = relation.only();
    let name = |slot: Slot| quote_ident(&relation.column(slot).name);
    let list = |items: Vec<String>, by: &str| items.join(by);
    let columns = || list(shape.slots.iter().map(|slot| name(*slot)).collect(), ", ");
    let overriding = || {
        let identity = shape.slots.iter().any(|slot| relation.column(*slot).always_identity);
        if identity { " overriding system value" } else { "" }
    };
    // `$3`, or `r.c::type`. The type has no modifier: the assignment applies the column's own, which refuses what is too
    // long where an explicit cast would cut it.
    let value = |slot: Slot| match form {
        Form::Row(_) => {
            let place = shape.slots.iter().position(|known| *known == slot);
            format!("${}", place.map_or(0, |place| place + 1))
        }
        Form::Set(_) | Form::Copy => {
            format!("r.{}::{}", name(slot), relation.column(slot).cast_to)
        }
    };
    // The value of a key column gets its type in both forms: compared with a composite, a parameter would be any record.
    let key_value = |slot: Slot| match form {
        Form::Row(_) => format!("{}::{}", value(slot), relation.column(slot).cast_to),
        Form::Set(_) | Form::Copy => value(slot),
    };
    let arrays = || {
        let params = (1..=shape.slots.len()).map(|nr| format!("${nr}::text[]")).collect();
        format!("unnest({}) as r({})", list(params, ", "), columns())
    };
    let found = |prefix: &str| {
        let terms =
            shape.key.iter().map(|slot| format!("{prefix}{} = {}", name(*slot), key_value(*slot)));
        list(terms.collect(), " and ")
    };
    let changed: Vec<Slot> =
        shape.slots.iter().copied().filter(|slot| !shape.key.contains(slot)).collect();
    let set = || {
        let items = changed.iter().map(|slot| format!("{} = {}", name(*slot), value(*slot)));
        list(items.collect(), ", ")
    };
    Some(match form {
        Form::Copy => format!("copy {table} ({}) from stdin", columns()),
        Form::Row(Op::Insert) => {
            let values = list(shape.slots.iter().map(|slot| value(*slot)).collect(), ", ");
            format!("insert into {table} ({}){} values ({values})", columns(), overriding())
        }
        Form::Set(Op::Insert) => {
            let values = list(shape.slots.iter().map(|slot| value(*slot)).collect(), ", ");
            let (columns, overriding, arrays) = (columns(), overriding(), arrays());
            format!("insert into {table} ({columns}){overriding} select {values} from {arrays}")
        }
        Form::Row(Op::Update) | Form::Set(Op::Update) if changed.is_empty() => return None,
        Form::Row(Op::Update) => format!("update {only}{table} set {} where {}", set(), found("")),
        Form::Set(Op::Update) => {
            format!(
                "update {only}{table} as t set {} from {} where {}",
                set(),
                arrays(),
                found("t.")
            )
        }
        Form::Row(Op::Delete) => format!("delete from {only}{table} where {}", found("")),
        Form::Set(Op::Delete) => {
            format!("delete from {only}{table} as t using {} where {}", arrays(), found("t."))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::relation::tests::table;
    use super::*;

    #[track_caller]
    fn check(form: Form, slots: &[Slot], expected: &str) {
        let relation = table(&["id", "name", "Order"]);
        let text = sql(form, &TableName::new("s.t"), &relation, &Shape { slots, key: &[0] });
        assert_eq!(text.as_deref().unwrap_or("nothing"), expected);
    }

    #[test]
    fn one_row() {
        check(
            Form::Row(Op::Insert),
            &[0, 1, 2],
            r#"insert into s.t (id, name, "Order") values ($1, $2, $3)"#,
        );
        check(
            Form::Row(Op::Update),
            &[1, 0, 2],
            r#"update only s.t set name = $1, "Order" = $3 where id = $2::integer"#,
        );
        check(Form::Row(Op::Delete), &[0], "delete from only s.t where id = $1::integer");
    }

    #[test]
    fn many_rows() {
        check(
            Form::Set(Op::Insert),
            &[0, 2],
            r#"insert into s.t (id, "Order") select r.id::integer, r."Order"::text from unnest($1::text[], $2::text[]) as r(id, "Order")"#,
        );
        check(
            Form::Set(Op::Update),
            &[0, 1],
            "update only s.t as t set name = r.name::text from unnest($1::text[], $2::text[]) as r(id, name) where t.id = r.id::integer",
        );
        check(
            Form::Set(Op::Delete),
            &[0],
            "delete from only s.t as t using unnest($1::text[]) as r(id) where t.id = r.id::integer",
        );
        check(Form::Copy, &[0, 1], "copy s.t (id, name) from stdin");
    }

    #[test]
    fn an_update_of_nothing_but_the_key_is_left_out() {
        check(Form::Row(Op::Update), &[0], "nothing");
        check(Form::Set(Op::Update), &[0], "nothing");
    }

    #[test]
    fn identities_of_the_server_are_overridden() {
        let mut relation = table(&["id", "nr", "name"]);
        relation.set_always_identity(1);
        let shape = Shape { slots: &[0, 1, 2], key: &[0] };
        assert_eq!(
            sql(Form::Row(Op::Insert), &TableName::new("t"), &relation, &shape).unwrap(),
            "insert into public.t (id, nr, name) overriding system value values ($1, $2, $3)"
        );
    }
}
