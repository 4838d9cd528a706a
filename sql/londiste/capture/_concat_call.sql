-- The source of a call of concat, or of concat_ws with a separator. Calls are nested where there are
-- more arguments than a function can take.
create or replace function londiste._concat_call(i_arguments text[], i_separator text)
returns text as $$
declare
    head text := case when i_separator is null then 'pg_catalog.concat('
                      else 'pg_catalog.concat_ws(' || quote_literal(i_separator) || ', ' end;
    calls text[];
begin
    select array_agg(c.call order by c.nr)
      into calls
      from (select (a.nr - 1) / 90 as nr,
                   head || string_agg(a.argument, ', ' order by a.nr) || ')' as call
              from unnest(i_arguments) with ordinality as a (argument, nr)
             group by 1) c;
    if array_length(calls, 1) = 1 then
        return calls[1];
    end if;
    return londiste._concat_call(calls, i_separator);
end;
$$ language plpgsql stable;
