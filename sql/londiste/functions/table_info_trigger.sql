-- Trigger on table_info: a table that leaves the set loses its triggers.
create or replace function londiste.table_info_trigger()
returns trigger as $$
begin
    perform londiste.drop_table_triggers(old.queue_name, old.table_name);
    return old;
end;
$$ language plpgsql;
