-- Detaches a table from the local node: triggers off, and when its copy was under way, the partial
-- data off and the indexes back. The sequences its columns own are detached too. On a root the
-- table leaves the set.
--
-- Returns 200; 400 when the set has no such table, or it is not local on a node below the root.
-- Raises when a copy is under way and another source's rows would go with it.
create or replace function londiste.local_remove_table(
    in i_queue_name text,
    in i_table_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_table text := londiste.make_fqname(i_table_name);
    dest text;
    other_source text;
    tbl record;
    seq record;
begin
    select t.local, t.dropped_ddl, t.dest_table
      into tbl
      from londiste.table_info t
     where t.queue_name = i_queue_name
       and t.table_name = fq_table
       for update;
    if not found then
        ret_code := 400;
        ret_note := 'Table not found: ' || fq_table;
        return;
    end if;
    dest := coalesce(tbl.dest_table, fq_table);

    if tbl.local then
        perform londiste.drop_table_triggers(i_queue_name, fq_table);

        if tbl.dropped_ddl is not null then
            -- Without the rows, because a half-made copy may violate what is put back. Where another
            -- source fills the same table, its trigger denies that; merge_all gives it none.
            execute 'truncate '
                || case when londiste.find_rel_oid(dest, 'p') is null then 'only ' else '' end
                || londiste.quote_fqname(dest);
            select min(t.queue_name)
              into other_source
              from pgq_node.node_info me
              join pgq_node.node_info n
                on n.combined_queue is not distinct from me.combined_queue
               and n.queue_name <> me.queue_name
               and n.node_type = 'leaf'
              join londiste.table_info t on t.queue_name = n.queue_name
             where me.queue_name = i_queue_name
               and t.local
               and coalesce(t.dest_table, t.table_name) = dest;
            if other_source is not null then
                raise exception 'cannot take the copied rows off table %, queue % fills it as well',
                        dest, other_source
                    using hint = 'Remove the table from the other queues first.';
            end if;
            execute tbl.dropped_ddl;
        end if;

        update londiste.table_info t
           set local = false,
               custom_snapshot = null,
               table_attrs = null,
               dropped_ddl = null,
               merge_state = null,
               dest_table = null
         where t.queue_name = i_queue_name
           and t.table_name = fq_table;

        -- serial and identity columns alike, of the table here and of one with the set's name
        for seq in
            select n.nspname::text || '.' || c.relname::text as seq_name
              from pg_catalog.pg_depend d
              join pg_catalog.pg_class c on c.oid = d.objid and c.relkind = 'S'
              join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             where d.classid = 'pg_catalog.pg_class'::regclass
               and d.refclassid = 'pg_catalog.pg_class'::regclass
               and d.refobjid in (londiste.find_table_oid(fq_table), londiste.find_table_oid(dest))
               and d.refobjsubid > 0
               and d.deptype in ('a', 'i')
             order by d.refobjid = londiste.find_table_oid(dest), d.refobjsubid, 1
        loop
            perform londiste.local_remove_seq(i_queue_name, seq.seq_name);
        end loop;
    elsif not pgq_node.is_root_node(i_queue_name) then
        ret_code := 400;
        ret_note := 'Table not registered locally: ' || fq_table;
        return;
    end if;

    if pgq_node.is_root_node(i_queue_name) then
        perform londiste.global_remove_table(i_queue_name, fq_table);
        perform londiste.root_notify_change(i_queue_name, 'londiste.remove-table', fq_table);
    end if;

    ret_code := 200;
    ret_note := 'Table removed: ' || fq_table;
end;
$$ language plpgsql strict;
