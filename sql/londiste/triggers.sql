-- A table that leaves the set takes its triggers along, however the row goes.

do $triggers$
begin
    if not exists (
        select 1
          from pg_catalog.pg_trigger t
         where t.tgrelid = 'londiste.table_info'::pg_catalog.regclass
           and t.tgname = 'table_info_trigger_sync')
    then
        create trigger table_info_trigger_sync
            before delete on londiste.table_info
            for each row execute function londiste.table_info_trigger();
    end if;
end;
$triggers$;
