-- A row as url-encoded text: name=value joined by "&", the bare name for NULL.
--
-- The whole row is encoded at once, with marks in the place of "&" and "=" that the encoding leaves
-- alone; a mark before "n" is a NULL. Only where the mark is part of a name or value they are
-- encoded one by one.
create or replace function pgq._url_row(i_names text[], i_values text[]) returns text
language plpgsql immutable as $$
declare
    row_text    pg_catalog.text;
begin
    if pg_catalog.cardinality(i_names) operator(pg_catalog.=) 0 then
        return '';
    end if;
    if pg_catalog.strpos(
           pg_catalog.concat(pg_catalog.array_to_string(i_names, ''),
                             pg_catalog.array_to_string(i_values, '')), E'\x01')
           operator(pg_catalog.>) 0
    then
        return pg_catalog.replace(pg_catalog.array_to_string(array(
            select coalesce(pgq._urlencode(c.name) operator(pg_catalog.||) '='
                                operator(pg_catalog.||) pgq._urlencode(c.value),
                            pgq._urlencode(c.name))
              from rows from (pg_catalog.unnest(i_names), pg_catalog.unnest(i_values))
                       as c (name, value)), '&'),
            E'\x01', '%01');
    end if;
    row_text := pg_catalog.format(
        pg_catalog.concat(
            pg_catalog.replace(
                pg_catalog.replace(pg_catalog.array_to_string(i_names, E'\x01'), '%', '%%'),
                E'\x01', E'\x01e%s\x01a'),
            E'\x01e%s'),
        variadic pg_catalog.array_replace(i_values, null, E'\x01n'));
    return pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
        pgq._urlencode(row_text),
        E'\x01e\x01n', ''), E'\x01e', '='), E'\x01a', '&');
end;
$$;
