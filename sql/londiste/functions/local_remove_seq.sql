-- Detaches a sequence from the local node; on a root it leaves the set.
--
-- Returns 200; on a root 400, elsewhere 404 when it is not there.
create or replace function londiste.local_remove_seq(
    in i_queue_name text,
    in i_seq_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    fq_seq text := londiste.make_fqname(i_seq_name);
begin
    if pgq_node.is_root_node(i_queue_name) then
        select g.ret_code, g.ret_note
          into ret_code, ret_note
          from londiste.global_remove_seq(i_queue_name, fq_seq) g;
        return;
    end if;

    update londiste.seq_info s
       set local = false
     where s.queue_name = i_queue_name
       and s.seq_name = fq_seq
       and s.local;
    if found then
        ret_code := 200;
        ret_note := 'Sequence removed: ' || fq_seq;
    else
        ret_code := 404;
        ret_note := 'Sequence not found: ' || fq_seq;
    end if;
end;
$$ language plpgsql strict;
