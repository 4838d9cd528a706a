-- Brings what an older version left behind to today's shape, and makes sure that the roles exist.
-- Run at every install and upgrade; always returns 0.
create or replace function pgq.upgrade_schema() returns integer
language plpgsql as $$
declare
    missing     pg_catalog.text[];
    create_role pg_catalog.text;
begin
    perform from pg_catalog.pg_attribute
      where attrelid operator(pg_catalog.=) 'pgq.subscription'::pg_catalog.regclass
        and attname operator(pg_catalog.=) 'sub_last_tick'
        and attnotnull;
    if found then
        alter table pgq.subscription alter column sub_last_tick drop not null;
    end if;

    perform from pg_catalog.pg_attribute
      where attrelid operator(pg_catalog.=) 'pgq.queue'::pg_catalog.regclass
        and attname operator(pg_catalog.=) 'queue_extra_maint';
    if not found then
        alter table pgq.queue add column queue_extra_maint pg_catalog.text[];
    end if;

    missing := array(
        select r.statement
          from (values (1, 'pgq_reader', 'create role pgq_reader'),
                       (2, 'pgq_writer', 'create role pgq_writer'),
                       (3, 'pgq_admin', 'create role pgq_admin in role pgq_reader, pgq_writer')
               ) as r (nr, role_name, statement)
         where not exists (select from pg_catalog.pg_roles
                            where rolname operator(pg_catalog.=) r.role_name)
         order by r.nr);
    foreach create_role in array missing loop
        begin
            execute create_role;
        exception
            when duplicate_object or unique_violation then
                null;  -- an install in another database of this server was faster
            when insufficient_privilege then
                raise exception 'roles of pgq are missing and "%" may not create roles', current_user
                    using errcode = 'insufficient_privilege',
                          detail = 'All that is missing is printed by the command: londiste INI grants',
                          hint = pg_catalog.concat('An administrator has to run: ',
                              pg_catalog.array_to_string(missing, '; '), ';');
        end;
    end loop;
    return 0;
end;
$$;
