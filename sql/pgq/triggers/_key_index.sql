-- The index whose columns identify the rows of a table: the primary key's, else the narrowest unique
-- one over columns that cannot be NULL, if it has neither expressions nor a condition and is checked
-- at once. NULL when there is none.
create or replace function pgq._key_index(i_relid oid) returns oid
language sql stable as $$
    select i.indexrelid
      from pg_catalog.pg_index i
     where i.indrelid operator(pg_catalog.=) i_relid
       and i.indisunique and i.indisvalid and i.indimmediate
       and i.indpred is null and i.indexprs is null
       and not exists (
            select from pg_catalog.pg_attribute a
             where a.attrelid operator(pg_catalog.=) i.indrelid
               and a.attnum operator(pg_catalog.=) any (
                   (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts operator(pg_catalog.-) 1])
               and not a.attnotnull)
     order by i.indisprimary desc, i.indnkeyatts, i.indexrelid
     limit 1
$$;
