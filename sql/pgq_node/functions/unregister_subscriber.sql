-- Undoes register_subscriber.
--
-- Returns 200, or 304 when the node is not subscribed.
create or replace function pgq_node.unregister_subscriber(
    in i_queue_name text,
    in i_remote_node_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    remote_worker text;
begin
    -- The row goes first: it references the consumers' names.
    delete from pgq_node.subscriber_info i
     where i.queue_name = i_queue_name
       and i.subscriber_node = i_remote_node_name
    returning i.worker_name into remote_worker;
    if not found then
        ret_code := 304;
        ret_note := 'Subscriber not found';
        return;
    end if;

    perform pgq.unregister_consumer(i_queue_name, '.' || i_remote_node_name || '.watermark');
    perform pgq.unregister_consumer(i_queue_name, remote_worker);

    ret_code := 200;
    ret_note := 'Subscriber unregistered: ' || i_remote_node_name;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
