-- Takes in a value the root published. A sequence attached here is moved up to it, never down.
--
-- Returns 200; 402 on a root; 404 for an unknown queue.
create or replace function londiste.global_update_seq(
    in i_queue_name text,
    in i_seq_name text,
    in i_value int8,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_seq text := londiste.make_fqname(i_seq_name);
    local_type text;
    is_local boolean;
begin
    select n.node_type
      into local_type
      from pgq_node.node_info n
     where n.queue_name = i_queue_name;
    if not found then
        ret_code := 404;
        ret_note := 'Set not found: ' || i_queue_name;
        return;
    end if;
    if local_type = 'root' then
        ret_code := 402;
        ret_note := 'Must not run on root node';
        return;
    end if;

    update londiste.seq_info s
       set last_value = i_value
     where s.queue_name = i_queue_name
       and s.seq_name = fq_seq
    returning s.local
      into is_local;
    if not found then
        -- the worker and add-seq may learn of a sequence at the same moment
        insert into londiste.seq_info as s (queue_name, seq_name, last_value)
        values (i_queue_name, fq_seq, i_value)
            on conflict on constraint seq_info_pkey do update
            set last_value = excluded.last_value
        returning s.local
          into is_local;
    end if;
    if is_local then
        perform pgq.seq_setval(fq_seq, i_value);
    end if;

    ret_code := 200;
    ret_note := 'Sequence updated';
end;
$$ language plpgsql;
