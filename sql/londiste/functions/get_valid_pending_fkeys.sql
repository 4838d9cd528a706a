-- Foreign keys that can be put back now by this queue's worker: both tables are attached, and all
-- sources of both are in sync.
--
-- Of several queues that feed the tables one is responsible: the first that merges into a combined
-- root, else the first combined branch (its own worker fills the tables), else the first of all.
create or replace function londiste.get_valid_pending_fkeys(i_queue_name text)
returns setof londiste.pending_fkeys as $$
begin
    return query
        select p.*
          from londiste.pending_fkeys p
          join lateral (
            select bool_or(coalesce(t.dest_table, t.table_name) = p.from_table)
                    and bool_or(coalesce(t.dest_table, t.table_name) = p.to_table)
                    and bool_and(t.merge_state is not distinct from 'ok'
                                 and t.custom_snapshot is null)
                    and bool_or(t.queue_name = i_queue_name) as is_ready,
                   coalesce(
                    min(t.queue_name) filter (where c.node_type = 'root'),
                    min(n.combined_queue) filter (where c.node_type = 'branch'),
                    min(t.queue_name)) as responsible
              from londiste.table_info t
              join pgq_node.node_info n on n.queue_name = t.queue_name
              left join pgq_node.node_info c on c.queue_name = n.combined_queue
             where t.local
               and coalesce(t.dest_table, t.table_name) in (p.from_table, p.to_table)
          ) feeding on feeding.is_ready and feeding.responsible = i_queue_name
         order by p.from_table, p.to_table, p.fkey_name;
end;
$$ language plpgsql strict stable;
