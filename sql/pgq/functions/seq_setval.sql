-- Raises a sequence to the given value, never lowers it. Returns where the sequence then stands.
create or replace function pgq.seq_setval(i_seq_name text, i_new_value bigint) returns bigint
language plpgsql strict as $$
declare
    value bigint := pgq.seq_getval(i_seq_name);
begin
    if value operator(pg_catalog.<) i_new_value then
        value := pg_catalog.setval(pgq.quote_fqname(i_seq_name)::pg_catalog.regclass, i_new_value);
    end if;
    return value;
end;
$$;
