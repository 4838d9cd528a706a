-- A table ($1) and, where it is partitioned, all that is below it, the upper ones first.
with recursive tree as (
    select c.oid, 0 as level, c.relname
      from pg_class c
     where c.oid = $1
    union all
    select c.oid, t.level + 1, c.relname
      from tree t
      join pg_inherits h on h.inhparent = t.oid
      join pg_class c on c.oid = h.inhrelid and c.relispartition
)
select t.oid, n.nspname || '.' || c.relname as name
  from tree t
  join pg_class c on c.oid = t.oid
  join pg_namespace n on n.oid = c.relnamespace
 order by t.level, t.relname, t.oid
