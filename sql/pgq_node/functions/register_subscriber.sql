-- Lets a remote node read from this one.
--
-- Two pgq consumers stand for it here: its worker, which starts at i_custom_tick_id or else at the
-- global watermark, and `.<node>.watermark`, which always starts at the global watermark and holds
-- back rotation for what the remote node itself still has to hand on.
--
-- Returns 200 with the global watermark; 401 on a leaf; 404 for an unknown queue.
create or replace function pgq_node.register_subscriber(
    in i_queue_name text,
    in i_remote_node_name text,
    in i_remote_worker_name text,
    in i_custom_tick_id int8,
    out ret_code int4,
    out ret_note text,
    out global_watermark bigint)
returns record as $$
declare
    local_type text;
    watermark_consumer text := '.' || i_remote_node_name || '.watermark';
begin
    select n.node_type
      into local_type
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;
    if not found then
        ret_code := 404;
        ret_note := 'Unknown queue: ' || i_queue_name;
        return;
    end if;

    select c.last_tick
      into global_watermark
      from pgq.get_consumer_info(i_queue_name, '.global_watermark') c;

    if local_type not in ('root', 'branch') then
        ret_code := 401;
        ret_note := 'Cannot subscribe to leaf node';
        return;
    end if;

    perform pgq.register_consumer_at(i_queue_name, watermark_consumer, global_watermark);
    perform pgq.register_consumer_at(
        i_queue_name, i_remote_worker_name, coalesce(i_custom_tick_id, global_watermark));

    insert into pgq_node.subscriber_info
        (queue_name, subscriber_node, worker_name, watermark_name)
    values
        (i_queue_name, i_remote_node_name, i_remote_worker_name, watermark_consumer);

    ret_code := 200;
    ret_note := 'Subscriber registered: ' || i_remote_node_name;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
