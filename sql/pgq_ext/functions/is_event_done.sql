-- Whether the consumer finished an event of a batch.
create or replace function pgq_ext.is_event_done(
    a_consumer text, a_subconsumer text, a_batch_id bigint, a_event_id bigint
) returns boolean
language plpgsql security definer as $$
begin
    return exists (
        select from pgq_ext.completed_event
         where consumer_id operator(pg_catalog.=) a_consumer
           and subconsumer_id operator(pg_catalog.=) a_subconsumer
           and batch_id operator(pg_catalog.=) a_batch_id
           and event_id operator(pg_catalog.=) a_event_id);
end;
$$;

-- The same for a consumer without subconsumers.
create or replace function pgq_ext.is_event_done(
    a_consumer text, a_batch_id bigint, a_event_id bigint
) returns boolean
language plpgsql as $$
begin
    return pgq_ext.is_event_done(a_consumer, '', a_batch_id, a_event_id);
end;
$$;
