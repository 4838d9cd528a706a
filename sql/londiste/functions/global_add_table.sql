-- Makes a table known to the set, and to the set it is merged into. Nothing happens to the table.
--
-- Returns 200, also when it was known; 400 for an unknown queue.
create or replace function londiste.global_add_table(
    in i_queue_name text,
    in i_table_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_table text := londiste.make_fqname(i_table_name);
    merged_into text;
begin
    select n.combined_queue
      into merged_into
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;
    if not found then
        ret_code := 400;
        ret_note := 'No such queue: ' || i_queue_name;
        return;
    end if;

    if exists (
        select 1
          from londiste.table_info t
         where t.queue_name = i_queue_name
           and t.table_name = fq_table)
    then
        ret_code := 200;
        ret_note := 'Table already added: ' || fq_table;
        return;
    end if;

    insert into londiste.table_info (queue_name, table_name)
    values (i_queue_name, fq_table);

    if merged_into is not null then
        -- the combined queue may have no node here
        perform londiste.global_add_table(merged_into, i_table_name);
    end if;

    ret_code := 200;
    ret_note := 'Table added: ' || i_table_name;
exception
    when unique_violation then
        ret_code := 200;
        ret_note := 'Table already added: ' || i_table_name;
end;
$$ language plpgsql strict;
