-- Removes the schema pgq_ext and with it what consumers have noted as done.

do $uninstall$
begin
    if exists (select 1 from pg_catalog.pg_extension e where e.extname = 'pgq_ext') then
        raise exception 'schema pgq_ext belongs to the extension pgq_ext'
            using hint = 'Run: DROP EXTENSION pgq_ext';
    end if;
end;
$uninstall$;

drop schema if exists pgq_ext cascade;
