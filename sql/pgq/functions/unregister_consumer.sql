-- Ends a subscription and forgets its retry events. The consumer goes with its last
-- subscription. Returns the number of subscription rows removed, 0 if there was none.
create or replace function pgq.unregister_consumer(x_queue_name text, x_consumer_name text)
returns integer
language plpgsql security definer as $$
declare
    sub     pg_catalog.record;
    members integer;
begin
    select s.sub_id, s.sub_queue, s.sub_consumer, s.sub_last_tick, s.sub_next_tick
      into sub
      from pgq.subscription s, pgq.consumer c, pgq.queue q
     where q.queue_name operator(pg_catalog.=) x_queue_name
       and c.co_name operator(pg_catalog.=) x_consumer_name
       and s.sub_queue operator(pg_catalog.=) q.queue_id
       and s.sub_consumer operator(pg_catalog.=) c.co_id
       for update of s, c;
    if not found then
        return 0;
    end if;

    select pg_catalog.count(*) into members
      from pgq.subscription
     where sub_id operator(pg_catalog.=) sub.sub_id;

    -- Cooperative consumers share a sub_id. The main one has a position and no next tick; one of
    -- the others leaves alone, without taking the rest along.
    if members operator(pg_catalog.>) 1
       and pg_catalog.num_nulls(sub.sub_last_tick, sub.sub_next_tick) operator(pg_catalog.<>) 1
    then
        delete from pgq.subscription
         where sub_queue operator(pg_catalog.=) sub.sub_queue
           and sub_consumer operator(pg_catalog.=) sub.sub_consumer;
        return 1;
    end if;

    delete from pgq.retry_queue where ev_owner operator(pg_catalog.=) sub.sub_id;
    delete from pgq.subscription where sub_id operator(pg_catalog.=) sub.sub_id;
    delete from pgq.consumer c
     where c.co_id operator(pg_catalog.=) sub.sub_consumer
       and not exists (select from pgq.subscription s
                        where s.sub_consumer operator(pg_catalog.=) c.co_id);
    return members;
end;
$$;
