-- What the node's worker has to know before each batch. Watermarks as in get_node_info;
-- `local_queue_top` is the newest tick of the local copy of the queue.
--
-- Filled step by step: an early 404 leaves the columns of the later steps null.
--
-- Returns 100; 404 when the queue, the worker, its provider or the combined queue is unknown.
create or replace function pgq_node.get_worker_state(
    in i_queue_name text,
    out ret_code int4,
    out ret_note text,
    out node_type text,
    out node_name text,
    out completed_tick bigint,
    out provider_node text,
    out provider_location text,
    out paused boolean,
    out uptodate boolean,
    out cur_error text,
    out worker_name text,
    out global_watermark bigint,
    out local_watermark bigint,
    out local_queue_top bigint,
    out combined_queue text,
    out combined_type text)
returns record as $$
begin
    select n.node_type, n.node_name, n.worker_name, n.combined_queue
      into node_type, node_name, worker_name, combined_queue
      from pgq_node.node_info n
     where n.queue_name = i_queue_name;
    if not found then
        ret_code := 404;
        ret_note := 'Unknown queue: ' || i_queue_name;
        return;
    end if;

    select s.last_tick_id, s.provider_node, s.paused, s.uptodate, s.cur_error
      into completed_tick, provider_node, paused, uptodate, cur_error
      from pgq_node.local_state s
     where s.queue_name = i_queue_name
       and s.consumer_name = worker_name;
    if not found then
        ret_code := 404;
        ret_note := 'Unknown consumer: ' || i_queue_name || '/' || worker_name;
        return;
    end if;

    select 100, 'Ok', l.node_location
      into ret_code, ret_note, provider_location
      from pgq_node.node_location l
     where l.queue_name = i_queue_name
       and l.node_name = provider_node;
    if not found then
        ret_code := 404;
        ret_note := 'Unknown provider node: ' || i_queue_name || '/' || provider_node;
        return;
    end if;

    if combined_queue is not null then
        select c.node_type
          into combined_type
          from pgq_node.node_info c
         where c.queue_name = get_worker_state.combined_queue;
        if not found then
            -- spelled as clients have always seen it
            ret_code := 404;
            ret_note := 'Combinde queue node not found: ' || combined_queue;
            return;
        end if;
    end if;

    if node_type not in ('root', 'branch') then
        local_watermark := completed_tick;
        return;
    end if;

    select max(t.tick_id)
      into local_queue_top
      from pgq.queue q
      join pgq.tick t on t.tick_queue = q.queue_id
     where q.queue_name = i_queue_name;

    select max(p.sub_last_tick) filter (where p.co_name = '.global_watermark'),
           coalesce(
               min(p.sub_last_tick) filter (where p.co_name <> '.global_watermark'),
               local_queue_top)
      into global_watermark, local_watermark
      from (select s.sub_last_tick, c.co_name
              from pgq.queue q
              join pgq.subscription s on s.sub_queue = q.queue_id
              join pgq.consumer c on c.co_id = s.sub_consumer
             where q.queue_name = i_queue_name) p;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
