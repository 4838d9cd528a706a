-- Stores how far a consumer has come and clears its error. Called in the transaction that did the
-- work, which is what makes every batch count exactly once.
--
-- Returns 100, or 404 for an unknown consumer.
create or replace function pgq_node.set_consumer_completed(
    in i_queue_name text,
    in i_consumer_name text,
    in i_tick_id int8,
    out ret_code int4,
    out ret_note text)
returns record as $$
begin
    update pgq_node.local_state s
       set last_tick_id = i_tick_id,
           cur_error = null
     where s.queue_name = i_queue_name
       and s.consumer_name = i_consumer_name;
    if not found then
        ret_code := 404;
        ret_note := 'Consumer not known: ' || i_queue_name || '/' || i_consumer_name;
        return;
    end if;

    ret_code := 100;
    ret_note := 'Consumer ' || i_consumer_name || ' completed tick = ' || i_tick_id::text;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
