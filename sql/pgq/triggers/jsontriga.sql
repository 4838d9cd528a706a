-- Trigger function: puts the changes of a table into a queue, rows as JSON.
-- Arguments: the queue, then any of SKIP, ignore=, pkey=, backup, deny, when=, ev_type= and so on.
--
-- Values are written in forms that every server reads alike, whatever the application has set: of a
-- date like 04/03/2024 the other side would have to guess the month.
create or replace function pgq.jsontriga() returns trigger
language plpgsql
set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set lc_monetary = 'C'
as $$
declare
    skip boolean;
begin
    if pg_catalog.current_setting('session_replication_role') operator(pg_catalog.=) 'local' then
        skip := false;
    elsif tg_op operator(pg_catalog.=) 'TRUNCATE' then
        perform pgq._truncate_event('json', tg_when, tg_relid, tg_table_schema, tg_table_name, tg_argv);
        return null;
    elsif tg_level operator(pg_catalog.<>) 'ROW' then
        raise exception 'pgq Ins/Upd/Del trigger must be fired FOR EACH ROW';
    elsif tg_op operator(pg_catalog.=) 'INSERT' then
        skip := pgq._trigger_event('json', tg_op, tg_when, tg_relid, tg_table_schema, tg_table_name,
            tg_argv, new, new);
    elsif tg_op operator(pg_catalog.=) 'UPDATE' then
        skip := pgq._trigger_event('json', tg_op, tg_when, tg_relid, tg_table_schema, tg_table_name,
            tg_argv, new, old);
    else
        skip := pgq._trigger_event('json', tg_op, tg_when, tg_relid, tg_table_schema, tg_table_name,
            tg_argv, old, old);
    end if;

    if skip then
        return null;
    elsif tg_op operator(pg_catalog.=) 'DELETE' then
        return old;
    end if;
    return new;
end;
$$;
