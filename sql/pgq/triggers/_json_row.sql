-- A row as a JSON object. Booleans and integers are bare, times are as the server's own JSON
-- functions write them, everything else is a string. The times are in i_document, or else, for
-- generated columns in a BEFORE trigger, in i_old_document.
create or replace function pgq._json_row(
    i_relid oid, i_names text[], i_values text[],
    i_document json, i_old_document json
) returns text
language plpgsql stable as $$
declare
    bool_type constant pg_catalog.oid := 16;
    int_types constant pg_catalog.oid[] := '{20, 21, 23}';             -- int8, int2, int4
    time_types constant pg_catalog.oid[] := '{1082, 1114, 1184}';      -- date, timestamp, timestamptz
    json_names constant pg_catalog.text[] := pgq._json_strings(i_names);
    json_values constant pg_catalog.text[] := pgq._json_strings(i_values);
    col         pg_catalog.record;
    members     pg_catalog.text := '';
begin
    select pg_catalog.array_agg(a.attname::pg_catalog.text) as names,
           pg_catalog.array_agg(a.atttypid) as types
      into col
      from (select attname, atttypid
              from pg_catalog.pg_attribute
             where attrelid operator(pg_catalog.=) i_relid
               and attnum operator(pg_catalog.>) 0::smallint
               and not attisdropped
             order by attnum) a;
    if col.names operator(pg_catalog.<>) i_names then
        -- Not all columns, or the catalog, seen with an old snapshot, has others than the row.
        col.types := array(
            select a.atttypid
              from pg_catalog.unnest(i_names) with ordinality as c (name, nr)
                   left join pg_catalog.pg_attribute a
                        on a.attrelid operator(pg_catalog.=) i_relid
                       and a.attname operator(pg_catalog.=) c.name
             order by c.nr);
    end if;
    for i in 1 .. pg_catalog.cardinality(i_names) loop
        members := pg_catalog.concat(members, ',"', json_names[i], '":',
            case
                when i_values[i] is null then
                    'null'
                when col.types[i] operator(pg_catalog.=) any (int_types) then
                    i_values[i]
                when col.types[i] operator(pg_catalog.=) bool_type then
                    case when i_values[i] operator(pg_catalog.=) 't' then 'true' else 'false' end
                when col.types[i] operator(pg_catalog.=) any (time_types) then
                    pg_catalog.to_json(coalesce(
                        i_document operator(pg_catalog.->>) i_names[i],
                        i_old_document operator(pg_catalog.->>) i_names[i]))::pg_catalog.text
                else
                    pg_catalog.concat('"', json_values[i], '"')
            end);
    end loop;
    return pg_catalog.concat('{', pg_catalog.substr(members, 2), '}');
end;
$$;
