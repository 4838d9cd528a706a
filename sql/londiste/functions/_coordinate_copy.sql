-- How the copies of several sources into one table go together.
--
-- The sources are rows of different queues with the same destination that are not in sync yet. One
-- of them leads: it drops the indexes, copies, and restores them after all others have copied.
-- Roles of the others and of the leader: null (go on), `lead`, `wait-copy` (do not begin yet),
-- `wait-replay` (copy, then stay in catching-up). `copy_pos` counts the copies that run before
-- this one.
create or replace function londiste._coordinate_copy(
    in i_queue_name text,
    in i_table_name text,
    out copy_role text,
    out copy_pos int4)
returns record as $$
declare
    me record;
    parts int8;
    parts_done int8;
    ddl_holder text;
    lead_queue text;
begin
    select t.merge_state, t.dropped_ddl, coalesce(t.dest_table, t.table_name) as dest,
           n.combined_queue
      into me
      from londiste.table_info t
      join pgq_node.node_info n on n.queue_name = t.queue_name
     where t.queue_name = i_queue_name
       and t.table_name = i_table_name;
    if not found then
        return;
    end if;

    select count(*) filter (where t.local),
           count(*) filter (where t.local and t.merge_state <> 'in-copy'),
           min(t.queue_name) filter (where t.local and t.dropped_ddl is not null),
           coalesce(
               min(t.queue_name) filter (where t.local and t.dropped_ddl is not null),
               min(t.queue_name) filter (where t.local)),
           count(*) filter (where t.queue_name < i_queue_name
                              and t.merge_state = 'in-copy'
                              and me.merge_state = 'in-copy')
      into parts, parts_done, ddl_holder, lead_queue, copy_pos
      from londiste.table_info t
      join pgq_node.node_info n on n.queue_name = t.queue_name
     where coalesce(t.dest_table, t.table_name) = me.dest
       and t.merge_state is distinct from 'ok'
       and n.combined_queue is not distinct from me.combined_queue;
    if parts <= 1 then
        return;
    end if;

    if i_queue_name = lead_queue then
        if me.merge_state = 'in-copy' then
            copy_role := case when me.dropped_ddl is null and parts_done > 0
                              then 'wait-replay' else 'lead' end;
            copy_pos := 0;
        elsif me.merge_state = 'catching-up' then
            copy_role := case when me.dropped_ddl is not null and parts_done < parts
                              then 'wait-replay' end;
        end if;
    elsif me.merge_state = 'in-copy' then
        copy_role := case when ddl_holder is not null or parts_done > 0
                          then 'wait-replay' else 'wait-copy' end;
    elsif me.merge_state = 'catching-up' then
        copy_role := case when ddl_holder is not null then 'wait-replay' end;
    end if;
end;
$$ language plpgsql strict stable;
