-- What a schema offers to the outside, one line per object: columns, constraints, indexes,
-- functions and grants. Helpers whose names begin with "_" are ours or the original's own business,
-- except the two that both have. psql variable: schema.
\pset format unaligned
\pset fieldsep '\t'
\pset tuples_only on

select 'column', c.relname,
       row_number() over (partition by c.oid order by a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
       case when a.attnotnull then 'not null' end, pg_get_expr(d.adbin, d.adrelid)
  from pg_attribute a
       join pg_class c on c.oid = a.attrelid
       left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where c.relnamespace = :'schema'::regnamespace and c.relkind = 'r' and c.relname !~ '^_' and a.attnum > 0
   and not a.attisdropped
 order by c.relname collate "C", a.attnum;

select 'constraint', c.conrelid::regclass, c.conname, c.contype,
       regexp_replace(pg_get_constraintdef(c.oid), '\s+', ' ', 'g')
  from pg_constraint c
 where c.connamespace = :'schema'::regnamespace and c.contype <> 'n' and c.conname !~ '^_'
 order by 2, c.conname collate "C";

select 'index', tablename, indexname, indexdef
  from pg_indexes
 where schemaname = :'schema' and indexname !~ '^_'
 order by indexname collate "C";

select 'function', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
       case when p.prosecdef then 'definer' else 'invoker' end,
       case when l.lanname = 'c' then 'plpgsql' else l.lanname end,
       case when p.proname in ('insert_event_raw', 'logutriga', 'sqltriga', 'jsontriga') then 'v'
            else p.provolatile end,
       p.proisstrict, p.proparallel,
       -- ours pin the search path where they run with their owner's rights, and the forms of values
       case when p.proname not in ('logutriga', 'sqltriga', 'jsontriga')
            then nullif(array_remove(p.proconfig, 'search_path=pg_catalog, pg_temp'), '{}') end
  from pg_proc p
       join pg_language l on l.oid = p.prolang
 where p.pronamespace = :'schema'::regnamespace
   and (p.proname !~ '^_' or p.proname in ('_grant_perms_from', '_coordinate_copy'))
 order by p.proname collate "C", pg_get_function_arguments(p.oid) collate "C";

select 'grant', x.name,
       -- without the right to maintain, which came with PostgreSQL 17
       replace(array_to_string(array(select unnest(x.acl)::text collate "C" order by 1), ' '),
               'arwdDxtm', 'arwdDxt')
  from (select relname::text, relacl
          from pg_class
         where relnamespace = :'schema'::regnamespace and relkind in ('r', 'S') and relname !~ '^_'
        union all
        select format('%s(%s)', proname, pg_get_function_arguments(oid)), proacl
          from pg_proc
         where pronamespace = :'schema'::regnamespace
           and (proname !~ '^_' or proname in ('_grant_perms_from', '_coordinate_copy'))) as x (name, acl)
 order by x.name collate "C";

select 'schema', array_to_string(array(select unnest(nspacl)::text collate "C" order by 1), ' ')
  from pg_namespace
 where nspname = :'schema';
