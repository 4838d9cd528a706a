select c.oid::int8 as id, c.relkind::text as kind,
       pg_catalog.row_security_active(c.oid) as row_security,
       -- By the index on tgrelid: written as one condition with an `or`, all triggers of the database would be read.
       exists (select from (select c.oid as rel
                            union all
                            select relid from pg_catalog.pg_partition_tree(case when c.relkind = 'p' then c.oid end)) p
                 join pg_catalog.pg_trigger t on t.tgrelid = p.rel
                where t.tgenabled in ('R', 'A'))
       or exists (select from pg_catalog.pg_rewrite r
                   where r.ev_class = c.oid and r.ev_type <> '1' and r.ev_enabled in ('R', 'A')) as runs_code,
       exists (select from pg_catalog.pg_constraint k
                where k.conrelid = c.oid and k.contype = 'x') as excludes,
       array(select array_to_string((i.indkey::int2[])[0:i.indnkeyatts - 1], ' ') from pg_catalog.pg_index i
              where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indislive
                and i.indpred is null and i.indexprs is null
              order by i.indexrelid) as unique_keys
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = $1 and c.relname = $2
