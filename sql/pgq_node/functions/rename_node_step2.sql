-- Lets everything in this database that names a node use its new name, and forgets the old one.
--
-- Consumers that read from the node have to notice before they are up to date again. The watermark that a subscriber has here
-- keeps its position under its new name.
--
-- Returns 200; 201 when nothing is left of the old name; 404 when step 1 was not run.
create or replace function pgq_node.rename_node_step2(
    in i_queue_name text,
    in i_old_name text,
    in i_new_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    local_type text;
    old_watermark text := '.' || i_old_name || '.watermark';
    new_watermark text := '.' || i_new_name || '.watermark';
    watermark int8;
begin
    select n.node_type
      into local_type
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;

    perform 1
       from pgq_node.node_location l
      where l.queue_name = i_queue_name
        and l.node_name = i_new_name;
    if not found then
        ret_code := 404;
        ret_note := 'New node name is not registered: ' || coalesce(i_new_name, '');
        return;
    end if;
    perform 1
       from pgq_node.node_location l
      where l.queue_name = i_queue_name
        and l.node_name = i_old_name;
    if not found then
        ret_code := 201;
        ret_note := 'Node already renamed: ' || i_new_name;
        return;
    end if;

    update pgq_node.node_info n
       set node_name = i_new_name
     where n.queue_name = i_queue_name
       and n.node_name = i_old_name;
    update pgq_node.local_state s
       set provider_node = i_new_name,
           uptodate = false
     where s.queue_name = i_queue_name
       and s.provider_node = i_old_name;

    perform 1
       from pgq_node.subscriber_info i
      where i.queue_name = i_queue_name
        and i.subscriber_node = i_old_name;
    if found then
        select c.last_tick
          into watermark
          from pgq.get_consumer_info(i_queue_name, old_watermark) c;
        if watermark is null then
            perform pgq.register_consumer(i_queue_name, new_watermark);
        else
            perform pgq.register_consumer_at(i_queue_name, new_watermark, watermark);
        end if;
        update pgq_node.subscriber_info i
           set subscriber_node = i_new_name,
               watermark_name = new_watermark
         where i.queue_name = i_queue_name
           and i.subscriber_node = i_old_name;
        -- After the row, which references the consumer's name.
        perform pgq.unregister_consumer(i_queue_name, old_watermark);
    end if;

    delete from pgq_node.node_location l
     where l.queue_name = i_queue_name
       and l.node_name = i_old_name;

    if local_type = 'root' then
        perform pgq.insert_event(
            i_queue_name, 'pgq.unregister-location', i_old_name,
            i_queue_name, null, null, null);
    end if;

    ret_code := 200;
    ret_note := 'Node renamed: ' || i_old_name || ' is ' || i_new_name;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
