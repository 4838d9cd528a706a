-- Who we are, and what we may do as that role. parameter_rights: has the server (15 and later) rights on parameters?
select r.rolname::text as role,
       current_database()::text as database,
       r.rolsuper as superuser,
       r.rolcreaterole as creates_roles,
       has_database_privilege(current_database(), 'create') as creates_schemas,
       current_setting('server_version_num')::int4 >= 150000 as parameter_rights,
       exists (select 1 from pg_roles w
                where w.rolname = 'londiste_writer' and pg_has_role(w.oid, 'usage')) as writer,
       f.owner as switch_owner,
       coalesce(f.owner, r.rolname::text) as switcher
  from pg_roles r
       left join (
           select pg_get_userbyid(p.proowner)::text as owner
             from pg_proc p
            where p.oid = to_regprocedure('londiste.set_session_replication_role(text, boolean)')) f on true
 where r.rolname = current_user
