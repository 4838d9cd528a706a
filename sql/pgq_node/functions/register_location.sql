-- Adds a member of the tree, or changes where it is reached and whether it is alive.
--
-- Works before the local node exists: create_node needs the locations of itself and its provider.
-- A null location keeps the known one. On a root the news is sent down the queue.
--
-- Returns 200.
create or replace function pgq_node.register_location(
    in i_queue_name text,
    in i_node_name text,
    in i_node_location text,
    in i_dead boolean,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    local_type text;
begin
    select n.node_type
      into local_type
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;

    if i_node_location is not null then
        insert into pgq_node.node_location as l (queue_name, node_name, node_location, dead)
        values (i_queue_name, i_node_name, i_node_location, i_dead)
        on conflict on constraint node_location_pkey do update
            set node_location = excluded.node_location,
                dead = excluded.dead;
    else
        update pgq_node.node_location l
           set dead = i_dead
         where l.queue_name = i_queue_name
           and l.node_name = i_node_name;
    end if;

    if local_type = 'root' then
        perform pgq.insert_event(
            i_queue_name, 'pgq.location-info', i_node_name,
            i_queue_name, i_node_location, i_dead::text, null);
    end if;

    ret_code := 200;
    ret_note := 'Location registered';
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
