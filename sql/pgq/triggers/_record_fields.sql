-- Takes the text of a record, "(1,,""a b"")", apart into its fields.
--
-- A record's text is the one place where the server applies the output function of every column
-- in a single call, without a statement made for the table. Nothing but the server's own record
-- input reads it back as fast; tables wider than its row type go through an expression.
create or replace function pgq._record_fields(i_record text, i_count integer) returns text[]
language plpgsql stable as $$
declare
    width constant integer := 32;
    r pgq._text_row;
begin
    if i_count operator(pg_catalog.=) 0 then
        return '{}';
    end if;
    if i_count operator(pg_catalog.<=) width then
        -- PostgreSQL 13 does not make a row of a text by assignment alone.
        r := pg_catalog.concat(
            pg_catalog.left(i_record, -1),
            pg_catalog.repeat(',', width operator(pg_catalog.-) i_count), ')')::pgq._text_row;
        return (array[
            r.c1, r.c2, r.c3, r.c4, r.c5, r.c6, r.c7, r.c8,
            r.c9, r.c10, r.c11, r.c12, r.c13, r.c14, r.c15, r.c16,
            r.c17, r.c18, r.c19, r.c20, r.c21, r.c22, r.c23, r.c24,
            r.c25, r.c26, r.c27, r.c28, r.c29, r.c30, r.c31, r.c32])[1:i_count];
    end if;
    -- Each field with the comma before it. Quoted ones have quotes and backslashes doubled;
    -- an unquoted one is NULL when empty.
    return array(
        select coalesce(
                   pg_catalog.replace(pg_catalog.replace(f.part[1], '""', '"'), E'\\\\', E'\\'),
                   case when f.part[2] operator(pg_catalog.<>) '' then f.part[2] end)
          from pg_catalog.regexp_matches(
                   pg_catalog.concat(',', pg_catalog.substr(i_record, 2,
                       pg_catalog.length(i_record) operator(pg_catalog.-) 2)) collate "C",
                   E',(?:"((?:[^"\\\\]|""|\\\\\\\\)*)"|([^,"]*))', 'g')
               with ordinality as f (part, nr)
         order by f.nr);
end;
$$;
