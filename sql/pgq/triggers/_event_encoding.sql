-- The encoding whose bytes stand in url-encoded rows. Consumers read UTF-8, so it is that, also where
-- the database has another one. SQL_ASCII does not say what its bytes mean, and from MULE_INTERNAL
-- there is no conversion: their bytes are written as they are.
--
-- Nothing can change the encoding of a database, hence immutable.
create or replace function pgq._event_encoding() returns text
language sql immutable as $$
    select case when pg_catalog.getdatabaseencoding()::pg_catalog.text
                     operator(pg_catalog.=) any (array['SQL_ASCII', 'MULE_INTERNAL'])
                then pg_catalog.getdatabaseencoding()::pg_catalog.text
                else 'UTF8' end;
$$;
