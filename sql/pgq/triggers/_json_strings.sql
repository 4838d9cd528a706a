-- Texts as what stands between the quotes of JSON strings. All are escaped at once, joined by a
-- character that the escaping leaves alone; only where one has that character itself, one by one.
create or replace function pgq._json_strings(i_texts text[]) returns text[]
language plpgsql immutable as $$
declare
    mark constant   pg_catalog.text := E'\x7f';
    joined constant pg_catalog.text := pg_catalog.array_to_string(i_texts, mark, '');
begin
    if pg_catalog.strpos(pg_catalog.array_to_string(i_texts, ''), mark) operator(pg_catalog.=) 0 then
        return pg_catalog.string_to_array(
            pg_catalog.substr(pg_catalog.left(pg_catalog.to_json(joined)::pg_catalog.text, -1), 2),
            mark);
    end if;
    return array(
        select pg_catalog.substr(pg_catalog.left(pg_catalog.to_json(t.value)::pg_catalog.text, -1), 2)
          from pg_catalog.unnest(i_texts) with ordinality as t (value, nr)
         order by t.nr);
end;
$$;
