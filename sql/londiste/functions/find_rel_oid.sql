-- The relation of this name and kind (a letter of pg_class.relkind), or null.
create or replace function londiste.find_rel_oid(i_fqname text, i_kind text)
returns oid as $$
declare
    name_parts record := londiste.split_fqname(i_fqname);
begin
    return (
        select c.oid
          from pg_catalog.pg_namespace n
          join pg_catalog.pg_class c on c.relnamespace = n.oid
         where n.nspname = name_parts.schema_part
           and c.relname = name_parts.name_part
           and c.relkind::text = i_kind);
end;
$$ language plpgsql strict stable;
