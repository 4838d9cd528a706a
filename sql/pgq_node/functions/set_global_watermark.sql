-- Moves the position up to which the whole tree has the events.
--
-- On a root null means "what this node and its subscribers have", and the value is sent down the
-- queue. On a branch it follows what came down; there a tick that is not (or no longer) in the
-- queue is passed over. A leaf keeps none.
--
-- Returns 200; 100 on a leaf; 404 for an unknown queue; 500 for null on a branch.
create or replace function pgq_node.set_global_watermark(
    in i_queue_name text,
    in i_watermark bigint,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    node record;
    info record;
    watermark bigint := i_watermark;
begin
    select n.node_type, n.worker_name
      into node
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;
    if not found then
        ret_code := 404;
        ret_note := 'Queue' || i_queue_name || ' not found';
        return;
    end if;

    if node.node_type = 'root' then
        if watermark is null then
            select f.ret_code, f.ret_note, f.local_watermark
              into info
              from pgq_node.get_node_info(i_queue_name) f;
            if info.ret_code >= 300 then
                ret_code := info.ret_code;
                ret_note := info.ret_note;
                return;
            end if;
            if info.local_watermark is null then
                raise exception 'local_watermark=NULL from get_node_info()?';
            end if;
            watermark := info.local_watermark;
        end if;

        perform pgq.register_consumer_at(i_queue_name, '.global_watermark', watermark);
        perform pgq.insert_event(
            i_queue_name, 'pgq.global-watermark', watermark::text,
            i_queue_name, null, null, null);
        -- A root's worker reads nothing; its position would look stale otherwise.
        update pgq_node.local_state s
           set last_tick_id = watermark
         where s.queue_name = i_queue_name
           and s.consumer_name = node.worker_name;
    elsif node.node_type = 'branch' then
        if watermark is null then
            ret_code := 500;
            ret_note := 'bad usage: wm=null on branch node';
            return;
        end if;

        perform 1
           from pgq.tick t
           join pgq.queue q on q.queue_id = t.tick_queue
          where q.queue_name = i_queue_name
            and t.tick_id = watermark;
        if not found then
            ret_code := 200;
            ret_note := 'Skipping global watermark update to ' || watermark::text;
            return;
        end if;

        perform pgq.register_consumer_at(i_queue_name, '.global_watermark', watermark);
    else
        ret_code := 100;
        ret_note := 'Ignoring global watermark in leaf';
        return;
    end if;

    ret_code := 200;
    ret_note := 'Global watermark set to ' || watermark::text;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
