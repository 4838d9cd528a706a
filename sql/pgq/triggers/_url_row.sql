-- A row as url-encoded text: name=value joined by "&", the bare name for NULL.
create or replace function pgq._url_row(i_names text[], i_values text[]) returns text
language plpgsql immutable as $$
begin
    return pg_catalog.array_to_string(array(
        select case when c.value is null then pgq._urlencode(c.name)
                    else pg_catalog.concat(pgq._urlencode(c.name), '=', pgq._urlencode(c.value))
               end
          from rows from (pg_catalog.unnest(i_names), pg_catalog.unnest(i_values))
                   as c (name, value)), '&');
end;
$$;
