-- One letter per column of the table: k when it belongs to the primary key, v otherwise.
-- Empty for what is no table.
create or replace function londiste.find_column_types(tbl text)
returns text as $$
begin
    return (
        select coalesce(
                string_agg(case when k.conkey is null then 'v' else 'k' end, '' order by a.attnum),
                '')
          from pg_catalog.pg_attribute a
          left join pg_catalog.pg_constraint k
                 on k.conrelid = a.attrelid
                and k.contype = 'p'
                and a.attnum = any (k.conkey)
         where a.attrelid = londiste.find_table_oid(tbl)
           and a.attnum > 0
           and not a.attisdropped);
end;
$$ language plpgsql strict stable;
