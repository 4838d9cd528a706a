-- All consumers of all queues: position, lag, current batch, events to come.
create or replace function pgq.get_consumer_info(
    out queue_name text, out consumer_name text, out lag interval, out last_seen interval,
    out last_tick bigint, out current_batch bigint, out next_tick bigint,
    out pending_events bigint
) returns setof record
language plpgsql security definer as $$
begin
    return query select i.* from pgq.get_consumer_info(null, null) i;
end;
$$;

-- The consumers of one queue, or of all with NULL.
create or replace function pgq.get_consumer_info(
    i_queue_name text,
    out queue_name text, out consumer_name text, out lag interval, out last_seen interval,
    out last_tick bigint, out current_batch bigint, out next_tick bigint,
    out pending_events bigint
) returns setof record
language plpgsql security definer as $$
begin
    return query select i.* from pgq.get_consumer_info(i_queue_name, null) i;
end;
$$;

-- One consumer on one queue; NULL stands for all.
create or replace function pgq.get_consumer_info(
    i_queue_name text, i_consumer_name text,
    out queue_name text, out consumer_name text, out lag interval, out last_seen interval,
    out last_tick bigint, out current_batch bigint, out next_tick bigint,
    out pending_events bigint
) returns setof record
language plpgsql security definer as $$
begin
    return query
        select q.queue_name, c.co_name,
               current_timestamp operator(pg_catalog.-) seen.tick_time,
               current_timestamp operator(pg_catalog.-) s.sub_active,
               s.sub_last_tick, s.sub_batch, s.sub_next_tick,
               top.tick_event_seq operator(pg_catalog.-) seen.tick_event_seq
          from pgq.queue q
               join pgq.subscription s
                    on s.sub_queue operator(pg_catalog.=) q.queue_id
               join pgq.consumer c
                    on c.co_id operator(pg_catalog.=) s.sub_consumer
               left join pgq.tick seen
                    on seen.tick_queue operator(pg_catalog.=) s.sub_queue
                   and seen.tick_id operator(pg_catalog.=) s.sub_last_tick
               left join lateral (
                   select t.tick_event_seq
                     from pgq.tick t
                    where t.tick_queue operator(pg_catalog.=) q.queue_id
                    order by t.tick_queue desc, t.tick_id desc
                    limit 1) top on true
         where (i_queue_name is null or q.queue_name operator(pg_catalog.=) i_queue_name)
           and (i_consumer_name is null or c.co_name operator(pg_catalog.=) i_consumer_name)
         order by q.queue_name, c.co_name;
end;
$$;
