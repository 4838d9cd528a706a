-- The columns of a key, which is a list as in the trigger argument pkey=, or the table's primary key
-- when i_list is NULL. Only the names in a list may not have commas in them.
create or replace function pgq._key_columns(i_list text, i_relid oid) returns text[]
language plpgsql stable as $$
begin
    if i_list is null then
        return array(
            select a.attname
              from pg_catalog.pg_index i
                   join pg_catalog.pg_attribute a
                        on a.attrelid operator(pg_catalog.=) i.indexrelid
             where i.indrelid operator(pg_catalog.=) i_relid
               and i.indisprimary
               and a.attnum operator(pg_catalog.>) 0::smallint
             order by a.attnum);
    elsif i_list operator(pg_catalog.=) '' then
        return array[''];
    end if;
    return pg_catalog.string_to_array(i_list, ',');
end;
$$;
