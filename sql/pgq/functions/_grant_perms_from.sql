-- Gives a table all the privileges that another table has, grant options included.
create or replace function pgq._grant_perms_from(
    src_schema text, src_table text, dst_schema text, dst_table text
) returns integer
language plpgsql strict as $$
declare
    privilege pg_catalog.record;
begin
    for privilege in
        select tp.grantee::pg_catalog.text as grantee,
               tp.privilege_type::pg_catalog.text as action,
               tp.is_grantable::pg_catalog.text operator(pg_catalog.=) 'YES' as grantable
          from information_schema.table_privileges tp
         where tp.table_schema::pg_catalog.text operator(pg_catalog.=) src_schema
           and tp.table_name::pg_catalog.text operator(pg_catalog.=) src_table
    loop
        execute pg_catalog.format('grant %s on %I.%I to %s%s',
            privilege.action, dst_schema, dst_table,
            case when privilege.grantee operator(pg_catalog.=) 'PUBLIC' then 'public'
                 else pg_catalog.quote_ident(privilege.grantee) end,
            case when privilege.grantable then ' with grant option' else '' end);
    end loop;
    return 1;
end;
$$;
