-- Whether a batch is the last one that the consumer finished.
create or replace function pgq_ext.is_batch_done(
    a_consumer text, a_subconsumer text, a_batch_id bigint
) returns boolean
language plpgsql security definer as $$
declare
    done boolean;
begin
    select last_batch_id operator(pg_catalog.=) a_batch_id
      into done
      from pgq_ext.completed_batch
     where consumer_id operator(pg_catalog.=) a_consumer
       and subconsumer_id operator(pg_catalog.=) a_subconsumer;
    if not found then
        return false;
    end if;
    return done;
end;
$$;

-- The same for a consumer without subconsumers.
create or replace function pgq_ext.is_batch_done(a_consumer text, a_batch_id bigint)
returns boolean
language plpgsql as $$
begin
    return pgq_ext.is_batch_done(a_consumer, '', a_batch_id);
end;
$$;
