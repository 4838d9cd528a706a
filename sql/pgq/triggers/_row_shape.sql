-- A table as its generated capture function has to know it: its name, the names and types of its
-- columns, and the names of its key's columns. NULL when the table or the key's index is gone.
--
-- It is called in one way only: with constants, inside of a capture function, and says that it is
-- immutable. So the planner calls it once and keeps the answer, until it has to plan again, which
-- is what every ALTER TABLE brings about in all sessions: a constant of type regclass ties the plan
-- to the table. The row costs nothing.
--
-- A transaction may have an older snapshot than the last ALTER TABLE, and would read the catalogs
-- as they were. Therefore nothing is read from them by query: names come from functions that look
-- into the server's caches, types from how the server understands a query today.
create or replace function pgq._row_shape(i_table regclass, i_key oid) returns text
language plpgsql immutable
set quote_all_identifiers = off
as $$
declare
    -- their values come below, where an error of theirs is caught as well
    table_name pg_catalog.text;
    names   pg_catalog.text[];
    types   pg_catalog.text;
    keys    pg_catalog.text[];
begin
    table_name :=
        (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, i_table, 0)).identity;
    keys := pgq._index_columns(i_key);
    if table_name is null or keys is null then
        return null;
    end if;
    execute pg_catalog.format(
        'select array(select pg_catalog.json_object_keys(pg_catalog.row_to_json(r)))'
        ' from (select (null::%s).*) as r', table_name)
       into names;
    execute (
        select pg_catalog.format('select array[%s]::pg_catalog.text from (select (null::%s).*) as r',
                   pg_catalog.string_agg(
                       pg_catalog.format('pg_catalog.pg_typeof(r.%I)::pg_catalog.oid', n.name),
                       ', ' order by n.nr),
                   table_name)
          from pg_catalog.unnest(names) with ordinality as n (name, nr))
       into types;
    return pg_catalog.format('%s %s %s %s', table_name, names, types, keys);
exception
    when others then
        -- whatever it is (say, a right on a schema that has been taken away): not for the
        -- application that happens to write at this moment
        return null;
end;
$$;
