-- Trigger function: puts the changes of a table into a queue, rows as JSON.
-- Arguments: the queue, then any of SKIP, ignore=, pkey=, backup, deny, when=, ev_type= and so on.
create or replace function pgq.jsontriga() returns trigger
language plpgsql as $$
declare
    skip boolean := false;
begin
    if pg_catalog.current_setting('session_replication_role') operator(pg_catalog.<>) 'local' then
        if tg_op operator(pg_catalog.=) 'TRUNCATE' then
            perform pgq._truncate_event(
                'json', tg_when, tg_relid, tg_table_schema, tg_table_name, tg_argv);
            return null;
        elsif tg_level operator(pg_catalog.<>) 'ROW' then
            raise exception 'pgq Ins/Upd/Del trigger must be fired FOR EACH ROW';
        elsif tg_op operator(pg_catalog.=) 'INSERT' then
            skip := pgq._trigger_event('json', tg_op, tg_when, tg_relid,
                tg_table_schema, tg_table_name, tg_argv, new, new);
        elsif tg_op operator(pg_catalog.=) 'UPDATE' then
            skip := pgq._trigger_event('json', tg_op, tg_when, tg_relid,
                tg_table_schema, tg_table_name, tg_argv, new, old);
        else
            skip := pgq._trigger_event('json', tg_op, tg_when, tg_relid,
                tg_table_schema, tg_table_name, tg_argv, old, old);
        end if;
    end if;

    if skip then
        return null;
    elsif tg_op operator(pg_catalog.=) 'DELETE' then
        return old;
    end if;
    return new;
end;
$$;
