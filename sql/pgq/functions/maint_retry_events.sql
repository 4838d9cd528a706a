-- Moves up to ten due events from the retry queue back into their queues. Returns how many;
-- callers repeat until 0. The lock keeps a second mover out and lets consumers go on adding.
create or replace function pgq.maint_retry_events() returns integer
language plpgsql as $$
declare
    ev      pg_catalog.record;
    moved   integer := 0;
begin
    lock table pgq.retry_queue in share update exclusive mode;
    for ev in
        select q.queue_name, r.*
          from pgq.retry_queue r
               join pgq.queue q on q.queue_id operator(pg_catalog.=) r.ev_queue
         where r.ev_retry_after operator(pg_catalog.<=) current_timestamp
         order by r.ev_retry_after
         limit 10
    loop
        perform pgq.insert_event_raw(ev.queue_name, ev.ev_id, ev.ev_time, ev.ev_owner, ev.ev_retry,
            ev.ev_type, ev.ev_data, ev.ev_extra1, ev.ev_extra2, ev.ev_extra3, ev.ev_extra4);
        delete from pgq.retry_queue
         where ev_owner operator(pg_catalog.=) ev.ev_owner
           and ev_id operator(pg_catalog.=) ev.ev_id;
        moved := moved operator(pg_catalog.+) 1;
    end loop;
    return moved;
end;
$$;
