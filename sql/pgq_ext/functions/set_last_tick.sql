-- Sets the tick the consumer has reached, forwards or backwards; NULL forgets it. Returns 1.
create or replace function pgq_ext.set_last_tick(
    a_consumer text, a_subconsumer text, a_tick_id bigint
) returns integer
language plpgsql security definer as $$
begin
    if a_tick_id is null then
        delete from pgq_ext.completed_tick
         where consumer_id operator(pg_catalog.=) a_consumer
           and subconsumer_id operator(pg_catalog.=) a_subconsumer;
    else
        insert into pgq_ext.completed_tick (consumer_id, subconsumer_id, last_tick_id)
        values (a_consumer, a_subconsumer, a_tick_id)
        on conflict on constraint completed_tick_pkey
            do update set last_tick_id = excluded.last_tick_id;
    end if;
    return 1;
end;
$$;

-- The same for a consumer without subconsumers.
create or replace function pgq_ext.set_last_tick(a_consumer text, a_tick_id bigint)
returns integer
language plpgsql as $$
begin
    return pgq_ext.set_last_tick(a_consumer, '', a_tick_id);
end;
$$;
