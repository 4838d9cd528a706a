-- Version of the interface this schema offers. An installation made as an extension says its own.
create or replace function londiste.version()
returns text as $$
begin
    return coalesce(
        (select e.extversion from pg_catalog.pg_extension e where e.extname = 'londiste'),
        '3.8');
end;
$$ language plpgsql;
