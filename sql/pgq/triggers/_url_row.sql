-- A row as url-encoded text: name=value joined by "&", the bare name for NULL.
create or replace function pgq._url_row(i_names text[], i_values text[]) returns text
language plpgsql immutable as $$
begin
    if pg_catalog.concat(pg_catalog.array_to_string(i_names, ''),
                         pg_catalog.array_to_string(i_values, '')) collate "C"
           operator(pg_catalog.!~) '[^ 0-9A-Za-z_.:/@,+-]'
    then
        -- Most rows have nothing but these, and none of them is "=", "&" or "%": the whole row can
        -- be encoded at once.
        return pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
            pg_catalog.replace(pg_catalog.replace(
                pg_catalog.array_to_string(array(
                    select coalesce(c.name operator(pg_catalog.||) '='
                                        operator(pg_catalog.||) c.value, c.name)
                      from rows from (pg_catalog.unnest(i_names), pg_catalog.unnest(i_values))
                               as c (name, value)), '&'),
                '+', '%2b'), ' ', '+'), ':', '%3a'), '/', '%2f'), '@', '%40'), ',', '%2c');
    end if;
    return pg_catalog.array_to_string(array(
        select coalesce(pgq._urlencode(c.name) operator(pg_catalog.||) '='
                            operator(pg_catalog.||) pgq._urlencode(c.value),
                        pgq._urlencode(c.name))
          from rows from (pg_catalog.unnest(i_names), pg_catalog.unnest(i_values))
                   as c (name, value)), '&');
end;
$$;
