-- Version of the interface this schema offers. An installation made as an extension says its own.
create or replace function pgq_node.version()
returns text as $$
begin
    return coalesce(
        (select e.extversion from pg_catalog.pg_extension e where e.extname = 'pgq_node'),
        '3.5');
end;
$$ language plpgsql;
