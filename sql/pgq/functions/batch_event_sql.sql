-- The query that reads a batch: events of transactions that the end tick sees and the start tick
-- does not.
--
-- Visibility alone cannot use the index on ev_txid, so the query also bounds the range. The upper
-- end is the end tick's xmax. Transactions that the start tick saw running can be much older than
-- the rest of the batch: near ones widen the range downwards, the others are fetched one by one,
-- otherwise a single long transaction would turn every batch into a scan of the whole table.
create or replace function pgq.batch_event_sql(x_batch_id bigint) returns text
language plpgsql as $$
declare
    b           pg_catalog.record;
    old_txid    bigint;
    low         bigint;
    far         bigint[] := '{}';
    event_table pg_catalog.text;
    source      pg_catalog.text;
    branches    pg_catalog.text[] := '{}';
    columns constant pg_catalog.text :=
        'ev_id, ev_time, ev_txid, ev_retry, ev_type, ev_data,'
        ' ev_extra1, ev_extra2, ev_extra3, ev_extra4';
begin
    select s.sub_id, prev.tick_snapshot as prev_snapshot, cur.tick_snapshot as cur_snapshot
      into b
      from pgq.subscription s
           join pgq.tick prev
                on prev.tick_queue operator(pg_catalog.=) s.sub_queue
               and prev.tick_id operator(pg_catalog.=) s.sub_last_tick
           join pgq.tick cur
                on cur.tick_queue operator(pg_catalog.=) s.sub_queue
               and cur.tick_id operator(pg_catalog.=) s.sub_next_tick
     where s.sub_batch operator(pg_catalog.=) x_batch_id;
    if not found then
        raise exception 'batch not found';
    end if;

    low := pg_catalog.txid_snapshot_xmax(b.prev_snapshot);
    for old_txid in
        select running.txid
          from pg_catalog.txid_snapshot_xip(b.prev_snapshot) as running (txid)
         where pg_catalog.txid_visible_in_snapshot(running.txid, b.cur_snapshot)
         order by 1 desc
    loop
        if old_txid operator(pg_catalog.>=) (low operator(pg_catalog.-) 100) then
            low := old_txid;
        else
            far := pg_catalog.array_append(far, old_txid);
        end if;
    end loop;

    for event_table in select t.name from pgq.batch_event_tables(x_batch_id) as t (name) loop
        source := pg_catalog.format(
            'select %s from %s where (ev_owner is null or ev_owner operator(pg_catalog.=) %s)',
            columns, pgq.quote_fqname(event_table), b.sub_id);
        branches := pg_catalog.array_append(branches, pg_catalog.format(
            '%s and ev_txid operator(pg_catalog.>=) %s and ev_txid operator(pg_catalog.<=) %s'
            ' and pg_catalog.txid_visible_in_snapshot(ev_txid, %L::pg_catalog.txid_snapshot)'
            ' and not pg_catalog.txid_visible_in_snapshot(ev_txid, %L::pg_catalog.txid_snapshot)',
            source, low, pg_catalog.txid_snapshot_xmax(b.cur_snapshot),
            b.cur_snapshot, b.prev_snapshot));
        if pg_catalog.cardinality(far) operator(pg_catalog.>) 0 then
            branches := pg_catalog.array_append(branches, pg_catalog.format(
                '%s and ev_txid operator(pg_catalog.=) any (%L::bigint[])', source, far));
        end if;
    end loop;
    if pg_catalog.cardinality(branches) operator(pg_catalog.=) 0 then
        raise exception 'could not construct sql for batch %', x_batch_id;
    end if;
    return pg_catalog.concat(pg_catalog.array_to_string(branches, ' union all '), ' order by 1');
end;
$$;
