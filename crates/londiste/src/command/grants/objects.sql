-- Tables and sequences of users, and what the current role may do with each.
select n.nspname || '.' || c.relname as name,
       n.nspname::text as schema,
       c.relkind = 'S' as sequence,
       o.rolname::text as owner,
       o.rolsuper as of_superuser,
       case c.relkind
           when 'S' then has_sequence_privilege(c.oid, 'select') and has_sequence_privilege(c.oid, 'update')
           else pg_has_role(o.oid, 'usage')
       end as sufficient,
       has_schema_privilege(n.oid, 'usage') as usage,
       has_schema_privilege(n.oid, 'create') as makes_indexes
  from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join pg_roles o on o.oid = c.relowner
 where c.relkind in ('r', 'p', 'S')
   and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'pgq', 'pgq_ext', 'pgq_node', 'londiste')
   and n.nspname not like 'pg\_toast%'
 order by n.nspname collate "C", c.relname collate "C"
