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

-- The names of an index's columns as they are today, also when the caller's snapshot is older, those
-- it only includes among them. NULL when there is no such index any more.
create or replace function pgq._index_columns(i_index oid) returns text[]
language plpgsql stable as $$
declare
    names   pg_catalog.text[];
    name    pg_catalog.text;
    nr      integer := 1;
begin
    loop
        name := pg_catalog.pg_get_indexdef(i_index, nr, false);
        exit when coalesce(name, '') operator(pg_catalog.=) '';
        names := pg_catalog.array_append(names, (pg_catalog.parse_ident(name))[1]);
        nr := nr operator(pg_catalog.+) 1;
    end loop;
    return names;
end;
$$;

-- The names of the columns that identify the rows of a table, in the key's order; NULL without a key.
create or replace function pgq._row_key(i_relid oid) returns text[]
language sql stable as $$
    select (pgq._index_columns(i.indexrelid))[1:i.indnkeyatts]
      from pg_catalog.pg_index i
     where i.indexrelid operator(pg_catalog.=) pgq._key_index(i_relid)
$$;
