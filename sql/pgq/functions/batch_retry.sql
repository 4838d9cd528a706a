-- Puts all events of an active batch aside for i_retry_seconds. Returns how many were not waiting
-- already. Two events with the same number are refused: only one of them could wait, and the other
-- would be lost with the batch.
create or replace function pgq.batch_retry(i_batch_id bigint, i_retry_seconds integer)
returns integer
language plpgsql security definer as $$
declare
    sub     pg_catalog.record;
    added   integer;
begin
    select sub_id, sub_queue into sub
      from pgq.subscription
     where sub_batch operator(pg_catalog.=) i_batch_id;
    if not found then
        raise exception 'batch_retry: batch % not found', i_batch_id;
    end if;

    insert into pgq.retry_queue (ev_retry_after, ev_queue, ev_id, ev_time, ev_owner, ev_retry,
        ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4)
    select current_timestamp operator(pg_catalog.+)
               pg_catalog.make_interval(secs => i_retry_seconds),
           sub.sub_queue, e.ev_id, e.ev_time, sub.sub_id,
           coalesce(e.ev_retry, 0) operator(pg_catalog.+) 1,
           e.ev_type, e.ev_data, e.ev_extra1, e.ev_extra2, e.ev_extra3, e.ev_extra4
      from pgq.get_batch_events(i_batch_id) e
     where not exists (
            select from pgq.retry_queue r
             where r.ev_queue operator(pg_catalog.=) sub.sub_queue
               and r.ev_owner operator(pg_catalog.=) sub.sub_id
               and r.ev_id operator(pg_catalog.=) e.ev_id);
    get diagnostics added = row_count;
    return added;
end;
$$;
