-- Marks a batch as finished. Returns false if it was. Ids that are not positive are batches nobody
-- has to remember: true, and nothing is stored.
create or replace function pgq_ext.set_batch_done(
    a_consumer text, a_subconsumer text, a_batch_id bigint
) returns boolean
language plpgsql security definer as $$
begin
    if pgq_ext.is_batch_done(a_consumer, a_subconsumer, a_batch_id) then
        return false;
    end if;
    if a_batch_id operator(pg_catalog.>) 0 then
        insert into pgq_ext.completed_batch (consumer_id, subconsumer_id, last_batch_id)
        values (a_consumer, a_subconsumer, a_batch_id)
        on conflict on constraint completed_batch_pkey
            do update set last_batch_id = excluded.last_batch_id;
    end if;
    return true;
end;
$$;

-- The same for a consumer without subconsumers.
create or replace function pgq_ext.set_batch_done(a_consumer text, a_batch_id bigint)
returns boolean
language plpgsql as $$
begin
    return pgq_ext.set_batch_done(a_consumer, '', a_batch_id);
end;
$$;
