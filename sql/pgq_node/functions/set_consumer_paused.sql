-- Pauses or resumes a consumer. It has to confirm with `uptodate` that it noticed.
--
-- Returns 200; 201 when the flag stands so already; 404 for an unknown consumer.
create or replace function pgq_node.set_consumer_paused(
    in i_queue_name text,
    in i_consumer_name text,
    in i_paused boolean,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    paused_now boolean;
    state_name text := case when i_paused then 'paused' else 'resumed' end;
begin
    select s.paused
      into paused_now
      from pgq_node.local_state s
     where s.queue_name = i_queue_name
       and s.consumer_name = i_consumer_name
       for update;
    if not found then
        ret_code := 404;
        ret_note := 'Unknown consumer: ' || i_consumer_name;
        return;
    end if;

    if paused_now = i_paused then
        ret_code := 201;
        ret_note := 'Consumer ' || i_consumer_name || ' already ' || state_name;
        return;
    end if;

    update pgq_node.local_state s
       set paused = i_paused,
           uptodate = false
     where s.queue_name = i_queue_name
       and s.consumer_name = i_consumer_name;

    ret_code := 200;
    ret_note := 'Consumer ' || i_consumer_name || ' tagged as ' || state_name;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
