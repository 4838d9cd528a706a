-- Makes the trigger function that writes the changes of one ordinary table into a queue, or makes it
-- anew, under the name i_function, after the table has changed. Returns its name with the schema's,
-- or NULL where only the general pgq.logutriga will do: views, partitioned, foreign and temporary
-- tables, tables without a usable key or with columns that steer the trigger (_pgq_ev_*), a pgq or a
-- queue that lacks what the function needs.
--
-- The events are those of pgq.logutriga. What makes it fast: names, separators and what the type of a
-- column can contain are fixed text, a row is encoded as a whole, and events go straight into the
-- event table. What keeps it right: for a table that has changed since, and for a session that writes
-- values otherwise, it calls pgq._log_change(). It is made by add-table and by maintenance, never by
-- an application's write.
--
-- It runs with the rights of the owner of this schema, and so does what it makes. Therefore nothing
-- of a trigger's arguments gets into it but i_name, as a constant; and nobody may call it, for the
-- function may be at work already, but _refresh_captures, and _make_capture for whoever could create
-- the trigger.
create or replace function londiste._write_capture(
    i_queue_name text, i_relid oid, i_name text, i_function text)
returns text
security definer set search_path = pg_catalog, pg_temp set quote_all_identifiers = off
as $$
declare
    queue record;
    key_index oid;
    function_name text := i_function;
    source text;
begin
    if function_name !~ '^londiste\._capture_[0-9]+_[0-9]+_*$' then
        raise exception 'not the name of a capture function: %', i_function;
    end if;
    select q.queue_id, q.queue_ntables
      into queue
      from pgq.queue q
     where q.queue_name = i_queue_name;
    if to_regprocedure(format('pgq._event_%s_table()', queue.queue_id)) is null then
        return null;
    end if;
    for nr in 0 .. queue.queue_ntables - 1 loop
        if not has_table_privilege(format('pgq.event_%s_%s', queue.queue_id, nr), 'insert') then
            return null;
        end if;
    end loop;
    -- A right that this owner has by membership can be taken away; that of pgq.insert_event goes with the tables.
    if not exists (
            select 1
              from pg_class c
             where c.oid = to_regclass(format('pgq.event_%s_id_seq', queue.queue_id))
               and pg_get_userbyid(c.relowner) = current_user)
    then
        return null;
    end if;

    key_index := pgq._key_index(i_relid);
    if key_index is null
        or not exists (
            select 1
              from pg_class c
             where c.oid = i_relid
               and c.relkind = 'r'
               and c.relpersistence <> 't'
               -- NULL where the schema is closed to this owner
               and pgq._row_shape(c.oid::regclass, key_index) is not null)
        or exists (
            select 1
              from londiste._capture_columns(i_relid) c
             where starts_with(c.name, '_pgq_ev_'))
    then
        return null;
    end if;

    if function_name is null then
        -- A table that was dropped or renamed may have left its function behind.
        function_name := format('_capture_%s_%s', queue.queue_id, i_relid);
        while exists (
            select 1
              from pg_trigger t
              join pg_proc p on p.oid = t.tgfoid
             where p.pronamespace = 'londiste'::regnamespace
               and p.proname = function_name
               and t.tgrelid <> i_relid)
        loop
            function_name := function_name || '_';
        end loop;
        function_name := 'londiste.' || function_name;
    end if;

    source := londiste._capture_source(i_queue_name, i_relid, key_index, i_name);
    if source is null then
        return null;
    end if;

    -- Two sessions that replace the same function trip over each other. 1255 is pg_proc.
    perform pg_advisory_xact_lock(1255, hashtext(function_name));
    -- Whose trigger it may be is decided as for pgq.logutriga. The comment is for _refresh_captures.
    execute format(
        'create or replace function %1$s() returns trigger language plpgsql security definer as %2$L;'
        ' revoke all on function %1$s() from public;'
        ' grant execute on function %1$s() to pgq_writer;'
        ' comment on function %1$s() is %3$L',
        function_name,
        source,
        json_build_object('queue', i_queue_name, 'name', i_name));
    return function_name;
end;
$$ language plpgsql;
