-- A run of characters that are not ASCII, in a database in UTF8: every byte as %xx.
--
-- Read as LATIN1 and written as UTF-8, a byte from 80 to bf becomes c2 and itself, one from c0 to ff
-- becomes c3 and itself less 40. So in hex there is a mark in front of every byte, in one go.
create or replace function pgq._urlencode_run(i_text text) returns text
language sql stable strict as $$
    select pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(
               pg_catalog.encode(pg_catalog.convert(i_text::pg_catalog.bytea, 'LATIN1', 'UTF8'), 'hex'),
               'c2', '%'), 'c38', '%c'), 'c39', '%d'), 'c3a', '%e'), 'c3b', '%f')
$$;
