-- Publishes sequence values that are about to be reached. What is published is ahead by three
-- buffers, so that a node which takes over never hands out a number twice; it is renewed when
-- less than one buffer is left.
--
-- i_buffer counts sequence values; null and less than 10 stand for 10000.
--
-- Returns 100; 402 on a node that is not root; 404 for an unknown queue.
create or replace function londiste.root_check_seqs(
    in i_queue_name text,
    in i_buffer int8,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    buffer int8 := case when i_buffer >= 10 then i_buffer else 10000 end;
    local_type text;
    seq record;
    real_value int8;
    published int8;
begin
    select n.node_type
      into local_type
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;
    if not found then
        ret_code := 404;
        ret_note := 'Queue not found: ' || i_queue_name;
        return;
    end if;
    if local_type <> 'root' then
        ret_code := 402;
        ret_note := 'Not a root node';
        return;
    end if;

    for seq in
        select s.seq_name, s.last_value
          from londiste.seq_info s
         where s.queue_name = i_queue_name
           and s.local
         order by s.nr
    loop
        real_value := pgq.seq_getval(seq.seq_name);
        if real_value + buffer >= seq.last_value then
            published := real_value + buffer * 3;
            perform pgq.insert_event(
                i_queue_name, 'londiste.update-seq', published::text,
                seq.seq_name, null, null, null);
            update londiste.seq_info s
               set last_value = published
             where s.queue_name = i_queue_name
               and s.seq_name = seq.seq_name;
        end if;
    end loop;

    ret_code := 100;
    ret_note := 'Sequences updated';
end;
$$ language plpgsql;

create or replace function londiste.root_check_seqs(
    in i_queue_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
begin
    select c.ret_code, c.ret_note
      into ret_code, ret_note
      from londiste.root_check_seqs(i_queue_name, 10000) c;
end;
$$ language plpgsql;
