-- Inserts an event into the current table of a queue. Every way into a queue ends here.
--
-- The event sequence is advanced also when the caller brings an event id, and also when the call
-- then fails: the ticker sees new events by this sequence.
create or replace function pgq.insert_event_raw(
    queue_name text, ev_id bigint, ev_time timestamptz, ev_owner integer, ev_retry integer,
    ev_type text, ev_data text, ev_extra1 text, ev_extra2 text, ev_extra3 text, ev_extra4 text
) returns bigint
language plpgsql as $$
declare
    -- A number before the look at which table is the current one: readers look into a table for all
    -- numbers that were given out before its rotation was over.
    writer constant bigint := pg_catalog.txid_current();
    q           pg_catalog.record;
    new_id      bigint;
    time_of_event pg_catalog.timestamptz := coalesce(ev_time, pg_catalog.now());
    old_snapshot constant boolean :=
        pg_catalog.current_setting('transaction_isolation') operator(pg_catalog.<>) 'read committed';
    always constant boolean :=
        pg_catalog.current_setting('session_replication_role') operator(pg_catalog.=) 'replica';
    current_table integer;
    data_table  pg_catalog.text;
    counter     pg_catalog.text;
    counted     pg_catalog.text;
    so_far      bigint := 0;
begin
    if queue_name is null then
        raise exception 'Queue name must not be NULL';
    end if;
    select pq.queue_id, pq.queue_cur_table, pq.queue_disable_insert, pq.queue_per_tx_limit,
           pq.queue_data_pfx, pq.queue_event_seq
      into q
      from pgq.queue pq
     where pq.queue_name operator(pg_catalog.=) insert_event_raw.queue_name;
    if not found then
        raise exception 'No such queue';
    end if;

    if old_snapshot then
        -- This snapshot may be older than the last rotation, and readers no longer look into the table
        -- that it knows; or older than the last tick of a root that was demoted since, and nobody would
        -- read the event at all. A function is found as it is now.
        execute pg_catalog.format('select pgq._event_%s_table()', q.queue_id) into current_table;
        q.queue_disable_insert := current_table operator(pg_catalog.<=) -100001;
        q.queue_cur_table := case
            when q.queue_disable_insert then -100001 operator(pg_catalog.-) current_table
            when current_table operator(pg_catalog.<) 0 then -1 operator(pg_catalog.-) current_table
            else current_table end;
    end if;

    new_id := pg_catalog.nextval(q.queue_event_seq::pg_catalog.regclass);

    if q.queue_disable_insert and not always then
        raise exception 'Insert into queue disallowed';
    end if;

    if q.queue_per_tx_limit operator(pg_catalog.>=) 0 then
        -- The count lives in a setting that is local to the transaction. It belongs to one event
        -- table, a rotation starts it anew; rolling back to a savepoint takes back the count
        -- together with the events.
        counter := pg_catalog.concat('pgq.events_in_tx_', q.queue_id);
        counted := pg_catalog.current_setting(counter, true);
        if pg_catalog.split_part(counted, ':', 1)
               operator(pg_catalog.=) q.queue_cur_table::pg_catalog.text then
            so_far := pg_catalog.split_part(counted, ':', 2)::bigint;
        end if;
        if so_far operator(pg_catalog.>=) q.queue_per_tx_limit then
            raise exception 'Queue ''%'' allows max % events from one TX',
                queue_name, q.queue_per_tx_limit;
        end if;
        perform pg_catalog.set_config(counter,
            pg_catalog.concat(q.queue_cur_table, ':', so_far operator(pg_catalog.+) 1), true);
    end if;

    new_id := coalesce(ev_id, new_id);
    data_table := pg_catalog.concat(q.queue_data_pfx, '_', q.queue_cur_table);
    if not pgq._store_event(q.queue_id, data_table, new_id, time_of_event, ev_owner, ev_retry,
               ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4)
    then
        execute pg_catalog.format(
            'insert into %s (ev_id, ev_time, ev_owner, ev_retry, ev_type, ev_data,'
            ' ev_extra1, ev_extra2, ev_extra3, ev_extra4)'
            ' values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
            pgq.quote_fqname(data_table))
        using new_id, time_of_event, ev_owner, ev_retry, ev_type, ev_data,
            ev_extra1, ev_extra2, ev_extra3, ev_extra4;
    end if;

    -- The insert may have waited for pgq_node.demote_root to make the last tick, and be behind it, where
    -- nobody reads. From now on that waits for us: it locks the table.
    if not always then
        if old_snapshot then
            execute pg_catalog.format('select pgq._event_%s_table()', q.queue_id) into current_table;
            q.queue_disable_insert := current_table operator(pg_catalog.<=) -100001;
        else
            select pq.queue_disable_insert into q.queue_disable_insert
              from pgq.queue pq
             where pq.queue_id operator(pg_catalog.=) q.queue_id;
        end if;
        if q.queue_disable_insert then
            raise exception 'Insert into queue disallowed';
        end if;
    end if;
    return new_id;
end;
$$;
