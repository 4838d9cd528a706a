-- Locations before there is a node: no events, everything is stored as given.
select * from pgq_node.register_location('q', 'n1', 'dbname=one', false);
select * from pgq_node.register_location('q', 'n2', 'dbname=two', true);
select * from pgq_node.register_location('other', 'n1', 'dbname=elsewhere', false);
select * from pgq_node.get_queue_locations('q') order by 1;
select * from pgq_node.get_queue_locations('unknown');
select * from pgq_node.get_queue_locations(null);

-- A null location keeps the stored one, the flag is always taken over.
select * from pgq_node.register_location('q', 'n2', null, false);
select * from pgq_node.register_location('q', 'n1', 'dbname=uno', true);
select * from pgq_node.get_queue_locations('q') order by 1;

-- Unknown node and no location: nothing stored, success all the same.
select * from pgq_node.register_location('q', 'n9', null, false);
select * from pgq_node.register_location('q', 'n9', null, null);
select * from pgq_node.get_queue_locations('q') order by 1;

-- The flag may not be null, names neither.
select * from pgq_node.register_location('q', 'n2', 'dbname=zwei', null);
select * from pgq_node.register_location('q', 'n2', null, null);
select * from pgq_node.register_location('q', 'n3', 'dbname=three', null);
select * from pgq_node.register_location('q', null, 'dbname=three', false);
select * from pgq_node.register_location(null, 'n3', 'dbname=three', false);

-- Without a local node any location can go.
select * from pgq_node.unregister_location('q', 'n2');
select * from pgq_node.unregister_location('q', 'n2');
select * from pgq_node.unregister_location('q', null);
select * from pgq_node.unregister_location(null, 'n2');
select * from pgq_node.unregister_location('unknown', 'n1');
select queue_name, node_name, node_location, dead from pgq_node.node_location order by 1, 2;

-- A root tells everybody. The event repeats the arguments, not the stored row.
select * from pgq_node.create_node('q', 'root', 'n1', 'n1_worker', null, null, null);
select * from pgq_node.register_location('q', 'n2', 'dbname=two', false);
select * from pgq_node.register_location('q', 'n2', null, true);
select * from pgq_node.register_location('q', 'n8', null, true);
select * from pgq_node.get_queue_locations('q') order by 1;
select * from pgq_node.unregister_location('q', 'n1');
select * from pgq_node.unregister_location('q', 'n2');
select * from pgq_node.unregister_location('q', 'n2');
select * from pgq_node.get_queue_locations('q') order by 1;
select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 from pgq.event_template order by ev_id;

-- Other queues are none of its business.
select * from pgq_node.unregister_location('other', 'n1');

-- A subscription goes along with the location.
select * from pgq_node.register_location('q', 'n3', 'dbname=three', false);
select * from pgq_node.register_subscriber('q', 'n3', 'n3_worker', null);
select * from pgq_node.unregister_location('q', 'n3');
select * from pgq_node.get_subscriber_info('q');
select consumer_name from pgq.get_consumer_info('q');
select co_name from pgq.consumer order by 1;

-- On a leaf neither the own location nor the parent's goes.
select * from pgq_node.register_location('lq', 'root', 'dbname=root', false);
select * from pgq_node.register_location('lq', 'mid', 'dbname=mid', false);
select * from pgq_node.register_location('lq', 'leaf', 'dbname=leaf', false);
select * from pgq_node.create_node('lq', 'leaf', 'leaf', 'leaf_worker', 'root', 5, null);
select * from pgq_node.unregister_location('lq', 'leaf');
select * from pgq_node.unregister_location('lq', 'root');

-- Another consumer of this node still reads from it.
select * from pgq_node.register_consumer('lq', 'extra', 'mid', 5);
select * from pgq_node.unregister_location('lq', 'mid');
select * from pgq_node.unregister_consumer('lq', 'extra');
select * from pgq_node.unregister_location('lq', 'mid');
select * from pgq_node.get_queue_locations('lq') order by 1;
