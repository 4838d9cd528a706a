-- Removes a node; to be run on every member of the tree.
--
-- On the node itself everything this database keeps for the queue goes, the event tables too. That
-- is also what happens when the queue has no node here, to clear away what a half-made node left.
-- Elsewhere the node's subscription and location go.
--
-- Returns 200, or 405 when the local node still reads from the named one.
create or replace function pgq_node.drop_node(
    in i_queue_name text,
    in i_node_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    is_local boolean;
    is_provider boolean;
begin
    select n.node_name = i_node_name, s.provider_node = i_node_name
      into is_local, is_provider
      from pgq_node.node_info n
      left join pgq_node.local_state s
             on s.queue_name = n.queue_name and s.consumer_name = n.worker_name
     where n.queue_name = i_queue_name;

    if not found or is_local then
        delete from pgq_node.subscriber_info i where i.queue_name = i_queue_name;
        delete from pgq_node.local_state s where s.queue_name = i_queue_name;
        delete from pgq_node.node_info n
         where n.queue_name = i_queue_name
           and n.node_name = i_node_name;

        if exists (select 1 from pgq.queue q where q.queue_name = i_queue_name) then
            perform pgq.drop_queue(i_queue_name, true);
        end if;

        delete from pgq_node.node_location l
         where l.queue_name = i_queue_name
           and l.node_name <> i_node_name;
    elsif is_provider then
        ret_code := 405;
        ret_note := 'Cannot drop provider node: ' || i_node_name;
        return;
    else
        perform pgq_node.unregister_subscriber(i_queue_name, i_node_name);
    end if;

    perform pgq_node.unregister_location(i_queue_name, i_node_name);

    ret_code := 200;
    ret_note := 'Node dropped: ' || i_node_name;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
