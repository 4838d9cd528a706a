use super::super::{Column, Use};
use super::*;

fn sequence(name: &str, use_: Use, hidden: bool) -> Sequence {
    Sequence {
        name: TableName::new(name),
        use_,
        kind: "integer".to_owned(),
        options: "START WITH 1".to_owned(),
        last_value: None,
        hidden,
        comment: None,
        grants: Vec::new(),
    }
}

#[test]
fn sequences_that_may_not_be_read_and_unlogged_tables_are_a_warning() {
    let relation = Relation {
        name: Some(TableName::new("public.t")),
        unlogged: true,
        columns: vec![Column {
            name: "i".to_owned(),
            kind: "integer".to_owned(),
            value: Value::Identity("ALWAYS"),
            ..Column::default()
        }],
        sequences: vec![
            sequence("public.unused", Use::Mentioned, false),
            sequence("public.secret", Use::Mentioned, true),
            sequence("public.there", Use::Mentioned, true),
            sequence("public.t_i_seq", Use::Identity("i".to_owned()), true),
        ],
        ..Relation::default()
    };
    let mut target = Target::default();
    target.roles.insert(String::new());
    target.sequences.insert(TableName::new("public.there"), None);
    let warnings = plan(&[relation], &Names::default(), &target).unwrap().warnings;
    let of = |text: &str| warnings.iter().filter(|warning| warning.starts_with(text)).count();
    assert_eq!(of("sequence "), 2, "{warnings:?}");
    assert_eq!(of("sequence public.secret begins at its start here"), 1);
    assert_eq!(of("sequence public.t_i_seq begins at its start here"), 1);
    assert_eq!(of("table public.t is unlogged: "), 1);
}
