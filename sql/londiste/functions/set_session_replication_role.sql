-- Chooses which triggers fire: origin, replica (none of the ordinary ones) or local. For the rest of
-- the transaction when is_local, else for the session.
--
-- Runs with the rights of its owner, so that a member of londiste_writer needs none of his own. It
-- must not get a SET clause for that parameter, which would end the effect with the call.
--
-- Before PostgreSQL 15 an administrator may have given it to a superuser. It stays as it is then: nothing else would
-- let an upgrade by somebody else be done.

do $create$
begin
    execute $function$
create or replace function londiste.set_session_replication_role(val text, is_local boolean)
returns void as $$
declare
    remedy text;
begin
    if val is null or val not in ('origin', 'replica', 'local') then
        raise exception 'bad value for session_replication_role';
    end if;

    perform set_config('session_replication_role', val, coalesce(is_local, false));
exception
    when insufficient_privilege then
        if current_setting('server_version_num')::int4 >= 150000 then
            remedy := format(
                'Let an administrator run: GRANT SET ON PARAMETER session_replication_role TO %s',
                '"' || replace(current_user::text, '"', '""') || '"');
        else
            remedy := 'Before PostgreSQL 15 that takes a superuser. Let an administrator run what is printed by'
                ' londiste INI grants: ALTER FUNCTION londiste.set_session_replication_role(text, boolean)'
                ' OWNER TO a superuser, or to the role your provider has for this.';
        end if;
        raise exception 'role "%" is not allowed to set session_replication_role', current_user
            using errcode = 'insufficient_privilege', hint = remedy;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp
    $function$;
exception
    when insufficient_privilege then
        if pg_catalog.to_regprocedure('londiste.set_session_replication_role(text, boolean)') is null then
            raise;
        end if;
end;
$create$;
