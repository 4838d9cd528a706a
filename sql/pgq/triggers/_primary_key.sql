-- The columns of a table's primary key as a list, in key order, NULL without a key. These are the
-- names in the key's index, so included columns are among them.
--
-- The setting is for small databases, where the planner would rather read all of pg_index than look
-- into its index: that took a fifth of the whole trigger's time.
create or replace function pgq._primary_key(i_relid oid) returns text
language plpgsql stable
set enable_seqscan = off
as $$
declare
    key pg_catalog.oid;
begin
    select i.indexrelid into key
      from pg_catalog.pg_index i
     where i.indrelid operator(pg_catalog.=) i_relid
       and i.indisprimary;
    if not found then
        return null;
    end if;
    return pg_catalog.array_to_string(array(
        select a.attname
          from pg_catalog.pg_attribute a
         where a.attrelid operator(pg_catalog.=) key
           and a.attnum operator(pg_catalog.>) 0::smallint
         order by a.attnum), ',');
end;
$$;
