-- A root, a branch, a plain leaf, and merge leafs on all kinds of targets.
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['cr', 'cb', 'r', 'b', 'l', 'm1', 'm2', 'mb', 'mp']) q,
       unnest(array['top', 'here']) n;
select pgq.create_queue('plain');
select * from pgq_node.create_node('cr', 'root', 'here', 'cr_worker', null, null, null);
select * from pgq_node.create_node('cb', 'branch', 'here', 'cb_worker', 'top', 10, null);
select * from pgq_node.create_node('r', 'root', 'here', 'r_worker', null, null, null);
select * from pgq_node.create_node('l', 'leaf', 'here', 'l_worker', 'top', 5, null);
select * from pgq_node.create_node('m2', 'leaf', 'here', 'm2_worker', 'top', 6, 'cr');
select * from pgq_node.create_node('m1', 'leaf', 'here', 'm1_worker', 'top', 7, 'cr');
select * from pgq_node.create_node('mb', 'leaf', 'here', 'mb_worker', 'top', 8, 'cb');
select * from pgq_node.create_node('mp', 'leaf', 'here', 'mp_worker', 'top', 9, 'plain');
select * from pgq_node.set_node_attrs('r', 'a=1');
\x on
select * from pgq_node.get_node_info('cr');
select * from pgq_node.get_node_info('cb');
select * from pgq_node.get_node_info('r');
select * from pgq_node.get_node_info('l');
select * from pgq_node.get_node_info('m1');
select * from pgq_node.get_node_info('mb');
select * from pgq_node.get_node_info('mp');
select * from pgq_node.get_node_info('plain');
select * from pgq_node.get_node_info('unknown');
select * from pgq_node.get_node_info(null);
select * from pgq_node.get_worker_state('cr');
select * from pgq_node.get_worker_state('cb');
select * from pgq_node.get_worker_state('r');
select * from pgq_node.get_worker_state('l');
select * from pgq_node.get_worker_state('m1');
select * from pgq_node.get_worker_state('mb');
select * from pgq_node.get_worker_state('mp');
select * from pgq_node.get_worker_state('unknown');
select * from pgq_node.get_worker_state(null);

-- flags and errors show up
select * from pgq_node.set_consumer_paused('l', 'l_worker', true);
select * from pgq_node.set_consumer_error('l', 'l_worker', 'broken');
select * from pgq_node.get_worker_state('l');
select * from pgq_node.get_node_info('l');

-- a worker without registration
delete from pgq_node.local_state where queue_name = 'l';
select * from pgq_node.get_worker_state('l');
select * from pgq_node.get_node_info('l');
select * from pgq_node.get_consumer_state('l', 'l_worker');
\x off

-- the position of a merge leaf that follows a combined branch
select * from pgq_node.set_partition_watermark('cb', 'mb', 20);
select * from pgq_node.set_partition_watermark('cb', 'mb', 15);
select * from pgq_node.set_partition_watermark('cr', 'm1', 20);
select * from pgq_node.set_partition_watermark('cb', 'm1', 20);
select * from pgq_node.set_partition_watermark('plain', 'mp', 20);
select * from pgq_node.set_partition_watermark('cb', 'unknown', 20);
select * from pgq_node.set_partition_watermark('unknown', 'mb', 20);
select * from pgq_node.set_partition_watermark(null, null, null);
select * from pgq_node.set_partition_watermark('cb', 'mb', null);
select queue_name, consumer_name, last_tick_id from pgq_node.local_state order by 1, 2;
delete from pgq_node.local_state where queue_name = 'mb';
select * from pgq_node.set_partition_watermark('cb', 'mb', 30);

select q, pgq_node.is_root_node(q), pgq_node.is_leaf_node(q) from unnest(array['r', 'cb', 'l']) q;
select pgq_node.is_root_node('plain');
select pgq_node.is_leaf_node('unknown');
select pgq_node.is_root_node(null);
select pgq_node.is_leaf_node(null);

select pgq_node.version();
select pgq_node.upgrade_schema();
