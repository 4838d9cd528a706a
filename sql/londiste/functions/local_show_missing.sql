-- What is not attached to the local node: on a root, tables and sequences of the database, below it
-- those of the set. Kinds are r for tables, S for sequences.
--
-- Of a partitioned table and its partitions either the one is listed or the others: itself, which
-- takes partitions of the future in, unless the node has some of the partitions already.
create or replace function londiste.local_show_missing(
    in i_queue_name text,
    out obj_kind text,
    out obj_name text)
returns setof record as $$
declare
    -- partitioned tables of which the node has partitions
    by_partition oid[];
begin
    if pgq_node.is_root_node(i_queue_name) then
        by_partition := array(
            select distinct pg_catalog.pg_partition_root(c.oid)::oid
              from londiste.table_info t
              join pg_catalog.pg_class c
                on c.oid = londiste.find_table_oid(coalesce(t.dest_table, t.table_name))
             where t.queue_name = i_queue_name
               and t.local
               and c.relispartition);
        return query
            select o.kind::text, o.name
              from (select case c.relkind when 'p' then 'r'::"char" else c.relkind end as kind,
                           n.nspname::text || '.' || c.relname::text as name
                      from pg_catalog.pg_class c
                      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                     where (c.relkind = 'S'
                            or c.relkind = 'r' and not c.relispartition
                            or c.relkind = 'p' and not c.relispartition
                               and c.oid <> all (by_partition)
                            or c.relkind = 'r' and c.relispartition
                               and pg_catalog.pg_partition_root(c.oid)::oid = any (by_partition))
                       and n.nspname not in ('pgq', 'pgq_ext', 'pgq_node', 'londiste',
                                             'pg_catalog', 'information_schema')
                       and n.nspname !~ '^pg_(toast|temp)') o
             where not exists (
                    select 1
                      from londiste.table_info t
                     where t.queue_name = i_queue_name
                       and t.local
                       and coalesce(t.dest_table, t.table_name) = o.name)
               and not exists (
                    select 1
                      from londiste.seq_info s
                     where o.kind = 'S'
                       and s.queue_name = i_queue_name
                       and s.local
                       and s.seq_name = o.name)
             order by o.kind, o.name;
    else
        return query
            select 'S'::text, s.seq_name
              from londiste.seq_info s
             where s.queue_name = i_queue_name
               and not s.local
            union all
            select 'r'::text, t.table_name
              from londiste.table_info t
             where t.queue_name = i_queue_name
               and not t.local
             order by 1, 2;
    end if;
end;
$$ language plpgsql strict stable;
