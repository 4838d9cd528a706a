-- Makes this database a member of the queue's tree.
--
-- A root owns the queue. A branch carries a copy of it, fed and ticked only by its worker. A leaf
-- has none; with i_combined_queue its worker merges into that other queue of this database.
-- The locations of the node and of its provider have to be registered before.
--
-- Returns 200, or 401 when the arguments do not fit together or the node exists already.
create or replace function pgq_node.create_node(
    in i_queue_name text,
    in i_node_type text,
    in i_node_name text,
    in i_worker_name text,
    in i_provider_name text,
    in i_global_watermark bigint,
    in i_combined_queue text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    start_tick bigint;
    provider text := i_provider_name;
begin
    if exists (select 1 from pgq_node.node_info n where n.queue_name = i_queue_name) then
        ret_code := 401;
        ret_note := 'Node already initialized';
        return;
    end if;

    if i_node_type = 'root' then
        if coalesce(i_provider_name, i_global_watermark::text, i_combined_queue) is not null then
            ret_code := 401;
            ret_note := 'unexpected args for root';
            return;
        end if;

        perform pgq.create_queue(i_queue_name);
        perform pgq.register_consumer(i_queue_name, '.global_watermark');
        select c.last_tick
          into start_tick
          from pgq.get_consumer_info(i_queue_name, '.global_watermark') c;
        provider := i_node_name;
    elsif i_node_type = 'branch' then
        if i_provider_name is null then
            ret_code := 401;
            ret_note := 'provider not set for branch';
            return;
        end if;
        if i_global_watermark is null then
            ret_code := 401;
            ret_note := 'global watermark not set for branch';
            return;
        end if;

        perform pgq.create_queue(i_queue_name);
        update pgq.queue q
           set queue_external_ticker = true,
               queue_disable_insert = true
         where q.queue_name = i_queue_name;
        -- A new queue has tick 1; any other starting point has to be made.
        if i_global_watermark > 1 then
            perform pgq.ticker(i_queue_name, i_global_watermark, now(), 1);
        end if;
        perform pgq.register_consumer_at(i_queue_name, '.global_watermark', i_global_watermark);
        start_tick := i_global_watermark;
    elsif i_node_type = 'leaf' then
        if i_combined_queue is not null
            and not exists (select 1 from pgq.queue q where q.queue_name = i_combined_queue)
        then
            ret_code := 401;
            ret_note := 'non-existing queue on leaf side: ' || i_combined_queue;
            return;
        end if;
        start_tick := i_global_watermark;
    end if;

    -- Any other type is left to the table's check.
    insert into pgq_node.node_info
        (queue_name, node_type, node_name, worker_name, combined_queue)
    values
        (i_queue_name, i_node_type, i_node_name, i_worker_name, i_combined_queue);

    select r.ret_code, r.ret_note
      into ret_code, ret_note
      from pgq_node.register_consumer(i_queue_name, i_worker_name, provider, start_tick) r;
    if ret_code <> 200 then
        return;
    end if;

    ret_code := 200;
    ret_note := 'Node "' || i_node_name || '" initialized for queue "' || i_queue_name
        || '" with type "' || i_node_type || '"';
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
