-- Opens a cursor over a batch's events and returns the first i_quick_limit of them; the client
-- fetches the rest. i_extra_where, if given, is a condition on the event columns. NULL among the
-- first three arguments: no cursor, no rows.
create or replace function pgq.get_batch_cursor(
    i_batch_id bigint, i_cursor_name text, i_quick_limit integer, i_extra_where text,
    out ev_id bigint, out ev_time timestamptz, out ev_txid bigint, out ev_retry integer,
    out ev_type text, out ev_data text,
    out ev_extra1 text, out ev_extra2 text, out ev_extra3 text, out ev_extra4 text
) returns setof record
language plpgsql as $$
declare
    query pg_catalog.text;
begin
    if i_batch_id is null or i_cursor_name is null or i_quick_limit is null then
        return;
    end if;

    query := pgq.batch_event_sql(i_batch_id);
    if i_extra_where is not null then
        -- The line break ends a comment that the condition may close with.
        query := pg_catalog.format(E'select * from (%s) as event where (%s\n) order by 1',
            query, i_extra_where);
    end if;
    execute pg_catalog.format('declare %I no scroll cursor without hold for %s',
        i_cursor_name, query);

    if i_quick_limit operator(pg_catalog.>) 0 then
        return query execute
            pg_catalog.format('fetch %s from %I', i_quick_limit, i_cursor_name);
    end if;
end;
$$;

-- The same without a condition.
create or replace function pgq.get_batch_cursor(
    i_batch_id bigint, i_cursor_name text, i_quick_limit integer,
    out ev_id bigint, out ev_time timestamptz, out ev_txid bigint, out ev_retry integer,
    out ev_type text, out ev_data text,
    out ev_extra1 text, out ev_extra2 text, out ev_extra3 text, out ev_extra4 text
) returns setof record
language plpgsql strict as $$
begin
    return query
        select c.ev_id, c.ev_time, c.ev_txid, c.ev_retry, c.ev_type, c.ev_data,
               c.ev_extra1, c.ev_extra2, c.ev_extra3, c.ev_extra4
          from pgq.get_batch_cursor(i_batch_id, i_cursor_name, i_quick_limit, null) c;
end;
$$;
