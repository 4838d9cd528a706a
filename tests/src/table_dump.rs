//! What tables are made of, as text, to be compared between two databases.

use std::process::Command;

use crate::{Database, server};

/// Everything that belongs to tables and sequences, a paragraph for each object, without what londiste puts on them. `tables` are
/// patterns of `pg_dump -t`: names as SQL writes them, and `*`.
///
/// From `pg_dump` where there is one that reads this server. Where there is not, from the server's own functions that print
/// definitions.
pub fn table_dump(db: &Database, tables: &[&str]) -> String {
    let text = match server::pg_dump() {
        Some(program) => {
            let mut command = Command::new(program);
            command.args(["--schema-only", "-d", &db.connstr()]);
            for table in tables {
                command.args(["-t", table]);
            }
            let output = command.output().expect("pg_dump runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("UTF-8")
        }
        None => tables.iter().map(|table| definitions(db, table)).collect::<Vec<_>>().join("\n\n"),
    };
    let kept: Vec<&str> = text
        .split("\n\n")
        .filter(|part| {
            !part.contains("_londiste_")
                && !part.starts_with('\\')
                && !part.starts_with("-- Dumped")
        })
        .collect();
    let dumped = kept.join("\n\n");
    assert!(dumped.contains("CREATE TABLE") || dumped.contains("CREATE UNLOGGED"), "{dumped}");
    dumped
}

/// One pattern's relations, without `pg_dump`.
fn definitions(db: &Database, pattern: &str) -> String {
    let wanted = if pattern.contains('*') {
        format!("c.relname like '{}'", pattern.replace('_', "\\_").replace('*', "%"))
    } else {
        format!("c.oid = to_regclass('{}')", pattern.replace('\'', "''"))
    };
    let sql = DEFINITIONS.replace("/*wanted*/", &wanted);
    db.text(&sql).replace(PARAGRAPH, "\n\n")
}

/// Stands for an empty line in the answer, which comes line by line.
const PARAGRAPH: &str = "\u{1}\n";

const DEFINITIONS: &str = "\
with rel as (
    select c.*, format('%I.%I', n.nspname, c.relname) as name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'S') and n.nspname not in ('pg_catalog', 'information_schema') and /*wanted*/),
part (name, place, object, definition) as (
    select name, 1, '',
           case when relkind = 'S' then 'CREATE SEQUENCE ' else 'CREATE TABLE ' end || name
           || format(' kind %s persistence %s options %s acl %s owner %s identity %s rls %s %s am %s bound %s key %s comment %s',
                     relkind, relpersistence, reloptions, relacl, relowner::regrole, relreplident, relrowsecurity,
                     relforcerowsecurity, (select amname from pg_am where oid = relam), pg_get_expr(relpartbound, oid),
                     case when relkind = 'p' then pg_get_partkeydef(oid) end, obj_description(oid, 'pg_class'))
      from rel
    union all
    select name, 2, inhseqno::text, format('INHERIT %s %s', name, inhparent::regclass)
      from rel join pg_inherits on inhrelid = oid
    union all
    select name, 3, lpad(row_number() over (partition by rel.oid order by attnum)::text, 4, '0'),
           format('COLUMN %s.%I %s not null %s default %s identity %s generated %s collation %s storage %s statistics %s \
options %s acl %s comment %s',
                  name, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attidentity,
                  attgenerated, attcollation::regcollation, attstorage, nullif(attstattarget, -1), attoptions, attacl,
                  col_description(rel.oid, attnum))
      from rel join pg_attribute on attrelid = rel.oid
      left join pg_attrdef on adrelid = attrelid and adnum = attnum
     where attnum > 0 and not attisdropped and relkind <> 'S'
    union all
    select name, 4, conname, format('CONSTRAINT %s.%I %s comment %s', name, conname, pg_get_constraintdef(k.oid),
                                    obj_description(k.oid, 'pg_constraint'))
      from rel join pg_constraint k on conrelid = rel.oid where contype not in ('n', 't')
    union all
    select name, 5, i.indexrelid::regclass::text,
           format('INDEX %s cluster %s identity %s options %s comment %s', pg_get_indexdef(indexrelid), indisclustered,
                  indisreplident, x.reloptions, obj_description(indexrelid, 'pg_class'))
      from rel join pg_index i on indrelid = rel.oid join pg_class x on x.oid = indexrelid
    union all
    select name, 6, tgname::text,
           format('TRIGGER %s enabled %s comment %s', pg_get_triggerdef(t.oid), tgenabled, obj_description(t.oid, 'pg_trigger'))
      from rel join pg_trigger t on tgrelid = rel.oid where not tgisinternal
    union all
    select name, 7, rulename::text, format('RULE %s enabled %s', pg_get_ruledef(r.oid), ev_enabled)
      from rel join pg_rewrite r on ev_class = rel.oid
    union all
    select name, 8, polname::text,
           format('POLICY %I on %s %s %s %s using %s check %s', polname, name, polpermissive, polcmd, polroles::regrole[],
                  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
      from rel join pg_policy on polrelid = rel.oid
    union all
    select name, 9, stxname::text, format('STATISTICS %s', pg_get_statisticsobjdef(s.oid))
      from rel join pg_statistic_ext s on stxrelid = rel.oid
    union all
    select name, 10, '', format('SEQUENCE %s %s %s %s %s %s %s %s owned by %s', name, seqtypid::regtype, seqstart, seqincrement,
                                seqmax, seqmin, seqcache, seqcycle,
                                (select format('%s.%s', refobjid::regclass, refobjsubid) from pg_depend
                                  where classid = 'pg_class'::regclass and objid = rel.oid and deptype in ('a', 'i')
                                    and refobjsubid > 0))
      from rel join pg_sequence on seqrelid = rel.oid)
select definition || E'\\x01' from part order by name, place, object";
