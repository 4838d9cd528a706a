-- Brings tables made before there were subconsumers to today's shape. Returns the number of
-- changes, 0 when there is nothing to do.
create or replace function pgq_ext.upgrade_schema() returns integer
language plpgsql as $$
declare
    t       record;
    changes integer := 0;
begin
    for t in
        select l.name, l.key, a.attnum, a.atthasdef
          from (values ('completed_tick', 'consumer_id, subconsumer_id'),
                       ('completed_batch', 'consumer_id, subconsumer_id'),
                       ('completed_event', 'consumer_id, subconsumer_id, batch_id, event_id'),
                       ('partial_batch', 'consumer_id, subconsumer_id')) as l (name, key)
               left join pg_catalog.pg_attribute a
                    on a.attrelid operator(pg_catalog.=)
                           pg_catalog.concat('pgq_ext.', l.name)::pg_catalog.regclass
                   and a.attname operator(pg_catalog.=) 'subconsumer_id'
                   and not a.attisdropped
    loop
        if t.attnum is null then
            execute pg_catalog.format(
                'alter table pgq_ext.%1$I'
                ' add column subconsumer_id pg_catalog.text not null default '''','
                ' drop constraint %2$I, add constraint %2$I primary key (%3$s)',
                t.name, pg_catalog.concat(t.name, '_pkey'), t.key);
            changes := changes operator(pg_catalog.+) 2;
        elsif not t.atthasdef then
            execute pg_catalog.format(
                'alter table pgq_ext.%I alter column subconsumer_id set default ''''', t.name);
            changes := changes operator(pg_catalog.+) 1;
        end if;
    end loop;
    return changes;
end;
$$;
