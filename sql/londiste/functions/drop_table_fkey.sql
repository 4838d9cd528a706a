-- Takes a foreign key off a table and remembers it. Returns 1, or 0 when there is none.
create or replace function londiste.drop_table_fkey(i_from_table text, i_fkey_name text)
returns integer as $$
declare
    fkey londiste.pending_fkeys;
begin
    select f.*
      into fkey
      from londiste.find_table_fkeys(i_from_table) f
     where f.from_table = i_from_table
       and f.fkey_name = i_fkey_name;
    if not found then
        return 0;
    end if;

    insert into londiste.pending_fkeys values (fkey.*);
    -- of a partitioned table only with those of its partitions
    execute 'alter table '
        || case when londiste.find_rel_oid(fkey.from_table, 'p') is null then 'only ' else '' end
        || londiste.quote_fqname(fkey.from_table)
        || ' drop constraint ' || quote_ident(fkey.fkey_name);
    return 1;
end;
$$ language plpgsql strict;
