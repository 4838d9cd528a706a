-- Stores other attributes for a table and makes its row trigger anew with other arguments.
--
-- Returns 200; 400 for an unknown queue; 404 when the table is not local; create_trigger's refusals.
create or replace function londiste.local_change_handler(
    in i_queue_name text,
    in i_table_name text,
    in i_trg_args text[],
    in i_table_attrs text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    node record;
    dest text;
    table_desc text;
    answer record;
begin
    select f.ret_code, f.node_type
      into node
      from pgq_node.get_node_info(i_queue_name) f;
    if node.ret_code >= 400 then
        ret_code := 400;
        ret_note := 'No such set: ' || i_queue_name;
        return;
    end if;

    select a.ret_code, a.ret_note
      into ret_code, ret_note
      from londiste.local_set_table_attrs(i_queue_name, i_table_name, i_table_attrs) a;
    if ret_code <> 200 then
        return;
    end if;

    select coalesce(t.dest_table, t.table_name)
      into dest
      from londiste.table_info t
     where t.queue_name = i_queue_name
       and t.table_name = i_table_name;
    table_desc := case when dest = i_table_name then dest
                       else i_table_name || '(' || dest || ')' end;

    select c.ret_code, c.ret_note
      into answer
      from londiste.create_trigger(
        i_queue_name, i_table_name, i_trg_args, dest, node.node_type) c;
    if answer.ret_code > 299 then
        ret_code := answer.ret_code;
        ret_note := 'Trigger creation failed for table ' || table_desc || ': ' || answer.ret_note;
    elsif answer.ret_code = 201 then
        ret_code := 200;
        ret_note := 'Table handler updated with no triggers: ' || table_desc;
    else
        ret_code := 200;
        ret_note := 'Handler changed for table: ' || table_desc;
    end if;
end;
$$ language plpgsql;
