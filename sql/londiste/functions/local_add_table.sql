-- Attaches a table to the local node: registers it, decides in which state it starts, and puts the
-- triggers on it.
--
-- i_trg_args mixes words for this function with arguments of the row trigger:
--   expect_sync    the data is there already, no copy
--   skip_truncate  do not truncate before the copy (kept in the table's attributes)
--   merge_all      leaf: attach the other sources of the same destination table as well
--   no_merge       leaf: leave other sources and the combined queue alone
--   virtual_table  there is no such table here: no checks, no copy, no triggers
-- The rest is create_trigger's.
--
-- A partitioned table stands for all its partitions, those that come later included. So it cannot be
-- added beside one of them: each change would be sent twice.
--
-- Without a primary key a unique one over columns that cannot be NULL will do.
--
-- Returns 200; 400 without queue or key; 403, 405 and 410 for what does not go together;
-- 404 when the table is not there or not in the set. An answer of 300 and above leaves nothing
-- behind.
create or replace function londiste.local_add_table(
    in i_queue_name text,
    in i_table_name text,
    in i_trg_args text[],
    in i_table_attrs text,
    in i_dest_table text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_table text := londiste.make_fqname(i_table_name);
    fq_dest text := londiste.make_fqname(coalesce(i_dest_table, i_table_name));
    table_desc text := case when fq_dest = fq_table then fq_table
                            else fq_table || '(' || fq_dest || ')' end;
    new_attrs text := i_table_attrs;
    expect_sync boolean := false;
    merge_all boolean := false;
    no_merge boolean := false;
    virtual_table boolean := false;

    arg text;
    node record;
    known record;
    peer record;
    relative text;
    relatives text[];
    new_state text;
    answer record;
begin
    for i in coalesce(array_lower(i_trg_args, 1), 1) .. coalesce(array_upper(i_trg_args, 1), 0) loop
        arg := i_trg_args[i];
        if arg = 'expect_sync' then
            expect_sync := true;
        elsif arg = 'skip_truncate' then
            new_attrs := coalesce(new_attrs || '&', '') || 'skip_truncate=1';
        elsif arg = 'merge_all' then
            merge_all := true;
        elsif arg = 'no_merge' then
            no_merge := true;
        elsif arg = 'virtual_table' then
            virtual_table := true;
            expect_sync := true;
        end if;
    end loop;
    if merge_all and no_merge then
        ret_code := 405;
        ret_note := 'Cannot use merge-all and no-merge together';
        return;
    end if;

    if not virtual_table then
        if londiste.find_table_oid(fq_dest) is null then
            ret_code := 404;
            ret_note := 'Table does not exist: ' || table_desc;
            return;
        end if;
        -- On a merge leaf another source's copy may have put the primary key away for now.
        if londiste._key_list(londiste.find_table_oid(fq_dest)) is null
            and not exists (
                select 1
                  from pgq_node.node_info me
                  join pgq_node.node_info other
                    on other.combined_queue = me.combined_queue
                   and other.queue_name <> me.queue_name
                  join londiste.table_info t on t.queue_name = other.queue_name
                 where me.queue_name = i_queue_name
                   and coalesce(t.dest_table, t.table_name) = fq_dest
                   and t.dropped_ddl is not null)
        then
            ret_code := 400;
            ret_note := 'Primary key missing on table: ' || table_desc;
            return;
        end if;
    end if;

    select f.ret_code, f.node_type, f.combined_type, n.combined_queue
      into node
      from pgq_node.get_node_info(i_queue_name) f
      left join pgq_node.node_info n on n.queue_name = i_queue_name;
    if node.ret_code >= 400 then
        ret_code := 400;
        ret_note := 'No such set: ' || i_queue_name;
        return;
    end if;

    -- Their names first: as one query, it may be planned to look at every table of the queue, for each table added.
    if not virtual_table then
        select array_agg(n.nspname::text || '.' || c.relname::text)
          into relatives
          from (select relid
                  from pg_catalog.pg_partition_ancestors(londiste.find_table_oid(fq_dest))
                union
                select relid
                  from pg_catalog.pg_partition_tree(londiste.find_table_oid(fq_dest))) p
          join pg_catalog.pg_class c
            on c.oid = p.relid
           and c.oid <> londiste.find_table_oid(fq_dest)
          join pg_catalog.pg_namespace n on n.oid = c.relnamespace;
    end if;
    if relatives is not null then
        select min(t.table_name)
          into relative
          from londiste.table_info t
         where t.queue_name = i_queue_name
           and t.local
           and coalesce(t.dest_table, t.table_name) = any (relatives);
    end if;
    if relative is not null then
        ret_code := 405;
        ret_note := 'Table ' || table_desc || ' cannot be added beside ' || relative
            || ': one is a partition of the other, and changes would be sent twice';
        return;
    end if;

    begin
        select t.local, t.table_attrs
          into known
          from londiste.table_info t
         where t.queue_name = i_queue_name
           and t.table_name = fq_table;
        if not found then
            if node.node_type <> 'root' then
                ret_code := 404;
                ret_note := 'Table not available on queue: ' || table_desc;
                return;
            end if;
            select g.ret_code, g.ret_note
              into ret_code, ret_note
              from londiste.global_add_table(i_queue_name, i_table_name) g;
            if ret_code <> 200 then
                raise sqlstate 'LD400';
            end if;
        elsif known.local then
            if known.table_attrs is distinct from new_attrs then
                ret_code := 410;
                ret_note := 'Table ' || table_desc || ' already added, but with different args: '
                    || coalesce(known.table_attrs, '');
            else
                ret_code := 200;
                ret_note := 'Table already added: ' || table_desc;
            end if;
            return;
        end if;

        if node.node_type = 'root' then
            new_state := 'ok';
            perform londiste.root_notify_change(i_queue_name, 'londiste.add-table', fq_table);
        elsif node.node_type = 'leaf' and node.combined_type = 'branch' then
            -- The data comes to this table through the combined queue.
            new_state := 'ok';
        elsif expect_sync then
            new_state := 'ok';
        end if;

        update londiste.table_info t
           set local = true,
               merge_state = new_state,
               table_attrs = coalesce(new_attrs, t.table_attrs),
               dest_table = nullif(fq_dest, fq_table)
         where t.queue_name = i_queue_name
           and t.table_name = fq_table;
        if not found then
            raise exception 'lost table: %', fq_table;
        end if;

        if node.node_type = 'leaf' and not no_merge then
            for peer in
                select t.queue_name, t.table_name, t.local
                  from londiste.table_info t
                  join pgq_node.node_info n on n.queue_name = t.queue_name
                 where t.queue_name <> i_queue_name
                   and coalesce(t.dest_table, t.table_name) = fq_dest
                   and n.combined_queue is not distinct from node.combined_queue
                 order by t.queue_name, t.table_name
            loop
                if new_state is distinct from 'ok' and peer.local then
                    ret_code := 405;
                    ret_note := 'Found local table ' || table_desc
                        || ' in queue ' || peer.queue_name
                        || ', use remove-table first to remove all previous table subscriptions';
                    raise sqlstate 'LD400';
                end if;
                if new_state is distinct from 'ok' and not merge_all then
                    ret_code := 405;
                    ret_note := 'Found multiple sources for table ' || table_desc
                        || ', use merge-all or no-merge to continue';
                    raise sqlstate 'LD400';
                end if;

                update londiste.table_info t
                   set local = true,
                       merge_state = new_state,
                       table_attrs = coalesce(new_attrs, t.table_attrs)
                 where t.queue_name = peer.queue_name
                   and t.table_name = peer.table_name;
                if not found then
                    raise exception 'lost table: % on queue %', peer.table_name, peer.queue_name;
                end if;
            end loop;

            if node.combined_type in ('root', 'branch')
                and not exists (
                    select 1
                      from londiste.table_info t
                     where t.queue_name = node.combined_queue
                       and t.table_name = fq_table
                       and t.local)
            then
                select a.ret_code, a.ret_note
                  into ret_code, ret_note
                  from londiste.local_add_table(
                    node.combined_queue, fq_table, i_trg_args, new_attrs, fq_dest) a;
                if ret_code >= 300 then
                    raise sqlstate 'LD400';
                end if;
            end if;
        end if;

        select c.ret_code, c.ret_note
          into answer
          from londiste.create_trigger(
            i_queue_name, fq_table, i_trg_args, fq_dest, node.node_type) c;
        if answer.ret_code > 299 then
            ret_code := answer.ret_code;
            ret_note := 'Trigger creation failed for table ' || table_desc
                || ': ' || answer.ret_note;
            raise sqlstate 'LD400';
        end if;
    exception
        when sqlstate 'LD400' then
            return;
    end;

    ret_code := 200;
    if answer.ret_code = 201 then
        ret_note := 'Table added with no triggers: ' || table_desc;
    else
        ret_note := 'Table added: ' || table_desc;
    end if;
end;
$$ language plpgsql;

create or replace function londiste.local_add_table(
    in i_queue_name text,
    in i_table_name text,
    in i_trg_args text[],
    in i_table_attrs text,
    out ret_code int4,
    out ret_note text)
returns record as $$
begin
    select a.ret_code, a.ret_note
      into ret_code, ret_note
      from londiste.local_add_table(
        i_queue_name, i_table_name, i_trg_args, i_table_attrs, null) a;
end;
$$ language plpgsql;

create or replace function londiste.local_add_table(
    in i_queue_name text,
    in i_table_name text,
    in i_trg_args text[],
    out ret_code int4,
    out ret_note text)
returns record as $$
begin
    select a.ret_code, a.ret_note
      into ret_code, ret_note
      from londiste.local_add_table(i_queue_name, i_table_name, i_trg_args, null, null) a;
end;
$$ language plpgsql;

create or replace function londiste.local_add_table(
    in i_queue_name text,
    in i_table_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
begin
    select a.ret_code, a.ret_note
      into ret_code, ret_note
      from londiste.local_add_table(i_queue_name, i_table_name, null, null, null) a;
end;
$$ language plpgsql strict;
