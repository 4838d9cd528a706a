-- The small, often updated tables of our schemas that need a vacuum by hand. None when autovacuum
-- is on.
create or replace function pgq.maint_tables_to_vacuum() returns setof text
language plpgsql as $$
begin
    if pg_catalog.current_setting('autovacuum') operator(pg_catalog.=) 'on' then
        return;
    end if;
    return query
        select pg_catalog.concat(t.schema, '.', t.name)
          from (values (1, 'pgq', 'subscription'), (2, 'pgq', 'consumer'), (3, 'pgq', 'queue'),
                       (4, 'pgq', 'tick'), (5, 'pgq', 'retry_queue'),
                       (6, 'pgq_ext', 'completed_tick'), (7, 'pgq_ext', 'completed_batch'),
                       (8, 'pgq_ext', 'completed_event'), (9, 'pgq_ext', 'partial_batch'),
                       (10, 'pgq_node', 'local_state'), (11, 'londiste', 'seq_info'),
                       (12, 'txid', 'epoch'), (13, 'londiste', 'completed')
               ) as t (nr, schema, name)
               join pg_catalog.pg_namespace n on n.nspname operator(pg_catalog.=) t.schema
               join pg_catalog.pg_class c
                    on c.relnamespace operator(pg_catalog.=) n.oid
                   and c.relname operator(pg_catalog.=) t.name
         order by t.nr;
end;
$$;
