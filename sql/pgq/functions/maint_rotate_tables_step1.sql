-- First half of a rotation: empties the oldest event table of a queue and makes it the current
-- one, when the rotation period is over and no consumer needs its events. Always returns 0.
create or replace function pgq.maint_rotate_tables_step1(i_queue_name text) returns integer
language plpgsql as $$
declare
    q           pg_catalog.record;
    lowest_tick bigint;
    lowest_xmin bigint;
    next_nr     integer;
    next_table  pg_catalog.text;
begin
    select * into q
      from pgq.queue
     where queue_name operator(pg_catalog.=) i_queue_name
       and queue_rotation_period is not null
       and queue_switch_step2 is not null
       and (queue_switch_time operator(pg_catalog.+) queue_rotation_period)
               operator(pg_catalog.<) current_timestamp
       for update;
    if not found then
        return 0;
    end if;
    if pg_catalog.txid_current() operator(pg_catalog.<) q.queue_switch_step1 then
        raise exception 'queue % maint failure: step1=%, current=%',
            i_queue_name, q.queue_switch_step1, pg_catalog.txid_current();
    end if;

    select pg_catalog.min(sub_last_tick) into lowest_tick
      from pgq.subscription
     where sub_queue operator(pg_catalog.=) q.queue_id;
    if lowest_tick is not null then
        select pg_catalog.txid_snapshot_xmin(tick_snapshot) into lowest_xmin
          from pgq.tick
         where tick_queue operator(pg_catalog.=) q.queue_id
           and tick_id operator(pg_catalog.=) lowest_tick;
        if not found then
            raise exception 'queue % maint failure: tick % not found', i_queue_name, lowest_tick;
        end if;
        -- Somebody has yet to read what was written before the previous rotation was over.
        if lowest_xmin operator(pg_catalog.<=) q.queue_switch_step2 then
            return 0;
        end if;
    end if;

    next_nr := (q.queue_cur_table operator(pg_catalog.+) 1) operator(pg_catalog.%) q.queue_ntables;
    next_table := pgq.quote_fqname(pg_catalog.concat(q.queue_data_pfx, '_', next_nr));
    begin
        -- Waiting for a reader here would make all producers and readers wait behind us.
        execute pg_catalog.format('lock table %s in access exclusive mode nowait', next_table);
        execute pg_catalog.format('truncate %s', next_table);
    exception
        when lock_not_available then
            return 0;
    end;

    update pgq.queue
       set queue_cur_table = next_nr,
           queue_switch_time = current_timestamp,
           queue_switch_step1 = pg_catalog.txid_current(),
           queue_switch_step2 = null
     where queue_id operator(pg_catalog.=) q.queue_id;

    -- These ticks bound events that were in the table just emptied.
    delete from pgq.tick
     where tick_queue operator(pg_catalog.=) q.queue_id
       and pg_catalog.txid_snapshot_xmin(tick_snapshot)
               operator(pg_catalog.<) q.queue_switch_step2;
    return 0;
end;
$$;
