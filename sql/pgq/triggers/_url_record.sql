-- The text of a record, "(1,,""a b"")", as url-encoded text: name=value joined by "&", the bare name
-- for NULL.
--
-- The whole row is encoded at once, with marks in the place of "&" and "=" that the encoding leaves
-- alone. Rows that have the mark's character in a name or value, and wide ones, take the longer way.
create or replace function pgq._url_record(i_names text[], i_record text) returns text
language plpgsql stable as $$
declare
    width constant  integer := 32;
    n constant      integer := pg_catalog.cardinality(i_names);
    titles constant pg_catalog.text := pg_catalog.array_to_string(i_names, ' ');
    r               pgq._text_row;
    row_text        pg_catalog.text;
begin
    if n operator(pg_catalog.=) 0 or n operator(pg_catalog.>) width
       or pg_catalog.strpos(i_record, E'\x01') operator(pg_catalog.>) 0
       or pg_catalog.strpos(titles, E'\x01') operator(pg_catalog.>) 0
       or pg_catalog.strpos(titles, '%') operator(pg_catalog.>) 0
    then
        return pgq._url_row(i_names, pgq._record_fields(i_record, n));
    end if;
    -- See pgq._record_fields(). What is NULL takes its mark with it.
    r := pg_catalog.concat(
        pg_catalog.left(i_record, -1),
        pg_catalog.repeat(',', width operator(pg_catalog.-) n), ')')::pgq._text_row;
    row_text := pg_catalog.format(
        pg_catalog.concat(pg_catalog.array_to_string(i_names, E'%s\x01a'), '%s'),
        E'\x01e' operator(pg_catalog.||) r.c1, E'\x01e' operator(pg_catalog.||) r.c2,
        E'\x01e' operator(pg_catalog.||) r.c3, E'\x01e' operator(pg_catalog.||) r.c4,
        E'\x01e' operator(pg_catalog.||) r.c5, E'\x01e' operator(pg_catalog.||) r.c6,
        E'\x01e' operator(pg_catalog.||) r.c7, E'\x01e' operator(pg_catalog.||) r.c8,
        E'\x01e' operator(pg_catalog.||) r.c9, E'\x01e' operator(pg_catalog.||) r.c10,
        E'\x01e' operator(pg_catalog.||) r.c11, E'\x01e' operator(pg_catalog.||) r.c12,
        E'\x01e' operator(pg_catalog.||) r.c13, E'\x01e' operator(pg_catalog.||) r.c14,
        E'\x01e' operator(pg_catalog.||) r.c15, E'\x01e' operator(pg_catalog.||) r.c16,
        E'\x01e' operator(pg_catalog.||) r.c17, E'\x01e' operator(pg_catalog.||) r.c18,
        E'\x01e' operator(pg_catalog.||) r.c19, E'\x01e' operator(pg_catalog.||) r.c20,
        E'\x01e' operator(pg_catalog.||) r.c21, E'\x01e' operator(pg_catalog.||) r.c22,
        E'\x01e' operator(pg_catalog.||) r.c23, E'\x01e' operator(pg_catalog.||) r.c24,
        E'\x01e' operator(pg_catalog.||) r.c25, E'\x01e' operator(pg_catalog.||) r.c26,
        E'\x01e' operator(pg_catalog.||) r.c27, E'\x01e' operator(pg_catalog.||) r.c28,
        E'\x01e' operator(pg_catalog.||) r.c29, E'\x01e' operator(pg_catalog.||) r.c30,
        E'\x01e' operator(pg_catalog.||) r.c31, E'\x01e' operator(pg_catalog.||) r.c32);
    return pg_catalog.replace(pg_catalog.replace(
        pgq._urlencode(row_text), E'\x01e', '='), E'\x01a', '&');
end;
$$;
