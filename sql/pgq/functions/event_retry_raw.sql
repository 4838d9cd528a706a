-- Puts an event that the caller describes into the retry queue of a consumer. Returns its id,
-- taken from the event sequence if none is given.
create or replace function pgq.event_retry_raw(
    x_queue text, x_consumer text, x_retry_after timestamptz,
    x_ev_id bigint, x_ev_time timestamptz, x_ev_retry integer, x_ev_type text, x_ev_data text,
    x_ev_extra1 text, x_ev_extra2 text, x_ev_extra3 text, x_ev_extra4 text
) returns bigint
language plpgsql security definer as $$
declare
    sub     pg_catalog.record;
    new_id  bigint := x_ev_id;
begin
    select s.sub_id, q.queue_id, q.queue_event_seq
      into sub
      from pgq.queue q, pgq.consumer c, pgq.subscription s
     where q.queue_name operator(pg_catalog.=) x_queue
       and c.co_name operator(pg_catalog.=) x_consumer
       and s.sub_queue operator(pg_catalog.=) q.queue_id
       and s.sub_consumer operator(pg_catalog.=) c.co_id;
    if not found then
        raise exception 'consumer not registered';
    end if;

    if new_id is null then
        new_id := pg_catalog.nextval(pgq.quote_fqname(sub.queue_event_seq)::pg_catalog.regclass);
    end if;
    insert into pgq.retry_queue (ev_retry_after, ev_queue, ev_id, ev_time, ev_owner, ev_retry,
        ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4)
    values (x_retry_after, sub.queue_id, new_id, x_ev_time, sub.sub_id, x_ev_retry,
        x_ev_type, x_ev_data, x_ev_extra1, x_ev_extra2, x_ev_extra3, x_ev_extra4);
    return new_id;
end;
$$;
