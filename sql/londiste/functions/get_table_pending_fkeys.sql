-- Foreign keys from or to a table that wait to be put back.
create or replace function londiste.get_table_pending_fkeys(i_table_name text)
returns setof londiste.pending_fkeys as $$
begin
    return query
        select p.*
          from londiste.pending_fkeys p
         where i_table_name in (p.from_table, p.to_table)
         order by p.from_table, p.to_table, p.fkey_name;
end;
$$ language plpgsql strict stable;
