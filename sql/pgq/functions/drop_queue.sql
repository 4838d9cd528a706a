-- Removes a queue with its events. Consumers stand in the way unless x_force is true, then they
-- are unregistered.
create or replace function pgq.drop_queue(x_queue_name text, x_force boolean) returns integer
language plpgsql security definer as $$
declare
    q pg_catalog.record;
begin
    select queue_id, queue_data_pfx, queue_ntables, queue_event_seq, queue_tick_seq
      into q
      from pgq.queue
     where queue_name operator(pg_catalog.=) x_queue_name
       for update;
    if not found then
        raise exception 'No such event queue';
    end if;

    if x_force then
        perform pgq.unregister_consumer(c.queue_name, c.consumer_name)
           from pgq.get_consumer_info(x_queue_name) c;
    elsif exists (select from pgq.subscription
                   where sub_queue operator(pg_catalog.=) q.queue_id) then
        raise exception 'cannot drop queue, consumers still attached';
    end if;

    for i in 0 .. q.queue_ntables operator(pg_catalog.-) 1 loop
        execute pg_catalog.format('drop table %s',
            pgq.quote_fqname(pg_catalog.concat(q.queue_data_pfx, '_', i)));
    end loop;
    execute pg_catalog.format('drop table %s', pgq.quote_fqname(q.queue_data_pfx));

    delete from pgq.tick where tick_queue operator(pg_catalog.=) q.queue_id;
    execute pg_catalog.format('drop sequence %s', pgq.quote_fqname(q.queue_tick_seq));
    execute pg_catalog.format('drop sequence %s', pgq.quote_fqname(q.queue_event_seq));
    delete from pgq.queue where queue_id operator(pg_catalog.=) q.queue_id;
    return 1;
end;
$$;

-- Removes a queue that has no consumers.
create or replace function pgq.drop_queue(x_queue_name text) returns integer
language plpgsql strict as $$
begin
    return pgq.drop_queue(x_queue_name, false);
end;
$$;
