-- The names of the columns that identify the rows of a table, in the key's order; NULL without a key.
create or replace function pgq._row_key(i_relid oid) returns text[]
language sql stable as $$
    select (pgq._index_columns(i.indexrelid))[1:i.indnkeyatts]
      from pg_catalog.pg_index i
     where i.indexrelid operator(pg_catalog.=) pgq._key_index(i_relid)
$$;
