-- Puts an event into a queue, as part of the caller's transaction. Returns the event id.
create or replace function pgq.insert_event(queue_name text, ev_type text, ev_data text)
returns bigint
language plpgsql as $$
begin
    return pgq.insert_event(queue_name, ev_type, ev_data, null, null, null, null);
end;
$$;

-- The same with the extra fields. Runs with the owner's rights: a producer needs none on the
-- event tables.
create or replace function pgq.insert_event(
    queue_name text, ev_type text, ev_data text,
    ev_extra1 text, ev_extra2 text, ev_extra3 text, ev_extra4 text
) returns bigint
language plpgsql security definer as $$
begin
    return pgq.insert_event_raw(queue_name, null, pg_catalog.now(), null, null,
        ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4);
end;
$$;
