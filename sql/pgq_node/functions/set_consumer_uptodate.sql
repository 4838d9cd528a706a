-- Set by a consumer that has read its state after an administrator changed it.
--
-- Returns 200, or 404 for an unknown consumer.
create or replace function pgq_node.set_consumer_uptodate(
    in i_queue_name text,
    in i_consumer_name text,
    in i_uptodate boolean,
    out ret_code int4,
    out ret_note text)
returns record as $$
begin
    update pgq_node.local_state s
       set uptodate = i_uptodate
     where s.queue_name = i_queue_name
       and s.consumer_name = i_consumer_name;
    if not found then
        ret_code := 404;
        ret_note := 'Consumer not known: ' || i_queue_name || '/' || i_consumer_name;
        return;
    end if;

    ret_code := 200;
    ret_note := 'Consumer uptodate = ' || i_uptodate::int4::text;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
