-- Makes a node known under a second name, which is to be its only one after rename_node_step2. To be run on every member of
-- the tree, both steps in one transaction.
--
-- Returns 200; 201 when this database knows the node under the new name only; 401 for a name that is none; 403 when another
-- node has the name; 404 for an unknown node.
create or replace function pgq_node.rename_node_step1(
    in i_queue_name text,
    in i_old_name text,
    in i_new_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    local_type text;
    old_place record;
    new_place record;
    is_known boolean;
    is_taken boolean;
begin
    if coalesce(i_new_name, '') = '' or i_new_name = i_old_name then
        ret_code := 401;
        ret_note := 'Bad new node name: ' || coalesce(i_new_name, '');
        return;
    end if;

    select n.node_type
      into local_type
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;

    select l.node_location, l.dead
      into old_place
      from pgq_node.node_location l
     where l.queue_name = i_queue_name
       and l.node_name = i_old_name
       for update;
    is_known := found;
    select l.node_location, l.dead
      into new_place
      from pgq_node.node_location l
     where l.queue_name = i_queue_name
       and l.node_name = i_new_name
       for update;
    is_taken := found;

    if not is_known and is_taken then
        ret_code := 201;
        ret_note := 'Node already renamed: ' || i_new_name;
        return;
    elsif not is_known then
        ret_code := 404;
        ret_note := 'Unknown node: ' || coalesce(i_queue_name || '/' || i_old_name, '');
        return;
    -- The same node under both names is what the root's event makes of it on a member that was not asked yet.
    elsif is_taken and new_place.node_location <> old_place.node_location then
        ret_code := 403;
        ret_note := 'Node name is taken: ' || i_new_name;
        return;
    end if;

    insert into pgq_node.node_location (queue_name, node_name, node_location, dead)
    values (i_queue_name, i_new_name, old_place.node_location, old_place.dead)
        on conflict on constraint node_location_pkey do nothing;

    if local_type = 'root' then
        perform pgq.insert_event(
            i_queue_name, 'pgq.location-info', i_new_name,
            i_queue_name, old_place.node_location, old_place.dead::text, null);
    end if;

    ret_code := 200;
    ret_note := 'New node name registered: ' || i_new_name;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;
