-- Wakes the workers that LISTEN for ticks: channel pgq_tick, payload is the queue name.
--
-- An announcement must never be the reason why a tick fails. A name too long for a payload is not
-- announced, and neither is anything while the server's notification queue is half full because
-- some listener does not read: a full one would make commits fail.
create or replace function pgq._announce_tick(i_queue_name text) returns void
language plpgsql as $$
begin
    if pg_catalog.octet_length(i_queue_name) operator(pg_catalog.<=) 7000
       and pg_catalog.pg_notification_queue_usage() operator(pg_catalog.<) 0.5::double precision
    then
        perform pg_catalog.pg_notify('pgq_tick', i_queue_name);
    end if;
end;
$$;
