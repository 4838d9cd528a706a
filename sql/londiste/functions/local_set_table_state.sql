-- Stores how far a table's copy has come, and the snapshot the copy was made in.
--
-- Returns 200; 404 when the table is not local.
create or replace function londiste.local_set_table_state(
    in i_queue_name text,
    in i_table_name text,
    in i_snapshot text,
    in i_merge_state text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_table text := londiste.make_fqname(i_table_name);
begin
    update londiste.table_info t
       set custom_snapshot = i_snapshot,
           merge_state = i_merge_state
     where t.queue_name = i_queue_name
       and t.table_name = fq_table
       and t.local;
    if found then
        ret_code := 200;
        ret_note := 'Table ' || fq_table || ' state set to ' || quote_nullable(i_merge_state);
    else
        ret_code := 404;
        ret_note := 'No such table: ' || fq_table;
    end if;
end;
$$ language plpgsql;
