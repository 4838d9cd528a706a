//! What the tests of the family share, and the examples of contract `handlers.md` 9.4 and 9.9 from event to statement.

use std::borrow::Cow;

use jiff::civil::datetime;
use pgq_client::name::TableName;
use pgq_client::text::quoting::{push_literal, quote_ident};
use pgq_client::text::row::{self, Op, RowEvent};

use super::{Dispatch, EventError, Times, Way};
use crate::handler::{HandlerError, RowChange};
use crate::table::attrs::HandlerSpec;

/// From a stored handler text.
pub(super) fn built(text: &str) -> Result<Dispatch, HandlerError> {
    let spec = HandlerSpec::parse(text)?;
    Dispatch::new(&spec.name, &spec.args)
}

/// From a stored handler text without mistakes.
#[track_caller]
pub(super) fn dispatch(text: &str) -> Dispatch {
    built(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn decoded<'a>(kind: &'a str, data: &'a str) -> (Op, Vec<Cow<'a, str>>, row::Columns<'a>) {
    match row::decode(kind, data) {
        Ok(RowEvent::Row { op, key, columns }) => (op, key, columns),
        other => panic!("{kind}: {other:?}"),
    }
}

/// The changes of an event, each as `I id=1 data`.
pub(super) fn show(
    handler: &Dispatch,
    table: &TableName,
    kind: &str,
    data: &str,
) -> Result<Vec<String>, EventError> {
    let (op, key, columns) = decoded(kind, data);
    let changes = handler.changes(table, op, key, columns)?;
    Ok(changes
        .iter()
        .map(|change| {
            let mut text = format!("{:?}", change.op)[..1].to_owned();
            for (name, value) in &change.columns {
                text.push_str(&format!(" {name}"));
                if let Some(value) = value {
                    text.push_str(&format!("={value}"));
                }
            }
            text
        })
        .collect())
}

/// The statement of contract section 5 for a change.
fn statement(table: &TableName, change: &RowChange<'_>) -> String {
    let table = table.quoted();
    let pair = |name: &str, value: Option<&str>| {
        let mut text = format!("{} = ", quote_ident(name));
        push_literal(&mut text, value);
        text
    };
    let key: Vec<String> = change
        .key
        .iter()
        .map(|key| {
            let (_, value) = change.columns.iter().find(|(name, _)| name == key).unwrap();
            pair(key, value.as_deref())
        })
        .collect();
    let key = key.join(" and ");
    match change.op {
        Op::Insert => {
            let names: Vec<String> = change.columns.iter().map(|(n, _)| quote_ident(n)).collect();
            let mut values = String::new();
            for (at, (_, value)) in change.columns.iter().enumerate() {
                values.push_str(if at == 0 { "" } else { ", " });
                push_literal(&mut values, value.as_deref());
            }
            format!("insert into {table} ({}) values ({values});", names.join(", "))
        }
        Op::Update => {
            let set: Vec<String> = change
                .columns
                .iter()
                .filter(|(name, _)| !change.key.contains(name))
                .map(|(name, value)| pair(name, value.as_deref()))
                .collect();
            format!("update only {table} set {} where {key};", set.join(", "))
        }
        Op::Delete => format!("delete from only {table} where {key};"),
    }
}

const EVENTS: [(&str, &str); 3] = [
    ("I:id", "id=1&data=a&ts=2024-01-31+23%3a59%3a59.5"),
    ("U:id", "id=1&data=b&ts=2024-02-01+00%3a00%3a00"),
    ("D:id", "id=2&data=z&ts=2024-01-05+00%3a00%3a00"),
];

/// Everything a handler does with the events of 9.9, in order.
fn story(handler: &str, events: &[(&str, &str)]) -> Vec<String> {
    let handler = dispatch(handler);
    let dest = handler.dest(&TableName::new("public.lg"));
    let times = Times {
        batch_end: "2024-02-29 13:45:07+00",
        event: "2024-02-29 13:45:06+00",
        now: datetime(2024, 2, 29, 15, 45, 8, 0),
    };
    let (mut known, mut lines) = (Vec::new(), Vec::new());
    for (kind, data) in events {
        let (op, key, columns) = decoded(kind, data);
        if !handler.wants(op) {
            continue;
        }
        let partition = handler.partition(&dest, &times, &columns).unwrap();
        let changes = handler.changes(&dest, op, key, columns).unwrap();
        if let (Some(partition), Some(change)) = (&partition, changes.first())
            && !known.contains(&partition.name)
        {
            known.push(partition.name.clone());
            match partition.creation(&change.key).ways.swap_remove(0) {
                Way::Function { call, .. } => lines.push(call),
                other => panic!("{other:?}"),
            }
        }
        let table = partition.map_or_else(|| dest.clone(), |partition| partition.name);
        lines.extend(changes.iter().map(|change| statement(&table, change)));
    }
    lines
}

#[test]
fn monthly_partitions_of_a_column() {
    assert_eq!(
        story("monthly_field(part_field=ts)", &EVENTS),
        [
            "select londiste.create_partition('public.lg', 'public.lg_2024_01', 'id', 'ts', '2024-01-31T23:59:59'::timestamp, 'month')",
            "insert into public.lg_2024_01 (id, data, ts) values ('1', 'a', '2024-01-31 23:59:59.5');",
            "select londiste.create_partition('public.lg', 'public.lg_2024_02', 'id', 'ts', '2024-02-01T00:00:00'::timestamp, 'month')",
            "delete from only public.lg_2024_02 where id = '1';",
            "insert into public.lg_2024_02 (id, data, ts) values ('1', 'b', '2024-02-01 00:00:00');",
            "delete from only public.lg_2024_01 where id = '2';",
        ]
    );
}

#[test]
fn one_table() {
    assert_eq!(
        story("direct", &EVENTS),
        [
            "insert into public.lg (id, data, ts) values ('1', 'a', '2024-01-31 23:59:59.5');",
            "update only public.lg set data = 'b', ts = '2024-02-01 00:00:00' where id = '1';",
            "delete from only public.lg where id = '2';",
        ]
    );
    assert_eq!(
        story("direct(fields=id%2cdata%3ax)", &EVENTS),
        [
            "insert into public.lg (id, x) values ('1', 'a');",
            "update only public.lg set x = 'b' where id = '1';",
            "delete from only public.lg where id = '2';",
        ]
    );
    assert_eq!(
        story("direct(table=archive.lg&skip_fields=ts&event_types=I)", &EVENTS),
        ["insert into archive.lg (id, data) values ('1', 'a');"]
    );
    assert_eq!(story("dispatch(table_mode=ignore)", &EVENTS), [""; 0]);
}

#[test]
fn all_versions_of_a_row() {
    assert_eq!(
        story("dispatch(row_mode=keep_all)", &EVENTS),
        [
            "select londiste.create_partition('public.lg', 'public.lg_2024_02_29', 'id', null, '2024-02-29T13:45:07+00:00'::timestamptz, 'day')",
            "insert into public.lg_2024_02_29 (id, data, ts) values ('1', 'a', '2024-01-31 23:59:59.5');",
            "insert into public.lg_2024_02_29 (id, data, ts) values ('1', 'b', '2024-02-01 00:00:00');",
        ]
    );
}

#[test]
fn an_update_of_an_unknown_row() {
    let update = [("U:id", "id=3&data=c&ts=2024-02-01+00%3a00%3a00")];
    assert_eq!(
        story("bulk_direct(method=0)", &update),
        ["update only public.lg set data = 'c', ts = '2024-02-01 00:00:00' where id = '3';"]
    );
    let stored = [
        "delete from only public.lg where id = '3';",
        "insert into public.lg (id, data, ts) values ('3', 'c', '2024-02-01 00:00:00');",
    ];
    for method in 1..=2 {
        assert_eq!(story(&format!("bulk_direct(method={method})"), &update), stored);
    }
    // With an older version in another partition any method has to store it.
    for method in 0..=2 {
        let lines = story(&format!("bulk_monthly_field(part_field=ts&method={method})"), &update);
        assert_eq!(lines[1..], stored.map(|line| line.replace("public.lg", "public.lg_2024_02")));
    }
}
