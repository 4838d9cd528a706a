-- The second part, for a text that has some of these: the remaining punctuation, tab and line breaks.
create or replace function pgq._urlencode_rare(i_text text) returns text
language sql immutable strict as $$
    select pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(pg_catalog.replace(i_text,
               '"', '%22'), '#', '%23'), '$', '%24'), '(', '%28'), ')', '%29'), '*', '%2a'),
               ';', '%3b'), '<', '%3c'), '>', '%3e'), '?', '%3f'), '[', '%5b'), E'\\', '%5c'),
               ']', '%5d'), '^', '%5e'), '`', '%60'), '{', '%7b'), '|', '%7c'), '}', '%7d'),
               '~', '%7e'), E'\t', '%09'), E'\n', '%0a'), E'\r', '%0d')
$$;
