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
begin
    return pg_catalog.concat('{', pg_catalog.array_to_string(array(
        select pg_catalog.concat(pg_catalog.to_json(c.name)::pg_catalog.text, ':',
                   case
                       when c.value is null then
                           'null'
                       when a.atttypid operator(pg_catalog.=) bool_type then
                           case when c.value operator(pg_catalog.=) 't' then 'true' else 'false' end
                       when a.atttypid operator(pg_catalog.=) any (int_types) then
                           c.value
                       when a.atttypid operator(pg_catalog.=) any (time_types) then
                           pg_catalog.to_json(coalesce(
                               i_document operator(pg_catalog.->>) c.name,
                               i_old_document operator(pg_catalog.->>) c.name))::pg_catalog.text
                       else
                           pg_catalog.to_json(c.value)::pg_catalog.text
                   end)
          from rows from (pg_catalog.unnest(i_names), pg_catalog.unnest(i_values))
                   with ordinality as c (name, value, nr)
               left join pg_catalog.pg_attribute a
                    on a.attrelid operator(pg_catalog.=) i_relid
                   and a.attname operator(pg_catalog.=) c.name
         order by c.nr), ','), '}');
end;
$$;
