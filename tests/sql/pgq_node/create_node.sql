select * from pgq_node.register_location('r', 'root', 'dbname=root', false);
select * from pgq_node.register_location('b', 'root', 'dbname=root', false);
select * from pgq_node.register_location('b', 'branch', 'dbname=branch', false);
select * from pgq_node.register_location('b1', 'root', 'dbname=root', false);
select * from pgq_node.register_location('b1', 'branch', 'dbname=branch', false);
select * from pgq_node.register_location('l', 'root', 'dbname=root', false);
select * from pgq_node.register_location('l', 'leaf', 'dbname=leaf', false);
select * from pgq_node.register_location('m', 'root', 'dbname=root', false);
select * from pgq_node.register_location('m', 'leaf', 'dbname=leaf', false);

-- root: takes nothing but its names
select * from pgq_node.create_node('r', 'root', 'root', 'root_worker', 'root', null, null);
select * from pgq_node.create_node('r', 'root', 'root', 'root_worker', null, 1, null);
select * from pgq_node.create_node('r', 'root', 'root', 'root_worker', null, null, '');
select queue_name from pgq.queue;
select * from pgq_node.create_node('r', 'root', 'root', 'root_worker', null, null, null);
select * from pgq_node.create_node('r', 'root', 'root', 'root_worker', null, null, null);
select * from pgq_node.create_node('r', 'nonsense', null, null, null, null, null);

-- root on a queue with a past
select pgq.create_queue('old');
select pgq.force_tick('old');
select pgq.ticker('old');
select * from pgq_node.register_location('old', 'root', 'dbname=root', false);
select * from pgq_node.create_node('old', 'root', 'root', 'root_worker', null, null, null);
select consumer_name, provider_node, last_tick_id, paused, uptodate, cur_error from pgq_node.get_consumer_info('old');
select queue_name, consumer_name, last_tick from pgq.get_consumer_info('old');

-- root without a location, without a worker
select * from pgq_node.create_node('noloc', 'root', 'root', 'root_worker', null, null, null);
select * from pgq_node.register_location('nowork', 'root', 'dbname=root', false);
select * from pgq_node.create_node('nowork', 'root', 'root', null, null, null, null);
select * from pgq_node.create_node('nowork', 'root', null, 'w', null, null, null);
select queue_name from pgq.queue order by 1;

-- branch
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', null, 50, null);
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', 'root', null, null);
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', 'root', 0, null);
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', 'root', -3, null);
select * from pgq_node.create_node('b', 'branch', 'branch', null, 'root', 50, null);
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', 'root', 50, 'r');
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', 'unknown', 50, null);
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', 'root', 50, null);
select * from pgq_node.create_node('b1', 'branch', 'branch', 'branch_worker', 'root', 1, null);
select q.queue_name, t.tick_id, t.tick_event_seq from pgq.tick t join pgq.queue q on q.queue_id = t.tick_queue order by 1, 2;
select queue_name, queue_external_ticker, queue_disable_insert from pgq.queue order by 1;
select queue_name, consumer_name, last_tick from pgq.get_consumer_info() order by 1, 2;
select pgq.insert_event('b', 'type', 'data');

-- leaf
select * from pgq_node.create_node('l', 'leaf', 'leaf', 'leaf_worker', null, 7, null);
select * from pgq_node.create_node('l', 'leaf', 'leaf', 'leaf_worker', 'root', null, null);
select * from pgq_node.create_node('l', 'leaf', 'leaf', null, 'root', 7, null);
select * from pgq_node.create_node('l', 'leaf', 'stranger', 'leaf_worker', 'root', 7, null);
select * from pgq_node.create_node('l', 'leaf', 'leaf', 'leaf_worker', 'root', 7, 'nowhere');
select * from pgq_node.create_node('l', 'leaf', 'leaf', 'leaf_worker', 'root', 7, null);
select * from pgq_node.create_node('m', 'leaf', 'leaf', 'm_worker', 'root', 8, 'r');
select queue_name from pgq.queue order by 1;

-- what is neither
select * from pgq_node.register_location('x', 'n', 'dbname=n', false);
select * from pgq_node.create_node('x', 'twig', 'n', 'w', 'n', 1, null);
select * from pgq_node.create_node('x', null, 'n', 'w', 'n', 1, null);
select * from pgq_node.create_node(null, 'root', 'n', 'w', null, null, null);

select * from pgq_node.node_info order by queue_name;
select * from pgq_node.local_state order by queue_name, consumer_name;

-- attributes
select * from pgq_node.set_node_attrs('r', 'sync_watermark=1');
select * from pgq_node.set_node_attrs('r', null);
select * from pgq_node.set_node_attrs('unknown', 'a=b');
select * from pgq_node.set_node_attrs('l', 'a=b');
select queue_name, node_attrs from pgq_node.node_info order by 1;
