-- Puts a pending foreign key back.
--
-- At once, or when i_lazy in steps that do not lock the tables for long: the function returns the
-- next statement, the caller runs it and calls again, until the answer is an empty text.
create or replace function londiste.restore_table_fkey(
    i_from_table text, i_fkey_name text, i_lazy boolean default false)
returns text as $$
declare
    fkey londiste.pending_fkeys;
    is_valid boolean;
begin
    select p.*
      into fkey
      from londiste.pending_fkeys p
     where p.from_table = i_from_table
       and p.fkey_name = i_fkey_name
       for update;
    if not found then
        return '';
    end if;

    if i_lazy then
        select k.convalidated
          into is_valid
          from pg_catalog.pg_constraint k
         where k.conrelid = londiste.find_table_oid(fkey.from_table)
           and k.conname = fkey.fkey_name;
        if not found then
            -- A partitioned table takes none that is not valid.
            return fkey.fkey_def
                || case when londiste.find_rel_oid(fkey.from_table, 'p') is null
                        then ' not valid' else '' end;
        end if;
        if not is_valid then
            return 'alter table only ' || londiste.quote_fqname(fkey.from_table)
                || ' validate constraint ' || quote_ident(fkey.fkey_name);
        end if;
    else
        execute fkey.fkey_def;
    end if;

    delete from londiste.pending_fkeys p
     where p.from_table = i_from_table
       and p.fkey_name = i_fkey_name;
    return '';
end;
$$ language plpgsql strict;
