-- Makes the next ticker run write a tick on the queue, by jumping ahead in the event sequence as
-- if many events had come. Returns the newest tick there is now; callers wait for a higher one.
create or replace function pgq.force_tick(i_queue_name text) returns bigint
language plpgsql security definer as $$
declare
    q   pg_catalog.record;
    seq pg_catalog.regclass;
begin
    select queue_id, queue_event_seq, queue_ticker_max_count,
           queue_external_ticker or queue_ticker_paused as stopped
      into q
      from pgq.queue
     where queue_name operator(pg_catalog.=) i_queue_name;
    if not found then
        return null;
    end if;

    if not q.stopped then
        seq := pgq.quote_fqname(q.queue_event_seq)::pg_catalog.regclass;
        perform pg_catalog.setval(seq, pg_catalog.nextval(seq) operator(pg_catalog.+)
            (q.queue_ticker_max_count operator(pg_catalog.*) 2::bigint)
            operator(pg_catalog.+) 1000);
    end if;
    return (select pg_catalog.max(t.tick_id)
              from pgq.tick t
             where t.tick_queue operator(pg_catalog.=) q.queue_id);
end;
$$;
