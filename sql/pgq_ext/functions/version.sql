-- The version of the schema.
create or replace function pgq_ext.version() returns text
language plpgsql as $$
begin
    return '3.1';
end;
$$;
