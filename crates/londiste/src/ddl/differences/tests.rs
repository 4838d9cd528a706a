use pgq_client::name::TableName;

use super::super::load::{Constraint, Index};
use super::super::relation::{Column, Trigger, Value};
use super::*;

fn column(name: &str, kind: &str) -> Column {
    Column { name: name.to_owned(), kind: kind.to_owned(), ..Column::default() }
}

fn table(columns: Vec<Column>) -> Relation {
    Relation { name: Some(TableName::new("public.t")), columns, ..Relation::default() }
}

#[track_caller]
fn compared(here: &Relation, there: &Relation) -> String {
    let names = Names::default();
    let pair = Pair { here, there, names: &names, keys: &[], without_indexes: false };
    let lines = differences(pair).unwrap().into_iter().map(|difference| {
        let Difference { object, here, there, mend } = difference;
        format!("{object}: {here} <> {there}\n{}", mend.join("\n"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_same_is_no_difference() {
    let relation = table(vec![column("a", "integer")]);
    assert_eq!(compared(&relation, &relation), "");
}

#[test]
fn columns_that_are_not_the_same() {
    let here = table(vec![
        column("a", "integer"),
        Column { value: Value::Default("1".to_owned()), ..column("b", "text") },
        column("extra", "integer"),
        Column { not_null: true, ..column("n", "integer") },
        column("g", "integer"),
        column("i", "bigint"),
    ]);
    let there = table(vec![
        Column { collation: Some("pg_catalog.\"C\"".to_owned()), ..column("a", "text") },
        column("b", "text"),
        Column { not_null: true, ..column("New", "mood") },
        column("n", "integer"),
        Column {
            value: Value::Generated("(a * 2)".to_owned(), "STORED"),
            ..column("g", "integer")
        },
        Column { not_null: true, value: Value::Identity("ALWAYS"), ..column("i", "bigint") },
    ]);
    insta::assert_snapshot!(compared(&here, &there));
}

#[test]
fn keys_and_indexes_by_what_they_say() {
    let key = |name: &str, definition: &str| Constraint {
        name: name.to_owned(),
        definition: definition.to_owned(),
        deferral: String::new(),
        options_missing: false,
        index: None,
        comment: None,
    };
    let index = |name: &str, rest: &str| Index {
        name: name.to_owned(),
        definition: format!("CREATE INDEX {name} ON public.t USING {rest}"),
        ..Index::default()
    };
    let here = Relation {
        constraints: vec![
            key("other_name", "UNIQUE (a)"),
            key("pk", "PRIMARY KEY (a)"),
            key("c", "CHECK ((a > 0))"),
        ],
        indexes: vec![index("x", "btree (a)"), index("mine", "btree (z)")],
        ..table(Vec::new())
    };
    let there = Relation {
        constraints: vec![
            key("name", "UNIQUE (a)"),
            key("t_pkey", "PRIMARY KEY (a, b)"),
            key("c", "CHECK ((a > 1))"),
        ],
        indexes: vec![index("y", "btree (a)"), index("z", "gin (b)")],
        ..table(Vec::new())
    };
    insta::assert_snapshot!(compared(&here, &there));
}

#[test]
fn triggers_of_applications() {
    let trigger = |name: &str, firing, of_londiste| Trigger {
        name: name.to_owned(),
        definition: format!(
            "CREATE TRIGGER {name} BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()"
        ),
        firing,
        of_londiste,
        comment: None,
    };
    let here = Relation {
        triggers: vec![
            trigger("_londiste_q", Firing::Origin, true),
            trigger("mine", Firing::Origin, false),
            trigger("off", Firing::Disabled, false),
        ],
        ..table(Vec::new())
    };
    let there = Relation {
        triggers: vec![
            trigger("new", Firing::Always, false),
            trigger("off", Firing::Origin, false),
        ],
        ..table(Vec::new())
    };
    insta::assert_snapshot!(compared(&here, &there));
}
