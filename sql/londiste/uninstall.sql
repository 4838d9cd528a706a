-- Removes the schema londiste and its triggers on replicated tables. The roles stay: other databases
-- of the server may use them (DROP ROLE londiste_writer, londiste_reader).

do $uninstall$
begin
    if exists (select 1 from pg_catalog.pg_extension e where e.extname = 'londiste') then
        raise exception 'schema londiste belongs to the extension londiste'
            using hint = 'Run: DROP EXTENSION londiste';
    end if;

    if pg_catalog.to_regclass('londiste.table_info') is not null then
        perform londiste.drop_table_triggers(t.queue_name, t.table_name)
           from londiste.table_info t;
    end if;
end;
$uninstall$;

drop schema if exists londiste cascade;
