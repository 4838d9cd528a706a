-- Subscribes a consumer to a queue, or moves its position.
--
-- Returns 1 for a new subscription, 0 if there was one. x_tick_pos is the tick it has seen
-- already; without it a new subscription starts at the newest tick and an old one stays as it is.
-- Moving drops the consumer's current batch.
create or replace function pgq.register_consumer_at(
    x_queue_name text, x_consumer_name text, x_tick_pos bigint
) returns integer
language plpgsql security definer as $$
declare
    q_id        integer;
    c_id        integer;
    start_tick  bigint := x_tick_pos;
begin
    select queue_id into q_id
      from pgq.queue
     where queue_name operator(pg_catalog.=) x_queue_name;
    if not found then
        raise exception 'Event queue not created yet';
    end if;

    select co_id into c_id
      from pgq.consumer
     where co_name operator(pg_catalog.=) x_consumer_name
       for update;
    if not found then
        insert into pgq.consumer (co_name) values (x_consumer_name) returning co_id into c_id;
    end if;

    if x_tick_pos is not null
       and not exists (select from pgq.tick
                        where tick_queue operator(pg_catalog.=) q_id
                          and tick_id operator(pg_catalog.=) x_tick_pos) then
        raise exception 'cannot reposition, tick not found: %', x_tick_pos;
    end if;

    perform from pgq.subscription
      where sub_queue operator(pg_catalog.=) q_id
        and sub_consumer operator(pg_catalog.=) c_id;
    if found then
        if x_tick_pos is not null then
            update pgq.subscription
               set sub_last_tick = x_tick_pos,
                   sub_batch = null,
                   sub_next_tick = null,
                   sub_active = pg_catalog.now()
             where sub_queue operator(pg_catalog.=) q_id
               and sub_consumer operator(pg_catalog.=) c_id;
        end if;
        return 0;
    end if;

    if start_tick is null then
        select pg_catalog.max(tick_id) into start_tick
          from pgq.tick
         where tick_queue operator(pg_catalog.=) q_id;
        if start_tick is null then
            raise exception 'No ticks for this queue.  Please run ticker on database.';
        end if;
    end if;
    insert into pgq.subscription (sub_queue, sub_consumer, sub_last_tick)
    values (q_id, c_id, start_tick);
    return 1;
end;
$$;
