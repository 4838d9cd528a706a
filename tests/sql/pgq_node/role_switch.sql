select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['q', 'l', 'b']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('q', 'root', 'here', 'q_worker', null, null, null);
select * from pgq_node.create_node('l', 'leaf', 'here', 'l_worker', 'top', 3, null);
select * from pgq_node.create_node('b', 'branch', 'here', 'b_worker', 'top', 30, null);

-- wrong places, wrong order
select * from pgq_node.demote_root('unknown', 1, 'top');
select * from pgq_node.demote_root('l', 1, 'top');
select * from pgq_node.demote_root('b', 1, 'top');
select * from pgq_node.demote_root('q', 2, 'top');
select * from pgq_node.demote_root('q', 3, 'top');
select * from pgq_node.demote_root('q', 4, 'top');
select * from pgq_node.demote_root('q', 0, 'top');
select * from pgq_node.demote_root('q', -1, 'top');
select * from pgq_node.demote_root('q', null, 'top');
select * from pgq_node.promote_branch('unknown');
select * from pgq_node.promote_branch('l');
select * from pgq_node.promote_branch('q');

-- one
select pgq.insert_event('q', 'before', 'data');
select * from pgq_node.demote_root('q', 1, 'top');
select * from pgq_node.demote_root('q', 1, 'top');
select queue_name, queue_disable_insert, queue_external_ticker from pgq.queue order by 1;
select pgq.insert_event('q', 'after', 'data');
select * from pgq_node.register_location('q', 'new', 'dbname=new', false);
select * from pgq_node.unregister_location('q', 'new');
select * from pgq_node.set_global_watermark('q', null);
select * from pgq_node.demote_root('q', 4, 'top');

-- two, with the replica role until the end of the transaction
begin;
select * from pgq_node.demote_root('q', 2, 'top');
show session_replication_role;
select c.relname, l.mode
  from pg_locks l join pg_class c on c.oid = l.relation
 where c.relname ~ '^event_1(_[0-9])?$' and l.mode = 'ExclusiveLock' order by 1;
commit;
show session_replication_role;
select * from pgq_node.demote_root('q', 2, null);
select tick_id, tick_event_seq from pgq.tick where tick_queue = 1 order by 1;

-- three
select * from pgq_node.set_consumer_uptodate('q', 'q_worker', true);
select * from pgq_node.demote_root('q', 3, 'stranger');
select * from pgq_node.demote_root('q', 3, 'top');
select * from pgq_node.demote_root('q', 3, 'top');
select node_type, node_name, worker_name from pgq_node.node_info where queue_name = 'q';
select * from pgq_node.get_consumer_info('q');
select queue_name, queue_disable_insert, queue_external_ticker from pgq.queue order by 1;

-- and back: ticks go on behind the copied ones
select pgq.ticker('q', 100, now(), 500);
select * from pgq_node.promote_branch('q');
select * from pgq_node.promote_branch('q');
select node_type, node_name, worker_name from pgq_node.node_info where queue_name = 'q';
select * from pgq_node.get_consumer_info('q');
select queue_name, queue_disable_insert, queue_external_ticker from pgq.queue order by 1;
select pgq.insert_event('q', 'again', 'data') > 500 as behind;
select pgq.force_tick('q');
select pgq.ticker('q');

-- A branch without any tick of its own keeps its sequence.
select * from pgq_node.promote_branch('b');
select pgq.force_tick('b');
select pgq.ticker('b');

-- a root that lost its queue
select pgq.drop_queue('q', true);
select * from pgq_node.demote_root('q', 1, 'top');
select * from pgq_node.demote_root('q', 2, 'top');
