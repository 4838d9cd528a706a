-- A node's new name: the original calls these functions and does not have them.
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['r', 'b', 'l', 'other']) q, unnest(array['top', 'here', 'below', 'side']) n;
select * from pgq_node.create_node('r', 'root', 'here', 'r_worker', null, null, null);
select * from pgq_node.create_node('b', 'branch', 'here', 'b_worker', 'top', 5, null);
select * from pgq_node.create_node('l', 'leaf', 'here', 'l_worker', 'top', 3, null);
select pgq.force_tick('r'), pgq.force_tick('r');
select pgq.ticker('r');
select * from pgq_node.register_subscriber('r', 'below', 'below_worker', 1);
select * from pgq_node.set_subscriber_watermark('r', 'below', 2);
select * from pgq_node.register_subscriber('b', 'below', 'below_worker', null);
select * from pgq_node.register_consumer('l', 'extra', 'side', 7);
select pgq_node.set_consumer_uptodate('l', c, true) from unnest(array['l_worker', 'extra']) c;
select coalesce(max(ev_id), 0) as seen from pgq.event_template \gset

-- refusals
select * from pgq_node.rename_node_step1('r', 'unknown', 'new');
select * from pgq_node.rename_node_step1('unknown', 'here', 'new');
select * from pgq_node.rename_node_step1('r', 'below', 'side');
select * from pgq_node.rename_node_step1('r', 'below', 'below');
select * from pgq_node.rename_node_step1('r', 'below', '');
select * from pgq_node.rename_node_step1('r', 'below', null);
select * from pgq_node.rename_node_step1(null, 'below', 'new');
select * from pgq_node.rename_node_step2('r', 'below', 'new');
select * from pgq_node.rename_node_step2('r', 'below', null);
select count(*) from pgq.event_template where ev_id > :seen;

-- a subscriber of a root, with its watermark where it was
select * from pgq_node.rename_node_step1('r', 'below', 'new');
select * from pgq_node.rename_node_step1('r', 'below', 'new');
select node_name, dead from pgq_node.get_queue_locations('r') order by 1;
select * from pgq_node.rename_node_step2('r', 'below', 'new');
select * from pgq_node.rename_node_step2('r', 'below', 'new');
select * from pgq_node.rename_node_step1('r', 'below', 'new');
select * from pgq_node.get_queue_locations('r') order by 1;
select * from pgq_node.get_subscriber_info('r');
select consumer_name, last_tick from pgq.get_consumer_info('r') order by 1;
select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3 from pgq.event_template where ev_id > :seen order by ev_id;

-- the node itself: a root reads from itself
begin;
select * from pgq_node.rename_node_step1('r', 'here', 'root');
select * from pgq_node.rename_node_step2('r', 'here', 'root');
commit;
select node_type, node_name, provider_node, worker_uptodate from pgq_node.get_node_info('r');

-- and a provider, of the worker and of others
select * from pgq_node.rename_node_step1('l', 'top', 'peak');
select * from pgq_node.rename_node_step2('l', 'top', 'peak');
select * from pgq_node.get_consumer_info('l');
select * from pgq_node.rename_node_step1('l', 'side', 'edge');
select * from pgq_node.rename_node_step2('l', 'side', 'edge');
select * from pgq_node.get_consumer_info('l');
select * from pgq_node.rename_node_step1('b', 'below', 'new');
select * from pgq_node.rename_node_step2('b', 'below', 'new');
select * from pgq_node.get_subscriber_info('b');

-- where there is no node, the members are renamed
select * from pgq_node.rename_node_step1('other', 'side', 'edge');
select * from pgq_node.rename_node_step2('other', 'side', 'edge');
select node_name from pgq_node.get_queue_locations('other') order by 1;

-- a subscriber whose watermark somebody has removed gets one
select * from pgq_node.register_subscriber('b', 'side', 'side_worker', null);
delete from pgq.subscription s using pgq.consumer c
 where c.co_id = s.sub_consumer and c.co_name = '.side.watermark';
select * from pgq_node.rename_node_step1('b', 'side', 'edge');
select * from pgq_node.rename_node_step2('b', 'side', 'edge');
select * from pgq_node.get_subscriber_info('b');
