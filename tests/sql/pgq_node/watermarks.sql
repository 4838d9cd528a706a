select * from pgq_node.register_location('q', 'root', 'dbname=root', false);
select * from pgq_node.register_location('q', 'sub', 'dbname=sub', false);
select * from pgq_node.create_node('q', 'root', 'root', 'root_worker', null, null, null);
select pgq.force_tick('q');
select pgq.ticker('q');
select pgq.force_tick('q');
select pgq.ticker('q');
select pgq.force_tick('q');
select pgq.ticker('q');

-- Nobody reads: the local watermark is the newest tick.
select ret_code, global_watermark, local_watermark, worker_last_tick from pgq_node.get_node_info('q');
select completed_tick, global_watermark, local_watermark, local_queue_top from pgq_node.get_worker_state('q');

-- A subscriber, then any other consumer, holds it back.
select * from pgq_node.register_subscriber('q', 'sub', 'sub_worker', 3);
select * from pgq_node.set_subscriber_watermark('q', 'sub', 2);
select global_watermark, local_watermark, worker_last_tick from pgq_node.get_node_info('q');
select pgq.register_consumer_at('q', 'plain', 1);
select global_watermark, local_watermark, worker_last_tick from pgq_node.get_node_info('q');
select pgq.unregister_consumer('q', 'plain');

-- root: null means the local watermark
select * from pgq_node.set_global_watermark('q', null);
select completed_tick, global_watermark, local_watermark, local_queue_top from pgq_node.get_worker_state('q');
select * from pgq_node.set_global_watermark('q', 4);
select * from pgq_node.set_global_watermark('q', 1);
select * from pgq_node.set_global_watermark('q', 99);
select completed_tick, global_watermark, local_watermark, local_queue_top from pgq_node.get_worker_state('q');
select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 from pgq.event_template order by ev_id;

select * from pgq_node.set_global_watermark('unknown', 1);
select * from pgq_node.set_global_watermark(null, 1);

-- branch
select * from pgq_node.register_location('b', 'root', 'dbname=root', false);
select * from pgq_node.register_location('b', 'branch', 'dbname=branch', false);
select * from pgq_node.create_node('b', 'branch', 'branch', 'branch_worker', 'root', 50, null);
select pgq.ticker('b', 60, now(), 100);
select * from pgq_node.set_global_watermark('b', null);
select * from pgq_node.set_global_watermark('b', 55);
select global_watermark, local_watermark, worker_last_tick from pgq_node.get_node_info('b');
select * from pgq_node.set_global_watermark('b', 60);
select completed_tick, global_watermark, local_watermark, local_queue_top from pgq_node.get_worker_state('b');
select * from pgq_node.set_global_watermark('b', 50);
select completed_tick, global_watermark, local_watermark, local_queue_top from pgq_node.get_worker_state('b');

-- leaf
select * from pgq_node.register_location('l', 'root', 'dbname=root', false);
select * from pgq_node.register_location('l', 'leaf', 'dbname=leaf', false);
select * from pgq_node.create_node('l', 'leaf', 'leaf', 'leaf_worker', 'root', 7, null);
select * from pgq_node.set_global_watermark('l', 9);
select * from pgq_node.set_global_watermark('l', null);
select global_watermark, local_watermark, worker_last_tick from pgq_node.get_node_info('l');
select completed_tick, global_watermark, local_watermark, local_queue_top from pgq_node.get_worker_state('l');

-- maintenance publishes what is older than five minutes, on a root only
select pgq_node.maint_watermark('q');
select last_tick from pgq.get_consumer_info('q', '.global_watermark');
update pgq.tick set tick_time = now() - '4 minutes 50 seconds'::interval where tick_queue = 1;
select pgq_node.maint_watermark('q');
select last_tick from pgq.get_consumer_info('q', '.global_watermark');
update pgq.tick set tick_time = now() - '5 minutes'::interval where tick_queue = 1;
select pgq_node.maint_watermark('q');
select last_tick from pgq.get_consumer_info('q', '.global_watermark');
update pgq.tick set tick_time = now() - '1 hour'::interval;
select pgq_node.maint_watermark('b');
select pgq_node.maint_watermark('l');
select pgq_node.maint_watermark('unknown');
select pgq_node.maint_watermark(null);
select queue_name, consumer_name, last_tick from pgq.get_consumer_info() order by 1, 2;
select func_name, func_arg from pgq.maint_operations() where func_name like 'pgq_node%';

-- A root whose queue has lost all consumers and ticks has no watermark to publish.
delete from pgq.subscription;
delete from pgq.tick where tick_queue = 1;
select * from pgq_node.set_global_watermark('q', null);
select ret_code, global_watermark, local_watermark, worker_last_tick from pgq_node.get_node_info('q');
