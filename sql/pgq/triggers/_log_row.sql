-- The event of one row for pgq._log_change(). As in pgq.logutriga, columns whose names begin with
-- _pgq_ev_ are not part of the data, and say what goes into the event's fields instead.
--
-- i_name is the table's name in the event if it is not its own, i_table. It goes before what a column
-- says, like ev_extra1= in a trigger's arguments.
create or replace function pgq._log_row(
    i_queue text, i_type text, i_table text, i_name text, i_names text[], i_values text[]
) returns void
language plpgsql as $$
declare
    shown   pg_catalog.text[];
    shown_values pg_catalog.text[];
    fields  pg_catalog.text[];
    event_id bigint;
begin
    select coalesce(pg_catalog.array_agg(c.name), '{}'), coalesce(pg_catalog.array_agg(c.value), '{}')
      into shown, shown_values
      from rows from (pg_catalog.unnest(i_names), pg_catalog.unnest(i_values)) as c (name, value)
     where not pg_catalog.starts_with(c.name, '_pgq_ev_');
    fields := pgq._magic_fields(
        array[i_type, pgq._url_row(shown, shown_values), i_table, null, null, null],
        i_names, i_values);
    event_id := pgq.insert_event(i_queue,
        fields[1], fields[2], coalesce(i_name, fields[3]), fields[4], fields[5], fields[6]);
end;
$$;
