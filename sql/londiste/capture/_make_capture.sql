-- londiste._write_capture() for the triggers of a new table, NULL also for whoever may not create
-- triggers on it. That is asked about the role that has logged in: the caller's is not known here,
-- where the owner's has taken its place.
create or replace function londiste._make_capture(i_queue_name text, i_relid oid, i_name text)
returns text
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if has_table_privilege(session_user, i_relid, 'trigger') then
        return londiste._write_capture(i_queue_name, i_relid, i_name, null);
    end if;
    return null;
end;
$$ language plpgsql;
