-- Puts an event of an active batch aside until x_retry_time; it then comes back to this consumer
-- only. Returns 1, or 0 if it waits already.
create or replace function pgq.event_retry(
    x_batch_id bigint, x_event_id bigint, x_retry_time timestamptz
) returns integer
language plpgsql security definer as $$
declare
    sub pg_catalog.record;
    ev  pg_catalog.record;
begin
    select sub_id, sub_queue into sub
      from pgq.subscription
     where sub_batch operator(pg_catalog.=) x_batch_id;
    if not found then
        raise exception 'event not found';
    end if;
    select * into ev
      from pgq.get_batch_events(x_batch_id) e
     where e.ev_id operator(pg_catalog.=) x_event_id
     limit 1;
    if not found then
        raise exception 'event not found';
    end if;

    insert into pgq.retry_queue (ev_retry_after, ev_queue, ev_id, ev_time, ev_owner, ev_retry,
        ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4)
    values (x_retry_time, sub.sub_queue, ev.ev_id, ev.ev_time, sub.sub_id,
        coalesce(ev.ev_retry, 0) operator(pg_catalog.+) 1,
        ev.ev_type, ev.ev_data, ev.ev_extra1, ev.ev_extra2, ev.ev_extra3, ev.ev_extra4)
    on conflict on constraint rq_pkey do nothing;
    return case when found then 1 else 0 end;
end;
$$;

-- The same, for a number of seconds from now.
create or replace function pgq.event_retry(
    x_batch_id bigint, x_event_id bigint, x_retry_seconds integer
) returns integer
language plpgsql security definer as $$
begin
    return pgq.event_retry(x_batch_id, x_event_id,
        current_timestamp operator(pg_catalog.+) pg_catalog.make_interval(secs => x_retry_seconds));
end;
$$;
