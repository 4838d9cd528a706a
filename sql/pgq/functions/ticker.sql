-- Writes a tick with an id, a time and an event position that come from another database: for
-- queues with an external ticker. The snapshot is this database's own. The sequences are raised
-- so that they never fall behind.
create or replace function pgq.ticker(
    i_queue_name text, i_tick_id bigint, i_orig_timestamp timestamptz, i_event_seq bigint
) returns bigint
language plpgsql security definer as $$
declare
    q pg_catalog.record;
begin
    select queue_id, queue_tick_seq, queue_event_seq
      into q
      from pgq.queue
     where queue_name operator(pg_catalog.=) i_queue_name
       and queue_external_ticker
       and not queue_ticker_paused;
    if not found then
        raise exception 'queue not found or ticker disabled: %', i_queue_name;
    end if;

    insert into pgq.tick (tick_queue, tick_id, tick_time, tick_event_seq)
    values (q.queue_id, i_tick_id, i_orig_timestamp, i_event_seq);
    perform pgq.seq_setval(q.queue_tick_seq, i_tick_id);
    perform pgq.seq_setval(q.queue_event_seq, i_event_seq);
    perform pgq._announce_tick(i_queue_name);
    return i_tick_id;
end;
$$;

-- Writes a tick on one queue if it is time for one, and returns its id, else NULL.
--
-- With new events: when there are enough of them, or the last tick is old enough; also with those
-- of a transaction that was still running at the last tick. Without: ever more rarely, each gap up
-- to twice the one before, at least every idle period.
--
-- One session at a time: of two that write ticks side by side the one with the higher id may have
-- the older snapshot, and the events between the two would be in two batches. Whoever comes while
-- another session's tick is not committed yet gets NULL and does not wait for it. Whether the queue is
-- ticked at all is looked up under that lock: pgq_node.demote_root takes it as well, and after its last
-- tick there is no other one.
create or replace function pgq.ticker(i_queue_name text) returns bigint
language plpgsql security definer as $$
declare
    id          integer;
    q           pg_catalog.record;
    last        pg_catalog.record;
    prev_time   timestamp with time zone;
    new_id      bigint;
    events      bigint;
    new_events  bigint;
    lag         interval;
    gap         interval;
    cur_txid    bigint := pg_catalog.txid_current();
begin
    select queue_id into id
      from pgq.queue
     where queue_name operator(pg_catalog.=) i_queue_name;
    if not found then
        raise exception 'no such queue';
    end if;
    if not pg_catalog.pg_try_advisory_xact_lock(
        'pgq.tick'::pg_catalog.regclass::pg_catalog.oid::integer, id)
    then
        return null;
    end if;
    if pg_catalog.current_setting('transaction_isolation') operator(pg_catalog.<>) 'read committed' then
        -- This snapshot may show the queue as it was before it was demoted. Locking the row fails then.
        perform from pgq.queue where queue_id operator(pg_catalog.=) id for share;
    end if;
    select queue_id, queue_tick_seq, queue_event_seq, queue_external_ticker, queue_ticker_paused,
           queue_ticker_max_count, queue_ticker_max_lag, queue_ticker_idle_period
      into q
      from pgq.queue
     where queue_id operator(pg_catalog.=) id;
    if not found then
        raise exception 'no such queue';
    end if;
    if q.queue_external_ticker then
        raise exception 'This queue has external tick source.';
    end if;
    if q.queue_ticker_paused then
        raise exception 'Ticker has been paused for this queue';
    end if;

    events := pgq.seq_getval(q.queue_event_seq);
    select t.tick_id, t.tick_time, t.tick_event_seq,
           pg_catalog.txid_snapshot_xmin(t.tick_snapshot) as xmin,
           pg_catalog.txid_snapshot_xmax(t.tick_snapshot) as xmax
      into last
      from pgq.tick t
     where t.tick_queue operator(pg_catalog.=) q.queue_id
     order by t.tick_queue desc, t.tick_id desc
     limit 1;

    if found then
        -- A tick from the future: the database was moved without its transaction counter.
        if last.xmin operator(pg_catalog.>) cur_txid then
            raise exception 'Invalid PgQ state: old xmin=%, old xmax=%, cur txid=%',
                last.xmin, last.xmax, cur_txid
                using hint = pg_catalog.concat('The database has come from a server whose transactions had higher numbers. '
                    'Run: select pgq._rebase_queue(', pg_catalog.quote_literal(i_queue_name), ')');
        end if;
        new_events := events operator(pg_catalog.-) last.tick_event_seq;
        if new_events operator(pg_catalog.<) 0 then
            raise warning 'Negative new_events?  old=% cur=%', last.tick_event_seq, events;
        end if;
        if last.xmax operator(pg_catalog.>) cur_txid then
            raise warning 'Dubious PgQ state: old xmax=%, cur txid=%', last.xmax, cur_txid;
        end if;

        lag := pg_catalog.now() operator(pg_catalog.-) last.tick_time;
        if new_events operator(pg_catalog.>) 0 then
            if new_events operator(pg_catalog.<) q.queue_ticker_max_count
               and lag operator(pg_catalog.<) q.queue_ticker_max_lag then
                return null;
            end if;
        elsif lag operator(pg_catalog.<) q.queue_ticker_max_lag
              or not pgq._has_late_events(q.queue_id, last.tick_id)
        then
            select t.tick_time into prev_time
              from pgq.tick t
             where t.tick_queue operator(pg_catalog.=) q.queue_id
               and t.tick_id operator(pg_catalog.<) last.tick_id
             order by t.tick_queue desc, t.tick_id desc
             limit 1;
            if found then
                gap := last.tick_time operator(pg_catalog.-) prev_time;
                if lag operator(pg_catalog.<)
                       (q.queue_ticker_max_lag operator(pg_catalog./) 2::double precision)
                   or (lag operator(pg_catalog.<)
                           (gap operator(pg_catalog.*) 2::double precision)
                       and lag operator(pg_catalog.<) q.queue_ticker_idle_period)
                then
                    return null;
                end if;
            end if;
        end if;
    end if;

    insert into pgq.tick (tick_queue, tick_id, tick_event_seq)
    values (q.queue_id,
            pg_catalog.nextval(pgq.quote_fqname(q.queue_tick_seq)::pg_catalog.regclass),
            events)
    returning tick_id into new_id;
    perform pgq._announce_tick(i_queue_name);
    return new_id;
end;
$$;

-- Runs the ticker on every queue that has an internal, active one. Returns how many ticked.
create or replace function pgq.ticker() returns bigint
language plpgsql security definer as $$
declare
    q_name  pg_catalog.text;
    ticked  bigint := 0;
begin
    for q_name in
        select queue_name
          from pgq.queue
         where not queue_external_ticker
           and not queue_ticker_paused
         order by queue_name
    loop
        if pgq.ticker(q_name) is not null then
            ticked := ticked operator(pg_catalog.+) 1;
        end if;
    end loop;
    return ticked;
end;
$$;
