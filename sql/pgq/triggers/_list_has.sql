-- Whether a list of columns, as in the trigger arguments pkey= and ignore=, names a column.
-- Commas and white space separate. A name with such characters in it is found too.
create or replace function pgq._list_has(i_list text, i_name text) returns boolean
language plpgsql immutable strict as $$
begin
    if i_name collate "C" operator(pg_catalog.~) '[,[:space:]]' then
        return i_list collate "C" operator(pg_catalog.~) pg_catalog.concat(
            '(^|[,[:space:]])',
            pg_catalog.regexp_replace(i_name collate "C", '([^0-9A-Za-z_])', E'\\\\\\1', 'g'),
            '($|[,[:space:]])');
    end if;
    return pg_catalog.strpos(
        pg_catalog.concat(',', pg_catalog.translate(i_list, E' \t\n\r\f\x0b', ',,,,,,'), ','),
        pg_catalog.concat(',', i_name, ',')) operator(pg_catalog.>) 0;
end;
$$;
