-- All foreign keys from or to a table, with the statement that creates each of them again.
create or replace function londiste.find_table_fkeys(i_table_name text)
returns setof londiste.pending_fkeys as $$
declare
    tbl_oid oid := londiste.find_table_oid(i_table_name);
begin
    return query
        select fn.nspname::text || '.' || fc.relname::text,
               tn.nspname::text || '.' || tc.relname::text,
               k.conname::text,
               'alter table ' || case when fc.relkind = 'p' then '' else 'only ' end
                    || quote_ident(fn.nspname::text) || '.' || quote_ident(fc.relname::text)
                    || ' add constraint ' || quote_ident(k.conname::text)
                    || ' ' || pg_catalog.pg_get_constraintdef(k.oid)
          from pg_catalog.pg_constraint k
          join pg_catalog.pg_class fc on fc.oid = k.conrelid
          join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
          join pg_catalog.pg_class tc on tc.oid = k.confrelid
          join pg_catalog.pg_namespace tn on tn.oid = tc.relnamespace
         where k.contype = 'f'
           and tbl_oid in (k.conrelid, k.confrelid)
         order by 1, 2, 3;
end;
$$ language plpgsql strict stable;
