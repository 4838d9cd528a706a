-- The local node of a queue at a glance.
--
-- On a root or branch the local watermark is the oldest position any consumer other than the global
-- watermark still needs, or the newest tick when there is none. On a leaf it is the worker's
-- position. `worker_last_tick` of a root is the newest tick, since its worker reads nothing.
-- `combined_queue` and `combined_type` are those of the combined queue's own node.
--
-- Returns 100, or 404 for an unknown queue.
create or replace function pgq_node.get_node_info(
    in i_queue_name text,
    out ret_code int4,
    out ret_note text,
    out node_type text,
    out node_name text,
    out global_watermark bigint,
    out local_watermark bigint,
    out provider_node text,
    out provider_location text,
    out combined_queue text,
    out combined_type text,
    out worker_name text,
    out worker_paused bool,
    out worker_uptodate bool,
    out worker_last_tick bigint,
    out node_attrs text,
    out target_for text[])
returns record as $$
declare
    newest_tick bigint;
begin
    select 100, 'Ok', n.node_type, n.node_name,
           c.queue_name, c.node_type,
           n.worker_name, n.node_attrs,
           s.provider_node, s.paused, s.uptodate, s.last_tick_id,
           l.node_location
      into ret_code, ret_note, node_type, node_name,
           combined_queue, combined_type,
           worker_name, node_attrs,
           provider_node, worker_paused, worker_uptodate, worker_last_tick,
           provider_location
      from pgq_node.node_info n
      left join pgq_node.node_info c on c.queue_name = n.combined_queue
      left join pgq_node.local_state s
             on s.queue_name = n.queue_name and s.consumer_name = n.worker_name
      left join pgq_node.node_location l
             on l.queue_name = s.queue_name and l.node_name = s.provider_node
     where n.queue_name = i_queue_name;
    if not found then
        ret_code := 404;
        ret_note := 'Unknown queue: ' || i_queue_name;
        return;
    end if;

    if node_type not in ('root', 'branch') then
        local_watermark := worker_last_tick;
        return;
    end if;

    select max(t.tick_id)
      into newest_tick
      from pgq.queue q
      join pgq.tick t on t.tick_queue = q.queue_id
     where q.queue_name = i_queue_name;

    select max(p.sub_last_tick) filter (where p.co_name = '.global_watermark'),
           coalesce(
               min(p.sub_last_tick) filter (where p.co_name <> '.global_watermark'),
               newest_tick)
      into global_watermark, local_watermark
      from (select s.sub_last_tick, c.co_name
              from pgq.queue q
              join pgq.subscription s on s.sub_queue = q.queue_id
              join pgq.consumer c on c.co_id = s.sub_consumer
             where q.queue_name = i_queue_name) p;

    select array_agg(m.queue_name order by m.queue_name)
      into target_for
      from pgq_node.node_info m
     where m.combined_queue = i_queue_name;

    if node_type = 'root' then
        worker_last_tick := newest_tick;
    end if;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
