-- For a database that a dump has brought from another server, whose transactions had higher numbers: renumbers the
-- transactions that ticks and events of a queue name, so that every batch keeps its events. Returns the number of ticks.
--
-- A tick makes visible what is below its snapshot. The ticks somebody still needs are numbered from 1; tick N gets a
-- snapshot in which all transactions below N + 3 have ended, and the events of the batch that it ends the transaction
-- N + 2. Events of no batch so far, those written since the restore among them, come into the next one: they are known
-- by their ids, which only grow.
create or replace function pgq._rebase_queue(i_queue_name text) returns integer
language plpgsql security definer as $$
declare
    q           pg_catalog.record;
    t           pg_catalog.record;
    event       pg_catalog.record;
    snapshots   pg_catalog.txid_snapshot[];
    ticks       integer;
    last_seq    bigint := 0;
    first       integer := 1;
    nr          integer;
    old_txids   bigint[] := '{}';
    new_txids   bigint[] := '{}';
    event_table pg_catalog.text;
begin
    select * into q
      from pgq.queue
     where queue_name operator(pg_catalog.=) i_queue_name
       for update;
    if not found then
        raise exception 'No such event queue: %', i_queue_name;
    end if;
    -- Neither the ticker nor writers may be at it.
    perform pg_catalog.pg_advisory_xact_lock(
        'pgq.tick'::pg_catalog.regclass::pg_catalog.oid::integer, q.queue_id);
    execute pg_catalog.format('lock table %s in share row exclusive mode', pgq.quote_fqname(q.queue_data_pfx));

    delete from pgq.tick
     where tick_queue operator(pg_catalog.=) q.queue_id
       and tick_id operator(pg_catalog.<) coalesce(
           (select pg_catalog.min(s.sub_last_tick)
              from pgq.subscription s
             where s.sub_queue operator(pg_catalog.=) q.queue_id),
           (select pg_catalog.max(k.tick_id)
              from pgq.tick k
             where k.tick_queue operator(pg_catalog.=) q.queue_id));
    for t in
        select tick_snapshot, tick_event_seq
          from pgq.tick
         where tick_queue operator(pg_catalog.=) q.queue_id
         order by tick_id
    loop
        snapshots := snapshots operator(pg_catalog.||) t.tick_snapshot;
        last_seq := t.tick_event_seq;
    end loop;
    ticks := coalesce(pg_catalog.array_length(snapshots, 1), 0);
    if pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())
           operator(pg_catalog.<=) (ticks operator(pg_catalog.+) 4)
    then
        raise exception 'the transactions of this server have not reached number % yet', ticks operator(pg_catalog.+) 4
            using hint = 'Let consumers that are behind catch up before the dump, or use up transactions, '
                         'or set the epoch of the stopped server by pg_resetwal.';
    end if;

    for nr in 0 .. q.queue_ntables operator(pg_catalog.-) 1 loop
        event_table := pgq.quote_fqname(pg_catalog.concat(q.queue_data_pfx, '_', nr));
        first := 1;
        old_txids := '{}';
        new_txids := '{}';
        -- Which tick made a transaction visible? None whose snapshot ends before it, so the search need not begin at
        -- the first: this bound grows with the transactions.
        for event in
            execute pg_catalog.format(
                'select distinct ev_txid from %s where ev_id operator(pg_catalog.<=) $1 order by ev_txid', event_table)
            using last_seq
        loop
            while first operator(pg_catalog.<=) ticks
                  and pg_catalog.txid_snapshot_xmax(snapshots[first]) operator(pg_catalog.<=) event.ev_txid
            loop
                first := first operator(pg_catalog.+) 1;
            end loop;
            for ended_by in first .. ticks operator(pg_catalog.+) 1 loop
                if ended_by operator(pg_catalog.>) ticks
                   or pg_catalog.txid_visible_in_snapshot(event.ev_txid, snapshots[ended_by])
                then
                    old_txids := old_txids operator(pg_catalog.||) event.ev_txid;
                    new_txids := new_txids operator(pg_catalog.||) (ended_by operator(pg_catalog.+) 2)::bigint;
                    exit;
                end if;
            end loop;
        end loop;
        execute pg_catalog.format(
            'update %s e set ev_txid = m.new_txid '
            'from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as m (old_txid, new_txid) '
            'where e.ev_txid operator(pg_catalog.=) m.old_txid and e.ev_id operator(pg_catalog.<=) $3', event_table)
            using old_txids, new_txids, last_seq;
        execute pg_catalog.format(
            'update %s set ev_txid = $1 where ev_id operator(pg_catalog.>) $2', event_table)
            using (ticks operator(pg_catalog.+) 3)::bigint, last_seq;
    end loop;

    update pgq.tick
       set tick_snapshot = pg_catalog.concat(k.nr operator(pg_catalog.+) 3, ':', k.nr operator(pg_catalog.+) 3, ':')
                               ::pg_catalog.txid_snapshot
      from (select tick_id, pg_catalog.row_number() over (order by tick_id) as nr
              from pgq.tick
             where tick_queue operator(pg_catalog.=) q.queue_id) as k
     where tick_queue operator(pg_catalog.=) q.queue_id
       and pgq.tick.tick_id operator(pg_catalog.=) k.tick_id;
    -- Any of these batches may have events in the previous table and in the current one.
    update pgq.queue
       set queue_switch_step1 = 3,
           queue_switch_step2 = pg_catalog.txid_current()
     where queue_id operator(pg_catalog.=) q.queue_id;
    return ticks;
end;
$$;
