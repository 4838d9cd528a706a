-- The table of this name, ordinary or partitioned, or null. Views and foreign tables do not count.
create or replace function londiste.find_table_oid(tbl text)
returns oid as $$
begin
    return coalesce(londiste.find_rel_oid(tbl, 'r'), londiste.find_rel_oid(tbl, 'p'));
end;
$$ language plpgsql strict stable;
