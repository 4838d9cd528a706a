-- Brings tables made by an older release up to date and creates the roles. Always returns 0.
create or replace function londiste.upgrade_schema()
returns int4 as $$
declare
    wanted record;
    missing text[];
    create_role text;
begin
    -- the state catching-up came later than the check
    if exists (
        select 1
          from pg_catalog.pg_constraint c
         where c.conrelid = 'londiste.table_info'::pg_catalog.regclass
           and c.conname = 'table_info_check'
           and pg_catalog.pg_get_constraintdef(c.oid) like '%in-copy%'
           and pg_catalog.pg_get_constraintdef(c.oid) not like '%catching-up%')
    then
        alter table londiste.table_info
            drop constraint table_info_check,
            add constraint table_info_check check (
                dropped_ddl is null or merge_state in ('in-copy', 'catching-up'));
    end if;

    for wanted in
        select c.table_name::regclass as table_name, c.column_name
          from (values ('londiste.table_info', 'dest_table'),
                       ('londiste.applied_execute', 'execute_attrs'))
            as c (table_name, column_name)
         where not exists (
            select 1
              from pg_catalog.pg_attribute a
             where a.attrelid = c.table_name::regclass
               and a.attname = c.column_name
               and not a.attisdropped)
    loop
        execute pg_catalog.format(
            'alter table %s add column %I text', wanted.table_name, wanted.column_name);
    end loop;

    -- An AFTER trigger would find the row, and with it the table's destination, already gone.
    if exists (
        select 1
          from pg_catalog.pg_trigger t
         where t.tgrelid = 'londiste.table_info'::pg_catalog.regclass
           and t.tgname = 'table_info_trigger_sync'
           and t.tgtype & 2 = 0)
    then
        drop trigger table_info_trigger_sync on londiste.table_info;
        create trigger table_info_trigger_sync
            before delete on londiste.table_info
            for each row execute function londiste.table_info_trigger();
    end if;

    -- A file is applied once per database, over whichever queue it comes.
    if exists (
        select 1
          from pg_catalog.pg_constraint c
          join pg_catalog.pg_attribute a
            on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
         where c.conrelid = 'londiste.applied_execute'::pg_catalog.regclass
           and c.contype = 'p'
           and a.attname = 'queue_name')
    then
        delete from londiste.applied_execute late
         using londiste.applied_execute early
         where early.execute_file = late.execute_file
           and (early.execute_time, early.queue_name) < (late.execute_time, late.queue_name);
        alter table londiste.applied_execute
            drop constraint applied_execute_pkey,
            add constraint applied_execute_pkey primary key (execute_file);
    end if;
    if exists (
        select 1
          from pg_catalog.pg_constraint c
         where c.conrelid = 'londiste.applied_execute'::pg_catalog.regclass
           and c.conname = 'applied_execute_queue_name_fkey')
    then
        alter table londiste.applied_execute drop constraint applied_execute_queue_name_fkey;
    end if;

    missing := array(
        select pg_catalog.format('create role %I in role %I', r.role_name, r.member_of)
          from (values (1, 'londiste_writer', 'pgq_admin'), (2, 'londiste_reader', 'pgq_reader'))
            as r (nr, role_name, member_of)
         where not exists (select 1 from pg_catalog.pg_roles p where p.rolname = r.role_name)
         order by r.nr);
    foreach create_role in array missing loop
        begin
            execute create_role;
        exception
            when duplicate_object or unique_violation then
                null;  -- an install in another database of this server was faster
            when insufficient_privilege then
                raise exception 'roles of londiste are missing and "%" may not create roles',
                        current_user
                    using errcode = 'insufficient_privilege',
                          detail = 'All that is missing is printed by the command: londiste INI grants',
                          hint = 'An administrator has to run: '
                            || pg_catalog.array_to_string(missing, '; ') || ';';
        end;
    end loop;

    return 0;
end;
$$ language plpgsql set search_path = pg_catalog, pg_temp;

do $$
begin
    perform londiste.upgrade_schema();
end;
$$;
