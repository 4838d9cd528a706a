-- The columns that identify a table's rows, as an argument of triggers has them: those of the primary
-- key, else of a unique key without NULLs where our pgq is there to find one. NULL without a key.
create or replace function londiste._key_list(i_relid oid)
returns text as $$
begin
    if exists (
        select 1
          from pg_catalog.pg_constraint c
         where c.conrelid = i_relid
           and c.contype = 'p')
    then
        return (
            select string_agg(a.attname, ',' order by k.nr)
              from pg_catalog.pg_constraint c
              cross join unnest(c.conkey) with ordinality as k (attnum, nr)
              join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
             where c.conrelid = i_relid
               and c.contype = 'p');
    elsif to_regprocedure('pgq._row_key(oid)') is null then
        return null;
    end if;
    return array_to_string(pgq._row_key(i_relid), ',');
end;
$$ language plpgsql strict stable;
