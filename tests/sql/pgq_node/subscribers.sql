select * from pgq_node.register_location('q', 'root', 'dbname=root', false);
select * from pgq_node.register_location('q', 'sub', 'dbname=sub', false);
select * from pgq_node.register_location('q', 'sub2', 'dbname=sub2', false);
select * from pgq_node.create_node('q', 'root', 'root', 'root_worker', null, null, null);
select pgq.force_tick('q');
select pgq.ticker('q');
select pgq.force_tick('q');
select pgq.ticker('q');

select * from pgq_node.register_subscriber('unknown', 'sub', 'sub_worker', null);
select * from pgq_node.register_subscriber(null, 'sub', 'sub_worker', null);
select * from pgq_node.register_subscriber('q', 'stranger', 'stranger_worker', null);
select * from pgq_node.register_subscriber('q', 'sub', null, null);
select * from pgq_node.register_subscriber('q', 'sub', 'sub_worker', 99);
select queue_name, consumer_name, last_tick from pgq.get_consumer_info() order by 1, 2;
select co_name from pgq.consumer order by 1;

-- The worker honours the position, the watermark starts at the global one.
select * from pgq_node.register_subscriber('q', 'sub', 'sub_worker', 3);
select * from pgq_node.register_subscriber('q', 'sub2', 'sub2_worker', null);
select queue_name, consumer_name, last_tick from pgq.get_consumer_info() order by 1, 2;
select * from pgq_node.get_subscriber_info('q');
select * from pgq_node.get_subscriber_info('unknown');
select * from pgq_node.subscriber_info order by 1, 2;

-- once only
select * from pgq_node.register_subscriber('q', 'sub', 'sub_worker', 2);
select queue_name, consumer_name, last_tick from pgq.get_consumer_info() order by 1, 2;

-- watermarks of subscribers
select * from pgq_node.set_subscriber_watermark('q', 'sub', 2);
select * from pgq_node.set_subscriber_watermark('q', 'sub', 2);
select * from pgq_node.set_subscriber_watermark('q', 'sub', 1);
select * from pgq_node.set_subscriber_watermark('q', 'sub', 77);
select * from pgq_node.set_subscriber_watermark('q', 'sub', null);
select * from pgq_node.set_subscriber_watermark('q', 'stranger', 2);
select ret_note || '<' as until_here from pgq_node.set_subscriber_watermark('q', 'stranger', 2);
select * from pgq_node.set_subscriber_watermark('unknown', 'sub', 2);
select * from pgq_node.set_subscriber_watermark('q', null, 2);
select * from pgq_node.get_subscriber_info('q');

-- A watermark consumer that somebody took away reads as null.
select pgq.unregister_consumer('q', '.sub2.watermark');
delete from pgq_node.subscriber_info where subscriber_node = 'sub2';
select pgq.unregister_consumer('q', 'sub2_worker');
select * from pgq_node.register_subscriber('q', 'sub2', 'sub2_worker', null);
select pgq.create_queue('keeper');
select pgq.register_consumer('keeper', '.sub2.watermark');
select pgq.unregister_consumer('q', '.sub2.watermark');
select * from pgq_node.get_subscriber_info('q');

select * from pgq_node.unregister_subscriber('q', 'stranger');
select * from pgq_node.unregister_subscriber('unknown', 'sub');
select * from pgq_node.unregister_subscriber(null, 'sub');
select * from pgq_node.unregister_subscriber('q', null);
select * from pgq_node.unregister_subscriber('q', 'sub');
select * from pgq_node.unregister_subscriber('q', 'sub');
select * from pgq_node.unregister_subscriber('q', 'sub2');
select queue_name, consumer_name, last_tick from pgq.get_consumer_info() order by 1, 2;
select co_name from pgq.consumer order by 1;

-- nobody subscribes to a leaf
select * from pgq_node.register_location('l', 'root', 'dbname=root', false);
select * from pgq_node.register_location('l', 'leaf', 'dbname=leaf', false);
select * from pgq_node.create_node('l', 'leaf', 'leaf', 'leaf_worker', 'root', 7, null);
select * from pgq_node.register_subscriber('l', 'root', 'w', null);

-- but to a branch
select * from pgq_node.register_location('b', 'root', 'dbname=root', false);
select * from pgq_node.register_location('b', 'branch', 'dbname=branch', false);
select * from pgq_node.register_location('b', 'below', 'dbname=below', false);
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', 'root', 50, null);
select * from pgq_node.register_subscriber('b', 'below', 'below_worker', null);
select * from pgq_node.get_subscriber_info('b');
