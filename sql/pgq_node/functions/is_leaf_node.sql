-- Whether the local node of the queue is a leaf. Raises when the queue has no node here.
create or replace function pgq_node.is_leaf_node(i_queue_name text)
returns bool as $$
declare
    answer bool;
begin
    select n.node_type = 'leaf'
      into answer
      from pgq_node.node_info n
     where n.queue_name = i_queue_name;
    if not found then
        raise exception 'queue does not exist: %', i_queue_name;
    end if;
    return answer;
end;
$$ language plpgsql;
