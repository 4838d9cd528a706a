-- Are schemas missing, and does one belong to somebody whose rights we do not have? $1: their names.
select array_length($1::text[], 1) > count(*) as missing,
       coalesce(bool_or(not pg_has_role(n.nspowner, 'usage')), false) as strangers
  from pg_namespace n
 where n.nspname = any ($1::text[])
