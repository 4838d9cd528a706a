-- Whether a transaction that was running at a tick has ended since and left events in the queue. Their numbers were given
-- out before the tick, so the number of events does not tell of them.
create or replace function pgq._has_late_events(i_queue_id integer, i_tick_id bigint) returns boolean
language plpgsql as $$
declare
    tick_snapshot   pg_catalog.txid_snapshot;
    first_unlisted  bigint;
    unlisted        bigint;
    ended           bigint[];
    event_table     pg_catalog.text;
    found_some      boolean;
begin
    -- A snapshot lists the running transactions up to the last one that had ended; those after it are in no list. The
    -- tick's own transaction, in the row, was the last to begin; with a row that came from a dump it may be any.
    select t.tick_snapshot, pg_catalog.txid_snapshot_xmax(t.tick_snapshot), t.xmin::pg_catalog.text::bigint
      into tick_snapshot, first_unlisted, unlisted
      from pgq.tick t
     where t.tick_queue operator(pg_catalog.=) i_queue_id
       and t.tick_id operator(pg_catalog.=) i_tick_id;
    unlisted := least(1000, (unlisted operator(pg_catalog.-) first_unlisted) operator(pg_catalog.&) 4294967295);
    ended := array(
        select r.txid
          from (select pg_catalog.txid_snapshot_xip(tick_snapshot)
                union all
                select pg_catalog.generate_series(first_unlisted,
                    first_unlisted operator(pg_catalog.+) unlisted operator(pg_catalog.-) 1)) r (txid)
         where pg_catalog.txid_visible_in_snapshot(r.txid, pg_catalog.txid_current_snapshot()));
    if pg_catalog.cardinality(ended) operator(pg_catalog.=) 0 then
        return false;
    end if;

    -- The current table, and the one before it: the tables may have been rotated in the meantime.
    for event_table in
        select pgq.quote_fqname(pg_catalog.concat(q.queue_data_pfx, '_', nr operator(pg_catalog.%) q.queue_ntables))
          from pgq.queue q,
               pg_catalog.generate_series(q.queue_cur_table operator(pg_catalog.+) q.queue_ntables operator(pg_catalog.-) 1,
                                          q.queue_cur_table operator(pg_catalog.+) q.queue_ntables) nr
         where q.queue_id operator(pg_catalog.=) i_queue_id
    loop
        execute pg_catalog.format(
            'select exists (select from %s where ev_txid operator(pg_catalog.=) any ($1))', event_table)
           into found_some
          using ended;
        if found_some then
            return true;
        end if;
    end loop;
    return false;
end;
$$;
