-- The columns of a table's primary key as a list, in key order, NULL without a key. These are the
-- names in the key's index, which a renamed column does not change, and included columns are among
-- them.
create or replace function pgq._primary_key(i_relid oid) returns text
language plpgsql stable as $$
declare
    key pg_catalog.record;
begin
    -- The next key from the table on: asked for the table's own, the planner would rather read all of
    -- a small pg_index than look into its index, which took a fifth of the whole trigger's time.
    select i.indrelid, i.indexrelid, i.indnatts,
           (select a.attname
              from pg_catalog.pg_attribute a
             where a.attrelid operator(pg_catalog.=) i.indexrelid
               and a.attnum operator(pg_catalog.=) 1::smallint) as first_name
      into key
      from pg_catalog.pg_index i
     where i.indrelid operator(pg_catalog.>=) i_relid
       and i.indisprimary
     order by i.indrelid
     limit 1;
    if key.indrelid operator(pg_catalog.=) i_relid then
        if key.indnatts operator(pg_catalog.=) 1::smallint then
            return key.first_name;
        end if;
        return pg_catalog.array_to_string(array(
            select a.attname
              from pg_catalog.pg_attribute a
             where a.attrelid operator(pg_catalog.=) key.indexrelid
               and a.attnum operator(pg_catalog.>) 0::smallint
             order by a.attnum), ',');
    end if;
    return null;
end;
$$;
