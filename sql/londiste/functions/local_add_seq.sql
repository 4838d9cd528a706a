-- Attaches a sequence to the local node. On a root it joins the set and its value is published;
-- elsewhere it is moved up to the published value.
--
-- Returns 200; 201 when it was local; 400 when there is no such sequence; 404 when the set has none.
create or replace function londiste.local_add_seq(
    in i_queue_name text,
    in i_seq_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_seq text := londiste.make_fqname(i_seq_name);
    is_root boolean;
    seq record;
    is_known boolean;
begin
    if londiste.find_seq_oid(fq_seq) is null then
        ret_code := 400;
        ret_note := 'Sequence not found: ' || fq_seq;
        return;
    end if;
    is_root := pgq_node.is_root_node(i_queue_name);

    select s.local, s.last_value
      into seq
      from londiste.seq_info s
     where s.queue_name = i_queue_name
       and s.seq_name = fq_seq
       for update;
    is_known := found;
    if is_known and seq.local then
        ret_code := 201;
        ret_note := 'Sequence already added: ' || fq_seq;
        return;
    end if;
    if not is_known and not is_root then
        ret_code := 404;
        ret_note := 'Unknown sequence: ' || fq_seq;
        return;
    end if;

    if is_known then
        update londiste.seq_info s
           set local = true
         where s.queue_name = i_queue_name
           and s.seq_name = fq_seq;
    else
        insert into londiste.seq_info (queue_name, seq_name, local, last_value)
        values (i_queue_name, fq_seq, true, 0);
    end if;

    if is_root then
        perform londiste.root_check_seqs(i_queue_name);
    else
        perform pgq.seq_setval(fq_seq, seq.last_value);
    end if;

    ret_code := 200;
    ret_note := 'Sequence added: ' || fq_seq;
end;
$$ language plpgsql;
