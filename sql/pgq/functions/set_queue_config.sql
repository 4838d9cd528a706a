-- Changes one setting of a queue. The parameter is named as its column without "queue_", the
-- value is text as the column's type reads it.
create or replace function pgq.set_queue_config(
    x_queue_name text, x_param_name text, x_param_value text
) returns integer
language plpgsql security definer as $$
begin
    if x_queue_name is null or x_param_name is null then
        raise exception 'Invalid NULL value';
    end if;
    perform from pgq.queue where queue_name operator(pg_catalog.=) x_queue_name for update;
    if not found then
        raise exception 'No such event queue';
    end if;

    if not x_param_name operator(pg_catalog.=) any (array[
            'ticker_max_count', 'ticker_max_lag', 'ticker_idle_period', 'ticker_paused',
            'rotation_period', 'external_ticker']::pg_catalog.text[]) then
        -- the stray "s" is in the message that operators know
        raise exception 'cannot change parameter "%s"', x_param_name;
    end if;

    -- A NULL value makes the statement NULL, which execute refuses.
    execute 'update pgq.queue set ' operator(pg_catalog.||)
        pg_catalog.quote_ident(pg_catalog.concat('queue_', x_param_name)) operator(pg_catalog.||)
        ' = ' operator(pg_catalog.||) pg_catalog.quote_literal(x_param_value) operator(pg_catalog.||)
        ' where queue_name operator(pg_catalog.=) $1'
    using x_queue_name;
    return 1;
end;
$$;
