-- The event tables a batch may have events in, oldest first.
--
-- Transactions that were running while the current table changed may have written to the previous
-- table or to the current one. Step1 and step2 of the rotation bound those transactions; outside
-- of the bounds one table is enough.
create or replace function pgq.batch_event_tables(x_batch_id bigint) returns setof text
language plpgsql as $$
declare
    b           pg_catalog.record;
    prev_table  integer;
begin
    select q.queue_data_pfx, q.queue_cur_table, q.queue_ntables,
           q.queue_switch_step1, q.queue_switch_step2,
           pg_catalog.txid_snapshot_xmin(prev.tick_snapshot) as prev_xmin,
           pg_catalog.txid_snapshot_xmax(cur.tick_snapshot) as cur_xmax
      into b
      from pgq.subscription s
           join pgq.queue q
                on q.queue_id operator(pg_catalog.=) s.sub_queue
           join pgq.tick prev
                on prev.tick_queue operator(pg_catalog.=) s.sub_queue
               and prev.tick_id operator(pg_catalog.=) s.sub_last_tick
           join pgq.tick cur
                on cur.tick_queue operator(pg_catalog.=) s.sub_queue
               and cur.tick_id operator(pg_catalog.=) s.sub_next_tick
     where s.sub_batch operator(pg_catalog.=) x_batch_id;
    if not found then
        raise exception 'Cannot find data for batch %', x_batch_id;
    end if;

    prev_table := (b.queue_cur_table operator(pg_catalog.+) b.queue_ntables
                   operator(pg_catalog.-) 1) operator(pg_catalog.%) b.queue_ntables;

    if b.cur_xmax operator(pg_catalog.<) b.queue_switch_step1 then
        return next pg_catalog.concat(b.queue_data_pfx, '_', prev_table);
    elsif b.prev_xmin operator(pg_catalog.>) b.queue_switch_step2 then
        return next pg_catalog.concat(b.queue_data_pfx, '_', b.queue_cur_table);
    else
        return next pg_catalog.concat(b.queue_data_pfx, '_', prev_table);
        return next pg_catalog.concat(b.queue_data_pfx, '_', b.queue_cur_table);
    end if;
end;
$$;
