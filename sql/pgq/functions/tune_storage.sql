-- Storage settings of a queue's event tables: they are only ever appended to and truncated, so
-- neither free space nor vacuum does them any good. Returns 0 for an unknown queue.
create or replace function pgq.tune_storage(i_queue_name text) returns integer
language plpgsql strict as $$
declare
    q pg_catalog.record;
begin
    select queue_data_pfx, queue_ntables
      into q
      from pgq.queue
     where queue_name operator(pg_catalog.=) i_queue_name;
    if not found then
        return 0;
    end if;
    for i in 0 .. q.queue_ntables operator(pg_catalog.-) 1 loop
        execute pg_catalog.format(
            'alter table %s set (fillfactor = 100, autovacuum_enabled = off,'
            ' toast.autovacuum_enabled = off)',
            pgq.quote_fqname(pg_catalog.concat(q.queue_data_pfx, '_', i)));
    end loop;
    return 1;
end;
$$;
