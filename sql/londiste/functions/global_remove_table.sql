-- Takes a table out of the set. On a node below the root that includes what is local to it.
--
-- Returns 200; 400 when the set has no such table.
create or replace function londiste.global_remove_table(
    in i_queue_name text,
    in i_table_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_table text := londiste.make_fqname(i_table_name);
begin
    if not pgq_node.is_root_node(i_queue_name) then
        perform londiste.local_remove_table(i_queue_name, i_table_name);
    end if;

    delete from londiste.table_info t
     where t.queue_name = i_queue_name
       and t.table_name = fq_table;
    if not found then
        ret_code := 400;
        ret_note := 'Table not found: ' || fq_table;
        return;
    end if;

    ret_code := 200;
    ret_note := 'Table removed: ' || i_table_name;
end;
$$ language plpgsql strict;
