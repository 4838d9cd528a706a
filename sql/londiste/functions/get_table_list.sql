-- All tables of the set in order of registration; copy_role and copy_pos as in _coordinate_copy, which is asked about
-- tables under way only: without a queue's name the strict function is not called. A condition of the join would be
-- checked after the call.
create or replace function londiste.get_table_list(
    in i_queue_name text,
    out table_name text,
    out local boolean,
    out merge_state text,
    out custom_snapshot text,
    out table_attrs text,
    out dropped_ddl text,
    out copy_role text,
    out copy_pos int4,
    out dest_table text)
returns setof record as $$
begin
    return query
        select t.table_name, t.local, t.merge_state, t.custom_snapshot, t.table_attrs,
               t.dropped_ddl, c.copy_role, coalesce(c.copy_pos, 0), t.dest_table
          from londiste.table_info t
          left join lateral londiste._coordinate_copy(
                   case when t.merge_state in ('in-copy', 'catching-up') then t.queue_name end,
                   t.table_name) c
                 on true
         where t.queue_name = i_queue_name
         order by t.nr, t.table_name;
end;
$$ language plpgsql strict stable;
