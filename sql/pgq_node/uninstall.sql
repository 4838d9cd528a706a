-- Removes the schema pgq_node. The queues of its nodes and the roles, which are pgq's, stay.
-- Run it after londiste's uninstall.sql, whose tables reference the nodes.

do $uninstall$
begin
    if exists (select 1 from pg_catalog.pg_extension e where e.extname = 'pgq_node') then
        raise exception 'schema pgq_node belongs to the extension pgq_node'
            using hint = 'Run: DROP EXTENSION pgq_node';
    end if;
    if pg_catalog.to_regclass('londiste.table_info') is not null then
        raise exception 'schema londiste depends on pgq_node'
            using hint = 'Uninstall londiste first.';
    end if;
end;
$uninstall$;

drop schema if exists pgq_node cascade;
