-- The table that new events of a queue go to, for producers that use COPY. Only good until the
-- end of the transaction: the next rotation chooses another one.
create or replace function pgq.current_event_table(x_queue_name text) returns text
language plpgsql as $$
declare
    q pg_catalog.record;
begin
    select queue_data_pfx, queue_cur_table, queue_disable_insert
      into q
      from pgq.queue
     where queue_name operator(pg_catalog.=) x_queue_name;
    if not found then
        raise exception 'Event queue not found';
    end if;
    if q.queue_disable_insert
       and pg_catalog.current_setting('session_replication_role') operator(pg_catalog.<>) 'replica'
    then
        raise exception 'Writing to queue disabled';
    end if;
    return pg_catalog.concat(q.queue_data_pfx, '_', q.queue_cur_table);
end;
$$;
