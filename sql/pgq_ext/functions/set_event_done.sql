-- Marks an event as finished. Returns false if it was. Events are remembered for one batch at a
-- time: the first event of another batch removes those of the batch before.
create or replace function pgq_ext.set_event_done(
    a_consumer text, a_subconsumer text, a_batch_id bigint, a_event_id bigint
) returns boolean
language plpgsql security definer as $$
declare
    known_batch bigint;
begin
    if pgq_ext.is_event_done(a_consumer, a_subconsumer, a_batch_id, a_event_id) then
        return false;
    end if;

    select cur_batch_id into known_batch
      from pgq_ext.partial_batch
     where consumer_id operator(pg_catalog.=) a_consumer
       and subconsumer_id operator(pg_catalog.=) a_subconsumer;
    if not found then
        insert into pgq_ext.partial_batch (consumer_id, subconsumer_id, cur_batch_id)
        values (a_consumer, a_subconsumer, a_batch_id);
    elsif known_batch operator(pg_catalog.<>) a_batch_id then
        delete from pgq_ext.completed_event
         where consumer_id operator(pg_catalog.=) a_consumer
           and subconsumer_id operator(pg_catalog.=) a_subconsumer
           and batch_id operator(pg_catalog.=) known_batch;
        update pgq_ext.partial_batch
           set cur_batch_id = a_batch_id
         where consumer_id operator(pg_catalog.=) a_consumer
           and subconsumer_id operator(pg_catalog.=) a_subconsumer;
    end if;

    insert into pgq_ext.completed_event (consumer_id, subconsumer_id, batch_id, event_id)
    values (a_consumer, a_subconsumer, a_batch_id, a_event_id);
    return true;
end;
$$;

-- The same for a consumer without subconsumers.
create or replace function pgq_ext.set_event_done(
    a_consumer text, a_batch_id bigint, a_event_id bigint
) returns boolean
language plpgsql as $$
begin
    return pgq_ext.set_event_done(a_consumer, '', a_batch_id, a_event_id);
end;
$$;
