-- Turns a branch into the root: its queue takes events and ticks of its own from now on.
--
-- Returns 200; 301 when the node is not a branch; 404 for an unknown queue.
create or replace function pgq_node.promote_branch(
    in i_queue_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    node record;
    newest_tick bigint;
begin
    select n.node_type, n.node_name, n.worker_name
      into node
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;
    if not found then
        ret_code := 404;
        ret_note := 'Node not initialized for queue: ' || i_queue_name;
        return;
    end if;
    if node.node_type <> 'branch' then
        ret_code := 301;
        ret_note := 'Node not branch';
        return;
    end if;

    update pgq.queue q
       set queue_disable_insert = false,
           queue_external_ticker = false
     where q.queue_name = i_queue_name;

    select max(t.tick_id)
      into newest_tick
      from pgq.queue q
      join pgq.tick t on t.tick_queue = q.queue_id
     where q.queue_name = i_queue_name;

    -- Own ticks have to continue where the copied ones ended.
    perform pgq.seq_setval(q.queue_tick_seq, newest_tick)
       from pgq.queue q
      where q.queue_name = i_queue_name;

    update pgq_node.node_info n
       set node_type = 'root'
     where n.queue_name = i_queue_name;
    update pgq_node.local_state s
       set provider_node = node.node_name,
           last_tick_id = newest_tick,
           uptodate = false
     where s.queue_name = i_queue_name
       and s.consumer_name = node.worker_name;

    ret_code := 200;
    ret_note := 'Branch node promoted to root';
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
