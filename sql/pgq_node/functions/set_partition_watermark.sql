-- On a combined branch: how far a part queue has come inside the combined queue. The worker of the
-- merge leaf, which must not run ahead of that, is put there.
--
-- Returns 200; 201 when there is no such merge leaf; 401 when its worker is not registered.
create or replace function pgq_node.set_partition_watermark(
    in i_combined_queue_name text,
    in i_part_queue_name text,
    in i_watermark bigint,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    part_worker text;
begin
    select part.worker_name
      into part_worker
      from pgq_node.node_info part
      join pgq_node.node_info combined on combined.queue_name = part.combined_queue
     where part.queue_name = i_part_queue_name
       and part.node_type = 'leaf'
       and combined.queue_name = i_combined_queue_name
       and combined.node_type = 'branch';
    if not found then
        ret_code := 201;
        ret_note := 'Part-queue does not exist';
        return;
    end if;

    update pgq_node.local_state s
       set last_tick_id = i_watermark
     where s.queue_name = i_part_queue_name
       and s.consumer_name = part_worker;
    if not found then
        ret_code := 401;
        ret_note := 'Worker registration not found';
        return;
    end if;

    ret_code := 200;
    ret_note := 'Ok';
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
