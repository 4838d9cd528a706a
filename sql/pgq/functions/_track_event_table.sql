-- Keeps, for every queue N, a function pgq._event_N_table(): the number K of the queue's current event
-- table, or -1 - K while events have to go through pgq.insert_event (inserts are limited, or the queue has
-- been given other tables by hand), or -100001 - K while inserts are disabled. Generated capture functions
-- ask it, and pgq.insert_event_raw does where its snapshot may be old.
--
-- It is a constant, so it costs nothing per row: the planner folds it, and replacing the function
-- makes every session plan again. Other ways to know the table would read pgq.queue for every row.
create or replace function pgq._track_event_table() returns trigger
language plpgsql security definer as $$
declare
    -- of the row as it is now, or as it was
    queue_id constant integer := case when tg_op operator(pg_catalog.=) 'DELETE'
                                      then old.queue_id else new.queue_id end;
    name constant pg_catalog.text := pg_catalog.concat('_event_', queue_id, '_table');
    prefix constant pg_catalog.text := pg_catalog.concat('pgq.event_', queue_id);
    nr integer;
begin
    if tg_op operator(pg_catalog.<>) 'UPDATE' then
        perform pgq._make_store_event();
    end if;
    if tg_op operator(pg_catalog.=) 'DELETE' then
        execute pg_catalog.format('drop function if exists pgq.%I()', name);
        return null;
    end if;
    nr := case when new.queue_disable_insert then -100001 else -1 end
          operator(pg_catalog.-) new.queue_cur_table;
    if not new.queue_disable_insert
       and coalesce(new.queue_per_tx_limit operator(pg_catalog.<) 0, true)
       and new.queue_data_pfx operator(pg_catalog.=) prefix
       and new.queue_event_seq operator(pg_catalog.=) pg_catalog.concat(prefix, '_id_seq')
    then
        nr := new.queue_cur_table;
    end if;
    -- Not where nothing changes: while an extension is updated, only its members may be replaced.
    if not exists (
        select from pg_catalog.pg_proc p
         where p.oid operator(pg_catalog.=)
                   pg_catalog.to_regprocedure(pg_catalog.format('pgq.%I()', name))
           and p.prosrc operator(pg_catalog.=) pg_catalog.concat('select ', nr))
    then
        execute pg_catalog.format(
            'create or replace function pgq.%I() returns pg_catalog.int4 language sql immutable'
            ' as ''select %s''', name, nr);
    end if;
    return null;
end;
$$;

-- Made anew with every install: the functions of queues from before are made with it. What belongs to a
-- queue is no part of an extension that is just being updated.
do $$
declare
    member pg_catalog.oid;
begin
    drop trigger if exists event_table_trigger on pgq.queue;
    create trigger event_table_trigger
        after insert or delete or update of queue_id, queue_cur_table, queue_disable_insert,
                                            queue_per_tx_limit, queue_data_pfx, queue_event_seq
        on pgq.queue for each row execute function pgq._track_event_table();
    update pgq.queue set queue_cur_table = queue_cur_table;

    for member in
        select p.oid
          from pg_catalog.pg_proc p
               join pg_catalog.pg_depend d
                    on d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
                   and d.objid operator(pg_catalog.=) p.oid
                   and d.deptype operator(pg_catalog.=) 'e'::"char"
         where p.pronamespace operator(pg_catalog.=) 'pgq'::pg_catalog.regnamespace
           and p.proname operator(pg_catalog.~) '^_event_[0-9]+_table$'
    loop
        execute pg_catalog.format('alter extension pgq drop function %s',
            member::pg_catalog.regprocedure);
    end loop;
end;
$$;
