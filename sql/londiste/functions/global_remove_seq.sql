-- Takes a sequence out of the set; a root tells the others.
--
-- Returns 200; 400 when the set has no such sequence.
create or replace function londiste.global_remove_seq(
    in i_queue_name text,
    in i_seq_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_seq text := londiste.make_fqname(i_seq_name);
begin
    delete from londiste.seq_info s
     where s.queue_name = i_queue_name
       and s.seq_name = fq_seq;
    if not found then
        ret_code := 400;
        ret_note := 'Sequence not found: ' || fq_seq;
        return;
    end if;

    if pgq_node.is_root_node(i_queue_name) then
        perform londiste.root_notify_change(i_queue_name, 'londiste.remove-seq', fq_seq);
    end if;

    ret_code := 200;
    ret_note := 'Sequence removed: ' || fq_seq;
end;
$$ language plpgsql strict;
