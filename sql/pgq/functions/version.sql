-- The version of the schema. Where the extension pgq is installed it answers for itself.
create or replace function pgq.version() returns text
language plpgsql as $$
begin
    return coalesce(
        (select e.extversion
           from pg_catalog.pg_extension e
          where e.extname operator(pg_catalog.=) 'pgq'),
        '3.5');
end;
$$;
