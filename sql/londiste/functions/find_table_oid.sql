-- The ordinary table of this name, or null. Partitioned tables and views do not count: a trigger
-- of theirs would see each row in its partition, or not at all.
create or replace function londiste.find_table_oid(tbl text)
returns oid as $$
begin
    return londiste.find_rel_oid(tbl, 'r');
end;
$$ language plpgsql strict stable;
