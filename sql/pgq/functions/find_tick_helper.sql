-- The tick that ends a batch of a wanted size.
--
-- The newest tick is taken when it gives at least the wanted size, so that small batches come in
-- one piece. When that would be more than twice as much, the first tick that is enough.
create or replace function pgq.find_tick_helper(
    i_queue_id integer, i_prev_tick_id bigint, i_prev_tick_time timestamptz,
    i_prev_tick_seq bigint, i_min_count bigint, i_min_interval interval,
    out next_tick_id bigint, out next_tick_time timestamptz, out next_tick_seq bigint
) returns record
language plpgsql stable as $$
declare
    newest  pg_catalog.record;
    events  bigint;
    span    interval;
begin
    select t.tick_id, t.tick_time, t.tick_event_seq
      into newest
      from pgq.tick t
     where t.tick_queue operator(pg_catalog.=) i_queue_id
       and t.tick_id operator(pg_catalog.>) i_prev_tick_id
     order by t.tick_queue desc, t.tick_id desc
     limit 1;
    if not found then
        return;
    end if;
    events := newest.tick_event_seq operator(pg_catalog.-) i_prev_tick_seq;
    span := newest.tick_time operator(pg_catalog.-) i_prev_tick_time;

    if events operator(pg_catalog.>) (i_min_count operator(pg_catalog.*) 2)
       or span operator(pg_catalog.>) (i_min_interval operator(pg_catalog.*) 2::double precision)
    then
        select t.tick_id, t.tick_time, t.tick_event_seq
          into next_tick_id, next_tick_time, next_tick_seq
          from pgq.tick t
         where t.tick_queue operator(pg_catalog.=) i_queue_id
           and t.tick_id operator(pg_catalog.>) i_prev_tick_id
           and ((t.tick_event_seq operator(pg_catalog.-) i_prev_tick_seq)
                    operator(pg_catalog.>=) i_min_count
                or (t.tick_time operator(pg_catalog.-) i_prev_tick_time)
                    operator(pg_catalog.>=) i_min_interval)
         order by t.tick_queue, t.tick_id
         limit 1;
    elsif events operator(pg_catalog.>=) i_min_count
          or span operator(pg_catalog.>=) i_min_interval
    then
        next_tick_id := newest.tick_id;
        next_tick_time := newest.tick_time;
        next_tick_seq := newest.tick_event_seq;
    end if;
end;
$$;
