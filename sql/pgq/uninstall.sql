-- Removes the schema pgq: the queues with all their events, and every trigger that feeds them. The roles stay: other
-- databases of the server may use them (DROP ROLE pgq_admin, pgq_writer, pgq_reader).
-- Run it after uninstall.sql of pgq_node, whose nodes have queues.

do $uninstall$
begin
    if exists (select 1 from pg_catalog.pg_extension e where e.extname = 'pgq') then
        raise exception 'schema pgq belongs to the extension pgq'
            using hint = 'Drop the queues, then run: DROP EXTENSION pgq';
    end if;
    if pg_catalog.to_regnamespace('pgq_node') is not null then
        raise exception 'schema pgq_node depends on pgq'
            using hint = 'Uninstall pgq_node first.';
    end if;
end;
$uninstall$;

drop schema if exists pgq cascade;
