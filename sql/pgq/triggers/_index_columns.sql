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
