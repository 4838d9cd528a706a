-- The parts of url-encoding as plain expressions, which the planner puts into the place of the call.
-- Two are for ASCII: a text goes through the first always, and then through the second when it has
-- characters of the second. "&" and "=" are in neither: a whole row can be encoded at once when its
-- values are known to have none. Other control characters stay, and so does what is not ASCII.

-- "%" and "+" before those that make some, then what texts and times have most.
create or replace function pgq._urlencode_common(i_text text) returns text
language sql immutable strict as $$
    select pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(i_text,
               '%', '%25'), '+', '%2b'), ' ', '+'), ':', '%3a'), ',', '%2c'), '/', '%2f'),
               '@', '%40'), '''', '%27'), '!', '%21')
$$;

-- The remaining punctuation, tab and line breaks.
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
