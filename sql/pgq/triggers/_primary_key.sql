-- The columns of a table's primary key as a list, in key order, empty without a key. These are the
-- names in the key's index, so included columns are among them.
create or replace function pgq._primary_key(i_relid oid) returns text
language plpgsql stable as $$
begin
    return pg_catalog.array_to_string(array(
        select a.attname
          from pg_catalog.pg_index i
               join pg_catalog.pg_attribute a
                    on a.attrelid operator(pg_catalog.=) i.indexrelid
         where i.indrelid operator(pg_catalog.=) i_relid
           and i.indisprimary
         order by a.attnum), ',');
end;
$$;
