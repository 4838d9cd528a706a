-- The event for a TRUNCATE. It has no row, and of the trigger's arguments only deny means anything.
create or replace function pgq._truncate_event(
    i_format text, i_when text, i_relid oid, i_schema text, i_table text, i_args text[]
) returns void
language plpgsql as $$
declare
    queue constant  pg_catalog.text := i_args[0];
    arg             pg_catalog.record;
    event_id        bigint;
begin
    if queue is null then
        raise exception 'pgq trigger must have destination queue as argument';
    end if;
    arg := pgq._trigger_args(i_args, 'TRUNCATE');
    if arg.o_skip and i_when operator(pg_catalog.=) 'AFTER' then
        raise exception 'SKIP does not work in AFTER trigger.';
    end if;
    if arg.o_deny then
        raise exception 'Table ''%.%'' to queue ''%'': change not allowed (TRUNCATE)',
            i_schema, i_table, queue;
    end if;

    if i_format operator(pg_catalog.=) 'json' then
        event_id := pgq.insert_event(queue,
            pgq._json_type('TRUNCATE', i_schema, i_table, pgq._key_columns(null, i_relid)), '{}',
            pg_catalog.concat(i_schema, '.', i_table), null, null, null);
    else
        event_id := pgq.insert_event(queue, 'R', '',
            pg_catalog.concat(i_schema, '.', i_table), null, null, null);
    end if;
end;
$$;
