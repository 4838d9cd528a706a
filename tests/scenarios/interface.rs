//! Every function, column, constraint, index and grant of the original's schemas, row by row (`tests/sql/interface`).

use std::collections::BTreeSet;
use std::fs;

use system_tests::answers::{is_addition, path};
use system_tests::schemas::database;
use system_tests::{Database, Impl};

/// Where a row of ours differs on purpose: the file, the beginning of the row, what is replaced by what, and why.
const EXCEPTIONS: [(&str, &str, &str, &str, &str); 8] = [
    ("functions", "pgq\tinsert_event_raw\t", "\tc", "\tplpgsql", "no C on the server"),
    ("functions", "pgq\tjsontriga\t", "\tc", "\tplpgsql", "no C on the server"),
    ("functions", "pgq\tlogutriga\t", "\tc", "\tplpgsql", "no C on the server"),
    ("functions", "pgq\tsqltriga\t", "\tc", "\tplpgsql", "no C on the server"),
    (
        "columns",
        "pgq_ext\tcompleted_batch\t2\t",
        "\tnot null\t",
        "\tnot null\t''::text",
        "described with the default, listed without",
    ),
    (
        "columns",
        "pgq_ext\tcompleted_event\t2\t",
        "\tnot null\t",
        "\tnot null\t''::text",
        "described with the default, listed without",
    ),
    (
        "columns",
        "pgq_ext\tcompleted_tick\t2\t",
        "\tnot null\t",
        "\tnot null\t''::text",
        "described with the default, listed without",
    ),
    (
        "columns",
        "pgq_ext\tpartial_batch\t2\t",
        "\tnot null\t",
        "\tnot null\t''::text",
        "described with the default, listed without",
    ),
];

/// A list of facts and the query that answers it; the names that begin with "_" are ours but for those two.
const FACTS: [(&str, &str); 5] = [
    (
        "functions",
        "select n.nspname, p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                case when p.prosecdef then 'definer' else 'invoker' end, l.lanname
           from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
          where p.proname !~ '^_' or p.proname in ('_grant_perms_from', '_coordinate_copy')",
    ),
    (
        "columns",
        "select n.nspname, c.relname, row_number() over (partition by c.oid order by a.attnum), a.attname,
                format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                pg_get_expr(d.adbin, d.adrelid)
           from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
                left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
          where c.relkind = 'r' and c.relname !~ '^_' and a.attnum > 0 and not a.attisdropped",
    ),
    // From PostgreSQL 18 on NOT NULL is a constraint as well; the columns have it.
    (
        "constraints",
        "select n.nspname, r.relname, c.conname, c.contype, pg_get_constraintdef(c.oid)
           from pg_constraint c join pg_namespace n on n.oid = c.connamespace
                join pg_class r on r.oid = c.conrelid
          where c.contype <> 'n' and c.conname !~ '^_'",
    ),
    ("indexes", "select n.nspname, i.tablename, i.indexname, i.indexdef from pg_indexes i join pg_namespace n on n.nspname = i.schemaname where i.indexname !~ '^_'"),
    // From PostgreSQL 17 on a table's owner has the right to maintain it as well.
    (
        "grants",
        "select n.nspname, x.name, replace(array_to_string(array(select unnest(x.acl)::text collate \"C\" order by 1), ' '),
                'arwdDxtm', 'arwdDxt')
           from (select relnamespace, relname::text, relacl from pg_class where relkind in ('r', 'S') and relname !~ '^_'
                 union all
                 select pronamespace, format('%s(%s)', proname, regexp_replace(pg_get_function_arguments(oid), ' DEFAULT [^,]*', '')), proacl
                   from pg_proc
                  where proname !~ '^_' or proname in ('_grant_perms_from', '_coordinate_copy')) as x (nsp, name, acl)
                join pg_namespace n on n.oid = x.nsp where true",
    ),
];

#[test]
fn every_row_of_the_interface_is_ours() {
    let db = database(Impl::Ours);
    let mut wrong = Vec::new();
    for (file, query) in FACTS {
        let mut ours = answers(&db, query);
        let mut used = 0;
        let wanted = rows(file);
        // The grants of pgq_ext are in none: they depend on how it was packaged.
        let schema = |row: &String| row.split('\t').next().map(str::to_owned);
        let schemas: BTreeSet<_> = wanted.iter().map(schema).collect();
        ours.retain(|row| schemas.contains(&schema(row)));
        for row in wanted {
            let exception =
                EXCEPTIONS.iter().find(|(of, start, ..)| *of == file && row.starts_with(start));
            let expected = match exception {
                // Only a row that we do not have as it stands needs its exception.
                Some((_, _, theirs, here, _)) if !ours.contains(&row) => {
                    used += 1;
                    row.strip_suffix(theirs).map(|head| format!("{head}{here}")).unwrap_or_default()
                }
                _ => row.clone(),
            };
            if !ours.remove(&expected) {
                wrong.push(format!("{file}: missing: {row}"));
            }
        }
        if used != EXCEPTIONS.iter().filter(|(of, ..)| *of == file).count() {
            wrong.push(format!("{file}: an exception is no longer needed"));
        }
        let ours = ours.into_iter().filter(|row| {
            let (schema, name) = row.split_once('\t').unwrap_or_default();
            !is_addition(schema, name.split('\t').next().unwrap_or_default())
        });
        wrong.extend(ours.map(|row| format!("{file}: not in the interface: {row}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rows of a file; a definition that goes over several lines becomes one.
#[track_caller]
fn rows(file: &str) -> Vec<String> {
    let path = path("interface").join(format!("{file}.tsv"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(one_line).collect()
}

/// What our schemas answer, a row per line as in the files.
#[track_caller]
fn answers(db: &Database, query: &str) -> BTreeSet<String> {
    let ours = format!("{query} and n.nspname in ('pgq', 'pgq_ext', 'pgq_node', 'londiste')");
    let mut client = db.client();
    let rows = client.simple_query(&ours).unwrap_or_else(|e| panic!("{e:?}\n{ours}"));
    rows.iter()
        .filter_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => {
                let columns: Vec<&str> =
                    (0..row.len()).map(|c| row.get(c).unwrap_or_default()).collect();
                Some(one_line(&columns.join("\t")))
            }
            _ => None,
        })
        .collect()
}

/// Spaces and line breaks inside a column become one space.
fn one_line(row: &str) -> String {
    row.split('\t')
        .map(|column| column.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\t")
}
