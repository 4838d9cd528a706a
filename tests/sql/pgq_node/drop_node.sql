select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['q', 'l', 'left']) q, unnest(array['top', 'here', 'below', 'far']) n;
select * from pgq_node.create_node('q', 'root', 'here', 'q_worker', null, null, null);
select * from pgq_node.register_subscriber('q', 'below', 'below_worker', null);
select pgq.register_consumer('q', 'plain');

-- another member: subscription and location go, the others are told
select * from pgq_node.drop_node('q', 'below');
select * from pgq_node.drop_node('q', 'unknown');
select node_name from pgq_node.get_queue_locations('q') order by 1;
select consumer_name from pgq.get_consumer_info('q') order by 1;
select ev_type, ev_data, ev_extra1 from pgq.event_template order by ev_id;
select * from pgq_node.drop_node('q', null);
select node_name from pgq_node.get_queue_locations('q') order by 1;

-- the provider stays
select * from pgq_node.create_node('l', 'leaf', 'here', 'l_worker', 'top', 3, null);
select * from pgq_node.drop_node('l', 'top');
select node_name from pgq_node.get_queue_locations('l') order by 1;
select * from pgq_node.drop_node('l', 'far');
select node_name from pgq_node.get_queue_locations('l') order by 1;

-- the node itself: everything goes
select * from pgq_node.drop_node('l', 'here');
select node_name from pgq_node.get_queue_locations('l') order by 1;
select * from pgq_node.register_subscriber('q', 'far', 'far_worker', null);
select * from pgq_node.drop_node('q', 'here');
select * from pgq_node.drop_node('q', 'here');
select * from pgq_node.get_queue_locations('q');
select queue_name, node_name from pgq_node.node_info;
select queue_name, consumer_name from pgq_node.local_state;
select queue_name from pgq.queue;
select co_name from pgq.consumer;

-- no node at all: what is left over goes, a plain queue of that name too
select pgq.create_queue('left');
select pgq.register_consumer('left', 'somebody');
select * from pgq_node.drop_node('left', 'here');
select queue_name from pgq.queue;
select * from pgq_node.get_queue_locations('left');
select * from pgq_node.drop_node('never', 'seen');
select * from pgq_node.drop_node(null, 'here');
select pgq_node.register_location('left', n, 'dbname=' || n, false) from unnest(array['a', 'b']) n;
select * from pgq_node.drop_node('left', null);
select node_name from pgq_node.get_queue_locations('left') order by 1;

-- Dropping a node that others merge into leaves them pointing at nothing.
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['c', 'm']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('c', 'root', 'here', 'c_worker', null, null, null);
select * from pgq_node.create_node('m', 'leaf', 'here', 'm_worker', 'top', 3, 'c');
select * from pgq_node.drop_node('c', 'here');
select combined_queue, combined_type from pgq_node.get_node_info('m');
select ret_code, ret_note, combined_queue, combined_type from pgq_node.get_worker_state('m');
