-- Ends a batch: the consumer's position moves to the batch's last tick. Returns 1, or 0 with a
-- warning when no such batch is active.
create or replace function pgq.finish_batch(x_batch_id bigint) returns integer
language plpgsql security definer as $$
begin
    update pgq.subscription
       set sub_active = pg_catalog.now(),
           sub_last_tick = sub_next_tick,
           sub_next_tick = null,
           sub_batch = null
     where sub_batch operator(pg_catalog.=) x_batch_id;
    if not found then
        raise warning 'finish_batch: batch % not found', x_batch_id;
        return 0;
    end if;
    return 1;
end;
$$;
