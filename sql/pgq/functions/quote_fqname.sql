-- Quotes "schema.name" for use in a statement. The first dot separates; without a dot the schema
-- is public.
create or replace function pgq.quote_fqname(i_name text) returns text
language plpgsql immutable strict as $$
declare
    dot integer := pg_catalog.strpos(i_name, '.');
begin
    if dot operator(pg_catalog.=) 0 then
        return pg_catalog.format('public.%I', i_name);
    end if;
    return pg_catalog.format('%I.%I',
        pg_catalog.substr(i_name, 1, dot operator(pg_catalog.-) 1),
        pg_catalog.substr(i_name, dot operator(pg_catalog.+) 1));
end;
$$;
