-- The first part of url-encoding what is ASCII, as a plain expression, which the planner puts into the
-- place of the call: "%" and "+" before those that make some, then what texts and times have most.
--
-- "&" and "=" stay, here and in _urlencode_rare: a whole row can be encoded at once when its values are
-- known to have none. Other control characters stay too, and so does what is not ASCII.
create or replace function pgq._urlencode_common(i_text text) returns text
language sql immutable strict as $$
    select pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.replace(i_text,
               '%', '%25'), '+', '%2b'), ' ', '+'), ':', '%3a'), ',', '%2c'), '/', '%2f'),
               '@', '%40'), '''', '%27'), '!', '%21')
$$;
