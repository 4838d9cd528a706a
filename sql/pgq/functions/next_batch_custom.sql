-- Makes a consumer's next batch active, optionally only when it is old or large enough.
--
-- i_min_lag: the batch must have ended at least that long ago. i_min_count, i_min_interval: wanted
-- size, see pgq.find_tick_helper(). Without a suitable batch all outputs are NULL. A batch that is
-- active already is returned again, whatever the limits.
create or replace function pgq.next_batch_custom(
    i_queue_name text, i_consumer_name text,
    i_min_lag interval, i_min_count integer, i_min_interval interval,
    out batch_id bigint, out cur_tick_id bigint, out prev_tick_id bigint,
    out cur_tick_time timestamptz, out prev_tick_time timestamptz,
    out cur_tick_event_seq bigint, out prev_tick_event_seq bigint
) returns record
language plpgsql security definer as $$
declare
    sub pg_catalog.record;
begin
    select s.sub_queue, s.sub_consumer, s.sub_batch, s.sub_next_tick,
           prev.tick_id as prev_id, prev.tick_time as prev_time, prev.tick_event_seq as prev_seq,
           cur.tick_id as cur_id, cur.tick_time as cur_time, cur.tick_event_seq as cur_seq
      into sub
      from pgq.queue q
           join pgq.subscription s
                on s.sub_queue operator(pg_catalog.=) q.queue_id
           join pgq.consumer c
                on c.co_id operator(pg_catalog.=) s.sub_consumer
           left join pgq.tick prev
                on prev.tick_queue operator(pg_catalog.=) s.sub_queue
               and prev.tick_id operator(pg_catalog.=) s.sub_last_tick
           left join pgq.tick cur
                on cur.tick_queue operator(pg_catalog.=) s.sub_queue
               and cur.tick_id operator(pg_catalog.=) s.sub_next_tick
     where q.queue_name operator(pg_catalog.=) i_queue_name
       and c.co_name operator(pg_catalog.=) i_consumer_name;
    if not found then
        raise exception 'Not subscriber to queue: %/%',
            coalesce(i_queue_name, 'NULL'), coalesce(i_consumer_name, 'NULL');
    end if;
    if sub.prev_id is null then
        raise exception 'PgQ corruption: Consumer % on queue % does not see tick %',
            i_consumer_name, i_queue_name, sub.prev_id;
    end if;

    if sub.sub_batch is not null then
        batch_id := sub.sub_batch;
        cur_tick_id := sub.cur_id;
        cur_tick_time := sub.cur_time;
        cur_tick_event_seq := sub.cur_seq;
        prev_tick_id := sub.prev_id;
        prev_tick_time := sub.prev_time;
        prev_tick_event_seq := sub.prev_seq;
        return;
    end if;

    if i_min_count is null and i_min_interval is null then
        select t.tick_id, t.tick_time, t.tick_event_seq
          into cur_tick_id, cur_tick_time, cur_tick_event_seq
          from pgq.tick t
         where t.tick_queue operator(pg_catalog.=) sub.sub_queue
           and t.tick_id operator(pg_catalog.>) sub.prev_id
         order by t.tick_queue, t.tick_id
         limit 1;
    else
        select f.next_tick_id, f.next_tick_time, f.next_tick_seq
          into cur_tick_id, cur_tick_time, cur_tick_event_seq
          from pgq.find_tick_helper(sub.sub_queue, sub.prev_id, sub.prev_time, sub.prev_seq,
                                    i_min_count, i_min_interval) f;
    end if;

    if cur_tick_id is null
       or (pg_catalog.now() operator(pg_catalog.-) cur_tick_time) operator(pg_catalog.<) i_min_lag
    then
        cur_tick_id := null;
        cur_tick_time := null;
        cur_tick_event_seq := null;
        return;
    end if;

    batch_id := pg_catalog.nextval('pgq.batch_id_seq');
    prev_tick_id := sub.prev_id;
    prev_tick_time := sub.prev_time;
    prev_tick_event_seq := sub.prev_seq;
    update pgq.subscription
       set sub_batch = batch_id,
           sub_next_tick = cur_tick_id,
           sub_active = pg_catalog.now()
     where sub_queue operator(pg_catalog.=) sub.sub_queue
       and sub_consumer operator(pg_catalog.=) sub.sub_consumer;
end;
$$;
