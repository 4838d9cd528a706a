-- Puts the triggers on a table that write its changes into the queue: one for rows, which is made
-- anew every time, and one for truncate, which stays when it is there.
--
-- i_trg_args, besides the words local_add_table knows, which are passed over here:
--   no_triggers       none
--   tgflags=<letters> B/A before or after, I/U/D the events, L/Q/J pgq.logutriga, sqltriga or
--                     jsontriga instead of a function made for the table, S skip; any case, several
--                     elements add up
--   skip              the row change itself is not to happen, only the event
--   anything else     argument of the row trigger, in the given order
-- On a leaf the triggers deny changes instead of sending them.
--
-- Returns 200; 201 when there is nothing to create; 403 and 405 when other SKIP triggers stand in
-- the way. `trigger_name` is always null.
create or replace function londiste.create_trigger(
    in i_queue_name text,
    in i_table_name text,
    in i_trg_args text[],
    in i_dest_table text,
    in i_node_type text,
    out ret_code int4,
    out ret_note text,
    out trigger_name text)
returns record as $$
declare
    dest_oid oid := londiste.find_table_oid(i_dest_table);
    arg text;
    row_args text[] := array[i_queue_name];
    truncate_args text[] := array[i_queue_name];
    flags text := '';
    has_name_arg boolean := false;
    has_key_arg boolean := false;
    timing text;
    events text;
    row_func text;
    event_name text;
    skip_triggers text[];
    own_skip boolean := false;
    stem text := i_queue_name;
    row_name text;
    truncate_name text;
begin
    for i in coalesce(array_lower(i_trg_args, 1), 1) .. coalesce(array_upper(i_trg_args, 1), 0) loop
        arg := i_trg_args[i];
        if arg is null or arg in ('expect_sync', 'skip_truncate', 'merge_all', 'no_merge') then
            continue;
        elsif arg in ('no_triggers', 'virtual_table') then
            ret_code := 201;
            ret_note := 'Trigger not created';
            return;
        elsif lower(arg) = 'skip' then
            flags := flags || 'S';
        elsif arg like 'tgflags=%' then
            flags := flags || upper(substr(arg, length('tgflags=') + 1));
        else
            has_name_arg := has_name_arg or arg like 'ev\_extra1=%';
            has_key_arg := has_key_arg or arg like 'pkey=%';
            row_args := row_args || arg;
        end if;
    end loop;

    -- Events of a renamed table carry the name that the set knows; so do those of a partitioned one,
    -- whose trigger works on each partition.
    if (i_dest_table <> i_table_name or londiste.find_rel_oid(i_dest_table, 'p') is not null)
        and not has_name_arg
    then
        event_name := i_table_name;
        row_args := row_args || ('ev_extra1=' || quote_literal(event_name));
    end if;

    if i_node_type = 'leaf'
        and coalesce(to_regproc('pgq.logutriga'), to_regproc('pgq.sqltriga'),
                     to_regproc('pgq.jsontriga')) is null
    then
        ret_code := 201;
        ret_note := 'Trigger not created';
        return;
    end if;

    timing := case when flags like '%B%' and flags not like '%A%' then 'before' else 'after' end;
    events := array_to_string(array[
        case when flags like '%I%' then 'insert' end,
        case when flags like '%U%' then 'update' end,
        case when flags like '%D%' then 'delete' end], ' or ');
    if events = '' then
        events := 'insert or update or delete';
    end if;
    row_func := case when flags like '%J%' then 'pgq.jsontriga'
                     when flags like '%L%' then 'pgq.logutriga'
                     when flags like '%Q%' then 'pgq.sqltriga'
                     else 'pgq.logutriga' end;

    -- A trigger that suppresses the change has to be the last BEFORE trigger: those behind it would
    -- not see the row, and an AFTER trigger never does. Hence the name, and only one of them.
    select array_agg(t.tgname::text order by t.tgname)
      into skip_triggers
      from pg_catalog.pg_trigger t
     where t.tgrelid = dest_oid
       and not t.tgisinternal
       and position('\x00534b495000'::bytea in t.tgargs) > 0;
    if timing = 'after' and skip_triggers is not null then
        ret_code := 403;
        ret_note := 'AFTER trigger cannot work with SKIP trigger(s)';
        return;
    end if;
    if flags like '%S%' then
        if skip_triggers is null then
            own_skip := true;
            row_args := row_args || 'SKIP'::text;
        elsif array_length(skip_triggers, 1) > 1 then
            ret_code := 405;
            ret_note := 'Multiple SKIP triggers';
            return;
        elsif skip_triggers[1] not like 'zzz\_%' then
            execute 'alter trigger ' || quote_ident(skip_triggers[1])
                || ' on ' || londiste.quote_fqname(i_dest_table)
                || ' rename to ' || quote_ident('zzz_' || skip_triggers[1]);
        end if;
    end if;
    -- Where nothing else is asked for, a function made for this table does it much faster.
    if i_node_type <> 'leaf' and timing = 'after' and flags !~ '[LQJS]'
        and row_args = array_remove(
            array[i_queue_name, 'ev_extra1=' || quote_literal(event_name)], null)
    then
        row_func := coalesce(
            londiste._make_capture(i_queue_name, dest_oid, event_name), row_func);
    end if;
    -- The general ones know primary keys only.
    if row_func like 'pgq.%' and position('k' in londiste.find_column_types(i_dest_table)) = 0
        and londiste._key_list(dest_oid) <> '' and not has_key_arg
    then
        row_args := row_args || ('pkey=' || londiste._key_list(dest_oid));
    end if;
    if i_node_type = 'leaf' then
        row_args := row_args || 'deny'::text;
        truncate_args := truncate_args || 'deny'::text;
    end if;

    -- The server cuts names at 63 bytes, which could make the two of one queue, or those of two
    -- queues, the same. Long queue names are shortened here, with a hash to tell them apart.
    if octet_length('zzz__londiste_' || i_queue_name || '_truncate') > 63 then
        while octet_length(stem) > 31 loop
            stem := left(stem, -1);
        end loop;
        stem := stem || '_' || substr(md5(i_queue_name), 1, 8);
    end if;
    row_name := case when own_skip then 'zzz_' else '' end || '_londiste_' || i_queue_name;
    if octet_length(row_name) > 63 then
        row_name := case when own_skip then 'zzz_' else '' end || '_londiste_' || stem;
    end if;
    truncate_name := '_londiste_' || i_queue_name || '_truncate';
    if octet_length(truncate_name) > 63 then
        truncate_name := '_londiste_' || stem || '_truncate';
    end if;

    if exists (
        select 1
          from pg_catalog.pg_trigger t
         where t.tgrelid = dest_oid
           and t.tgname = row_name)
    then
        execute 'drop trigger ' || quote_ident(row_name)
            || ' on ' || londiste.quote_fqname(i_dest_table);
    end if;
    execute 'create trigger ' || quote_ident(row_name)
        || ' ' || timing || ' ' || events
        || ' on ' || londiste.quote_fqname(i_dest_table)
        || ' for each row execute function ' || row_func
        || '(' || (select string_agg(quote_literal(a.arg), ', ' order by a.nr)
                     from unnest(row_args) with ordinality as a (arg, nr)) || ')';

    -- Also under the shortened name that the server made of it in older installations: a second
    -- one would send each truncate twice.
    if not exists (
        select 1
          from pg_catalog.pg_trigger t
         where t.tgrelid = dest_oid
           and (t.tgname = truncate_name
                or t.tgname = ('_londiste_' || i_queue_name || '_truncate')::name
                   and t.tgname <> row_name))
    then
        execute 'create trigger ' || quote_ident(truncate_name)
            || ' after truncate on ' || londiste.quote_fqname(i_dest_table)
            || ' for each statement execute function pgq.sqltriga'
            || '(' || (select string_agg(quote_literal(a.arg), ', ' order by a.nr)
                         from unnest(truncate_args) with ordinality as a (arg, nr)) || ')';
    end if;

    ret_code := 200;
    ret_note := 'OK';
end;
$$ language plpgsql;
