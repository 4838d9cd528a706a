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
    let table = TableName::new("public.t");
    let pair =
        Pair { here, there, table: &table, names: &names, keys: &[], without_indexes: false };
    let lines = differences(pair).unwrap().into_iter().map(|difference| {
        let Difference { object, here, there, mend, harmless } = difference;
        let mark = if harmless { "(harmless) " } else { "" };
        format!("{mark}{object}: {here} <> {there}\n{}", mend.join("\n"))
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
fn types_that_keep_values_and_those_that_do_not() {
    let mend = |from: &str, to: &str| {
        compared(&table(vec![column("a", from)]), &table(vec![column("a", to)]))
    };
    for (from, to) in [
        ("integer", "bigint"),
        ("bigint", "integer"),
        ("character varying(100)", "character varying(10)"),
        ("text", "character varying(10)"),
        ("numeric(10,2)", "numeric(12,3)"),
        ("numeric(10,2)", "numeric"),
        ("real", "double precision"),
    ] {
        let said = mend(from, to);
        assert!(
            said.contains(&format!("\nALTER TABLE public.t\n  ALTER COLUMN a TYPE {to};\n")),
            "{said}"
        );
        assert!(said.ends_with("-- then copy the table again: londiste INI resync public.t"));
    }
    for (from, to) in [
        ("timestamp with time zone", "timestamp without time zone"),
        ("timestamp without time zone", "timestamp with time zone"),
        ("double precision", "integer"),
        ("double precision", "real"),
        ("numeric(10,3)", "numeric(10,2)"),
        ("numeric", "numeric(10,2)"),
        ("text", "character(5)"),
        ("text", "integer"),
        ("character varying(5)[]", "character varying(3)[]"),
        ("timestamp(6) without time zone", "timestamp(0) without time zone"),
    ] {
        let said = mend(from, to);
        let statements: Vec<&str> = said.lines().skip(1).collect();
        assert!(statements.iter().all(|line| line.starts_with("-- ")), "{said}");
        assert!(said.contains(&format!("ALTER COLUMN a TYPE {to};")), "{said}");
        assert!(!said.contains("USING"), "{said}");
    }
}

#[test]
fn names_do_not_end_a_comment() {
    let here = table(vec![column("a\nb\rc", "integer")]);
    let said = compared(&here, &table(Vec::new()));
    let statement = said.split_once("-- ").unwrap().1;
    assert_eq!(statement, "with its values: ALTER TABLE public.t DROP COLUMN \"a\n-- b\r-- c\";");
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
    let unique = Index {
        name: "once".to_owned(),
        definition: "CREATE UNIQUE INDEX once ON public.t USING btree (y)".to_owned(),
        ..Index::default()
    };
    let here = Relation {
        constraints: vec![
            key("only_here", "CHECK ((b > 0))"),
            key("other_name", "UNIQUE (a)"),
            key("pk", "PRIMARY KEY (a)"),
            key("c", "CHECK ((a > 0))"),
        ],
        indexes: vec![index("x", "btree (a)"), index("mine", "btree (z)"), unique],
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
            trigger("mine_always", Firing::Always, false),
            trigger("as_made", Firing::Origin, false),
            trigger("as_there", Firing::Replica, false),
            trigger("never_there", Firing::Replica, false),
        ],
        ..table(Vec::new())
    };
    let there = Relation {
        triggers: vec![
            trigger("new", Firing::Always, false),
            trigger("off", Firing::Origin, false),
            trigger("as_made", Firing::Always, false),
            trigger("as_there", Firing::Replica, false),
            trigger("never_there", Firing::Origin, false),
        ],
        ..table(Vec::new())
    };
    insta::assert_snapshot!(compared(&here, &there));
}
