-- The last value of a sequence, without advancing it. A sequence that was never used reports its
-- start value.
create or replace function pgq.seq_getval(i_seq_name text) returns bigint
language plpgsql strict as $$
declare
    value bigint;
begin
    execute pg_catalog.format('select last_value from %s', pgq.quote_fqname(i_seq_name))
       into value;
    return value;
end;
$$;
