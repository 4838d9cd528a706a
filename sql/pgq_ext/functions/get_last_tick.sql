-- The tick the consumer has reached, NULL if it never said.
create or replace function pgq_ext.get_last_tick(a_consumer text, a_subconsumer text)
returns bigint
language plpgsql security definer as $$
begin
    return (
        select last_tick_id
          from pgq_ext.completed_tick
         where consumer_id operator(pg_catalog.=) a_consumer
           and subconsumer_id operator(pg_catalog.=) a_subconsumer);
end;
$$;

-- The same for a consumer without subconsumers.
create or replace function pgq_ext.get_last_tick(a_consumer text) returns bigint
language plpgsql as $$
begin
    return pgq_ext.get_last_tick(a_consumer, '');
end;
$$;
