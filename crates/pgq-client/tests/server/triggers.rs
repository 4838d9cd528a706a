//! What the triggers write, decoded: the same columns and values that are in the table.

use pgq_client::schema;
use pgq_client::text::row::{self, Op, RowEvent};
use system_tests::Database;

use crate::support::{database, open, run};

/// A table whose names and values need every kind of escaping, with a trigger of each kind.
const TABLE: &str = r#"
create schema "My Schema";
create table "My Schema"."T ""x"", é" (
    "Id col" int, "select" text, "a.b&c=d" text, "UPPER" bool, "naïve" numeric, c char(5), i inet,
    j jsonb, b bytea, a text[], primary key ("Id col", "select"));
select pgq.create_queue('url'), pgq.create_queue('json'), pgq.create_queue('sql');
create trigger u after insert or update or delete on "My Schema"."T ""x"", é"
    for each row execute function pgq.logutriga('url');
create trigger j after insert or update or delete on "My Schema"."T ""x"", é"
    for each row execute function pgq.jsontriga('json');
create trigger s after insert or update or delete on "My Schema"."T ""x"", é"
    for each row execute function pgq.sqltriga('sql');
insert into "My Schema"."T ""x"", é" values
    (1, '', null, null, null, null, null, null, null, null),
    (2, 'a''b\c "d" %+&= ~*/:@é€' || chr(9) || chr(10) || chr(13) || chr(31) || chr(127) || '😀', '', true,
     123456789012345678901234567890.1234500, 'ab', '10.0.0.1/24', '{"a": [1, "x\"}]"]}', '\x00ff5c27', '{a,"b c",null}'),
    (-3, E'\\x', '&', false, 'NaN', '', '::1', 'null', '', '{}');
"#;

/// A row as `name=value` lines in the order of the columns, NULL as a bare name.
fn lines(columns: &row::Columns<'_>) -> String {
    let line = |(name, value): &(std::borrow::Cow<'_, str>, Option<std::borrow::Cow<'_, str>>)| {
        match value {
            Some(value) => format!("{name}={value}\u{1}"),
            None => format!("{name}\u{1}"),
        }
    };
    columns.iter().map(line).collect()
}

/// The rows of the table in the same form, by what the types' output functions say.
const EXPECTED: &str = r#"
select string_agg(format(e'%s\x01', x.name || coalesce('=' || x.value, '')), '' order by x.nr)
  from "My Schema"."T ""x"", é" t, lateral (values
       (1, 'Id col', format('%s', "Id col")), (2, 'select', "select"), (3, 'a.b&c=d', "a.b&c=d"),
       (4, 'UPPER', case when "UPPER" then 't' when not "UPPER" then 'f' end), (5, 'naïve', "naïve"::text),
       (6, 'c', case when c is not null then concat(c) end), (7, 'i', case when i is not null then concat(i) end),
       (8, 'j', j::text), (9, 'b', b::text), (10, 'a', a::text)) as x (nr, name, value)
 group by "Id col" order by array_position(array[1, 2, -3], "Id col")"#;

fn check(database: &Database, install: impl AsyncFnOnce(&mut pgq_client::conn::Session)) {
    run(async {
        let mut session = open(&database.connstr()).await;
        install(&mut session).await;
        session.batch_execute(TABLE).await.unwrap();
        let text = async |sql: &str| -> Vec<Vec<String>> {
            let rows = session.query(sql, &[]).await.unwrap();
            rows.iter().map(|row| (0..row.len()).map(|at| row.get(at)).collect()).collect()
        };
        let expected: Vec<String> = text(EXPECTED).await.into_iter().flatten().collect();
        session
            .batch_execute(r#"update "My Schema"."T ""x"", é" set "UPPER" = not "UPPER"; delete from "My Schema"."T ""x"", é""#)
            .await
            .unwrap();
        for queue in ["url", "json", "sql"] {
            let table = "(select queue_data_pfx from pgq.queue where queue_name = '".to_owned()
                + queue
                + "')";
            let table = text(&format!("select {table}")).await.remove(0).remove(0);
            let events =
                text(&format!("select ev_type, ev_data from {table} order by ev_id")).await;
            assert_eq!(events.len(), 9, "{events:?}");
            for (nr, event) in events.iter().enumerate() {
                let (kind, data) = (&event[0], &event[1]);
                assert!(row::is_data(kind));
                let wanted = [Op::Insert, Op::Update, Op::Delete][nr / 3];
                match row::decode(kind, data).unwrap_or_else(|e| panic!("{e}: {event:?}")) {
                    RowEvent::Row { op, key, columns } => {
                        assert_eq!((op, key.join(",")), (wanted, "Id col,select".to_owned()));
                        if op == Op::Insert {
                            assert_eq!(lines(&columns), expected[nr], "{event:?}");
                        }
                    }
                    RowEvent::Fragment { op, sql } => {
                        assert_eq!((op, sql, queue), (wanted, data.as_str(), "sql"));
                    }
                }
            }
        }
    });
}

#[test]
fn of_our_triggers() {
    check(&database("triggers"), async |session| {
        schema::install(session, &mut |_, _| {}).await.unwrap();
    });
}

#[test]
fn of_the_original_s_triggers() {
    let database = database("triggers");
    if database.int("select count(*) from pg_available_extensions where name = 'pgq'") == 0 {
        // The original's extensions exist for few servers.
        return;
    }
    check(&database, async |session| {
        session.batch_execute("create extension pgq").await.unwrap();
    });
}
